"""C sources for one platform, whatever the host: `zig_library` a shared library, `zig_program` a program.

The same bytes every time.
"""

load("//third_party/python:toolbox.bzl", "PYTHON", "python_inputs", "python_program")

def _compile(ctx, kind):
    # One folder for each platform: the library is found by one name on all of them.
    out = ctx.actions.declare_file("%s/%s" % (ctx.label.name, ctx.attr.file_name))
    sources = [file for file in ctx.files.srcs if file.extension == "c"]
    ctx.actions.run(
        executable = python_program(ctx),
        arguments = [
            ctx.file._program.path,
            "--zig",
            ctx.file._zig.path,
            "--kind",
            kind,
            "--target",
            ctx.attr.target,
            "--out",
            out.path,
        ] + [file.path for file in sources],
        inputs = ctx.files.srcs + [ctx.file._zig, ctx.file._zig_stamp, ctx.file._program] + python_inputs(ctx),
        outputs = [out],
        mnemonic = "ZigLibrary",
        progress_message = "Compiling %s for %s" % (ctx.attr.file_name, ctx.attr.target),
    )
    return [DefaultInfo(files = depset([out]))]

_ATTRIBUTES = dict(PYTHON, **{
    "file_name": attr.string(mandatory = True),
    "srcs": attr.label_list(mandatory = True, allow_files = [".c", ".h"]),
    "target": attr.string(mandatory = True, doc = "as `zig cc -target` takes it, with the oldest glibc"),
    "_program": attr.label(default = "//third_party/zig:build_library.py", allow_single_file = True),
    "_zig": attr.label(default = "@coral_zig//:ziglang", allow_single_file = True),
    "_zig_stamp": attr.label(default = "@coral_zig//:stamp", allow_single_file = True),
})

def _zig_library_impl(ctx):
    return _compile(ctx, "library")

def _zig_program_impl(ctx):
    return _compile(ctx, "program")

zig_library = rule(implementation = _zig_library_impl, attrs = _ATTRIBUTES)
zig_program = rule(implementation = _zig_program_impl, attrs = _ATTRIBUTES)
