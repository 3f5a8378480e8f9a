"""`wheels`: one target `wheel_<platform>` for each platform, and `wheel` for this machine's."""

load("//packaging:deno_archive.bzl", "deno_archive")
load("//packaging:listing.bzl", "PACKAGE", "native_entries", "package_listing")
load("//python/native:targets.bzl", "NATIVE_LIBRARIES")
load("//third_party/deno:platforms.bzl", "PLATFORMS")
load("//third_party/python:toolbox.bzl", "PYTHON", "python_inputs", "python_program")

def _coral_wheel_impl(ctx):
    platform = ctx.attr.platform
    wheel = ctx.actions.declare_file("coral-%s-py3-none-%s.whl" % (ctx.attr.version, platform))
    listing, files = package_listing(ctx, ctx.label.name + ".listing", [
        (ctx.file.deno_archive, "python/coral/_deno"),
        (ctx.file.deno_licence, "packaging/licences/deno-LICENSE"),
    ] + native_entries(ctx) + [(file, file.short_path) for file in ctx.files.metadata])
    ctx.actions.run(
        executable = python_program(ctx),
        arguments = [ctx.file._program.path, "--listing", listing.path, "--platform", platform, "--out", wheel.path],
        inputs = files + [listing, ctx.file._program, ctx.file._stage] + python_inputs(ctx),
        outputs = [wheel],
        mnemonic = "CoralWheel",
        progress_message = "Building the wheel for " + platform,
    )
    return [DefaultInfo(files = depset([wheel]), runfiles = ctx.runfiles([wheel]))]

_coral_wheel = rule(
    implementation = _coral_wheel_impl,
    attrs = dict(dict(PACKAGE, **PYTHON), **{
        "deno_archive": attr.label(mandatory = True, allow_single_file = True),
        "deno_licence": attr.label(mandatory = True, allow_single_file = True),
        "metadata": attr.label_list(mandatory = True, allow_files = True),
        "platform": attr.string(mandatory = True),
        "version": attr.string(mandatory = True),
        "_program": attr.label(default = "//packaging:build_wheel.py", allow_single_file = True),
        "_stage": attr.label(default = "//packaging:stage_tree.py", allow_single_file = True),
    }),
)

def wheels(name, host, **package):
    """Makes the matrix.

    Args:
      name: of the target for this machine's platform.
      host: this machine's platform.
      **package: the parts that all platforms share.
    """
    for platform, facts in PLATFORMS.items():
        # `bazelw build //...` makes this machine's wheel only: each other one is a download of 40 MB.
        tags = [] if platform == host else ["manual"]
        deno_archive(
            name = "deno_" + platform,
            binary = "@%s//:binary" % facts.repository,
            facts = "@%s//:deno.json" % facts.repository,
            tags = tags,
        )
        _coral_wheel(
            name = "wheel_" + platform,
            deno_archive = ":deno_" + platform,
            deno_licence = "@%s//:LICENSE" % facts.repository,
            native_library = NATIVE_LIBRARIES.get(platform),
            platform = platform,
            tags = tags,
            **package
        )
    native.alias(
        name = name,
        actual = ":wheel_" + host,
    )
