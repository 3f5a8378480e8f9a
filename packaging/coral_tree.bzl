"""`coral_tree`: the whole package as it runs, generated parts and the raw Deno binary included.

Tests, the demo and the set-up for editors run from it; its `python/` is the import root.
"""

load("//packaging:listing.bzl", "PACKAGE", "native_entries", "package_listing")
load("//third_party/python:toolbox.bzl", "PYTHON", "python_inputs", "python_program")

def _coral_tree_impl(ctx):
    out = ctx.actions.declare_directory(ctx.label.name)
    deno = ctx.file.deno
    listing, files = package_listing(ctx, ctx.label.name + ".listing", [
        (deno, "python/coral/_deno/" + deno.basename),
        (ctx.file.deno_archive, "python/coral/_deno"),
    ] + native_entries(ctx, "python/coral/_native/starter"))
    ctx.actions.run(
        executable = python_program(ctx),
        arguments = [ctx.file._program.path, "--listing", listing.path, "--out", out.path, "--compile"],
        inputs = files + [listing, ctx.file._program] + python_inputs(ctx),
        outputs = [out],
        mnemonic = "CoralTree",
        progress_message = "Putting the package together",
    )
    return [DefaultInfo(files = depset([out]), runfiles = ctx.runfiles([out]))]

coral_tree = rule(
    implementation = _coral_tree_impl,
    attrs = dict(dict(PACKAGE, **PYTHON), **{
        "deno": attr.label(mandatory = True, allow_single_file = True),
        "deno_archive": attr.label(mandatory = True, allow_single_file = True),
        "_program": attr.label(default = "//packaging:stage_tree.py", allow_single_file = True),
    }),
)
