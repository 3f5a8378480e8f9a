"""Rules for the SDK: `sdk_bundle` makes what the wheel carries, `npm_package` what a registry takes."""

load("//third_party/npm:toolbox.bzl", "NODE", "node_inputs")
load("//third_party/python:toolbox.bzl", "PYTHON", "python_inputs", "python_program")

# Bazel's inputs are links into the tree. tsc and esbuild follow links, and would then look for
# `./gen` beside the committed source: they get a copy.
_BUNDLE = """
set -euo pipefail
root="$PWD"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cp -RL {sdk} "$work/sdk"
chmod -R u+w "$work"
rm -rf "$work/sdk/gen" "$work/sdk/node_modules"
cp -RL {gen} "$work/sdk/gen"
ln -s "$root/{node_modules}" "$work/node_modules"
export PATH="$root/{node_modules}/.bin:$PATH"
cd "$work/sdk"
"$root/{node}" build.mjs --gen "$work/sdk/gen" --node-modules "$root/{node_modules}" --out "$root/{out}"
"""

def _sdk_bundle_impl(ctx):
    out = ctx.actions.declare_directory(ctx.label.name)
    ctx.actions.run_shell(
        command = _BUNDLE.format(
            gen = ctx.file.gen.path,
            node = ctx.file._node.path,
            node_modules = ctx.file._node_modules.path,
            out = out.path,
            sdk = ctx.label.package,
        ),
        inputs = ctx.files.srcs + [ctx.file.gen] + node_inputs(ctx),
        outputs = [out],
        mnemonic = "SdkBundle",
        progress_message = "Bundling @coral/sdk",
        use_default_shell_env = True,
    )
    return [DefaultInfo(files = depset([out]))]

sdk_bundle = rule(
    implementation = _sdk_bundle_impl,
    attrs = dict(NODE, **{
        "gen": attr.label(mandatory = True, allow_single_file = True),
        "srcs": attr.label_list(mandatory = True, allow_files = True),
    }),
    doc = "The folder `coral/_sdk`: mod.js and types/.",
)

def _npm_package_impl(ctx):
    out = ctx.actions.declare_file("coral-sdk-%s.tgz" % ctx.attr.version)
    ctx.actions.run(
        executable = python_program(ctx),
        arguments = [
            ctx.file._program.path,
            "--version",
            ctx.attr.version,
            "--package-json",
            ctx.file.package_json.path,
            "--bundle",
            ctx.file.bundle.path,
            "--out",
            out.path,
        ] + [file.path for file in ctx.files.documents],
        inputs = ctx.files.documents + [ctx.file.package_json, ctx.file.bundle, ctx.file._program] +
                 python_inputs(ctx),
        outputs = [out],
        mnemonic = "NpmPackage",
        progress_message = "Packing @coral/sdk for npm",
    )
    return [DefaultInfo(files = depset([out]))]

npm_package = rule(
    implementation = _npm_package_impl,
    attrs = dict(PYTHON, **{
        "bundle": attr.label(mandatory = True, allow_single_file = True),
        "documents": attr.label_list(allow_files = True, doc = "README and licence"),
        "package_json": attr.label(mandatory = True, allow_single_file = True),
        "version": attr.string(mandatory = True),
        "_program": attr.label(default = "//packaging:pack_npm.py", allow_single_file = True),
    }),
    doc = "The tarball of @coral/sdk, as `npm publish` takes it.",
)
