"""Rules that turn the contracts in this folder into Python and TypeScript. Nothing generated is committed."""

load("//third_party/npm:toolbox.bzl", "NODE", "node_inputs")
load("//third_party/python:toolbox.bzl", "PYTHON", "python_inputs", "python_program")

_COMMON = {
    "generator": attr.label(mandatory = True, allow_single_file = [".py"]),
    "protos": attr.label_list(mandatory = True, allow_files = [".proto"]),
}

def _python_stubs_impl(ctx):
    out = ctx.actions.declare_directory(ctx.label.name)
    ctx.actions.run(
        executable = python_program(ctx),
        arguments = [ctx.file.generator.path, "--proto-root", ctx.label.package, "--out", out.path],
        inputs = ctx.files.protos + [ctx.file.generator] + python_inputs(ctx),
        outputs = [out],
        mnemonic = "PythonStubs",
        progress_message = "Generating Python stubs",
    )
    return [DefaultInfo(files = depset([out]))]

python_stubs = rule(
    implementation = _python_stubs_impl,
    attrs = dict(_COMMON, **PYTHON),
    doc = "The folder `coral/_proto`.",
)

def _typescript_stubs_impl(ctx):
    out = ctx.actions.declare_directory(ctx.label.name)
    ctx.actions.run(
        executable = python_program(ctx),
        arguments = [
            ctx.file.generator.path,
            "--proto-root",
            ctx.label.package,
            "--node",
            ctx.file._node.path,
            "--node-modules",
            ctx.file._node_modules.path,
            "--out",
            out.path,
        ],
        inputs = ctx.files.protos + [ctx.file.generator] + python_inputs(ctx) + node_inputs(ctx),
        outputs = [out],
        mnemonic = "TypeScriptStubs",
        progress_message = "Generating TypeScript stubs",
    )
    return [DefaultInfo(files = depset([out]))]

typescript_stubs = rule(
    implementation = _typescript_stubs_impl,
    attrs = dict(dict(_COMMON, **PYTHON), **NODE),
    doc = "The folder `typescript/sdk/gen`.",
)
