"""`container_images`: an archive for `docker load`, made without Docker."""

load("//third_party/python:toolbox.bzl", "PYTHON", "python_inputs", "python_program")

def _container_images_impl(ctx):
    archive, report = ctx.outputs.archive, ctx.outputs.report
    arguments = ctx.actions.args()
    arguments.add(ctx.file._main)
    arguments.add("--base", ctx.file._base)
    arguments.add("--problem", ctx.file._problem)
    arguments.add("--wheel", ctx.file.wheel)
    arguments.add("--wheelhouse", ctx.file._wheelhouse)
    arguments.add("--version", ctx.attr.version)
    arguments.add_all(ctx.attr.images, before_each = "--image")
    arguments.add("--out", archive)
    arguments.add("--report", report)
    ctx.actions.run(
        executable = python_program(ctx),
        arguments = [arguments],
        inputs = ctx.files._programs + [
            ctx.file._main,
            ctx.file._base,
            ctx.file._problem,
            ctx.file._wheelhouse,
            ctx.file.wheel,
        ] + python_inputs(ctx),
        outputs = [archive, report],
        mnemonic = "CoralImages",
        progress_message = "Building container images",
    )
    files = [archive, report]
    return [DefaultInfo(files = depset(files), runfiles = ctx.runfiles(files))]

_container_images = rule(
    implementation = _container_images_impl,
    attrs = dict(PYTHON, **{
        "archive": attr.output(mandatory = True),
        "images": attr.string_list(mandatory = True),
        "report": attr.output(mandatory = True),
        "version": attr.string(mandatory = True),
        "wheel": attr.label(mandatory = True, allow_single_file = [".whl"]),
        "_base": attr.label(default = "@coral_debian//:base.tar", allow_single_file = True),
        "_main": attr.label(default = "//packaging/images:build_images.py", allow_single_file = True),
        "_problem": attr.label(default = "@coral_debian//:problem", allow_single_file = True),
        "_programs": attr.label(default = "//packaging/images:programs"),
        "_wheelhouse": attr.label(default = "@coral_python//:wheelhouse", allow_single_file = True),
    }),
)

def container_images(name, **kwargs):
    """Makes `NAME.tar`, the archive, and `NAME.json`: by image its id and bytes, or why there is none.

    Args:
      name: of the target.
      **kwargs: `images`, their names; `version`, their tag; `wheel`.
    """
    _container_images(
        name = name,
        archive = name + ".tar",
        report = name + ".json",
        **kwargs
    )
