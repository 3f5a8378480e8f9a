"""`wheels`: one target `wheel_<platform>` for each platform, `wheel` for this machine's and `wheels` for all.

`source_distribution`: everything that Coral is made of, as pip names and packs it.
"""

load("//packaging:deno_archive.bzl", "deno_archive")
load("//packaging:listing.bzl", "PACKAGE", "native_entries", "package_listing")
load("//packaging:sbom.bzl", "release_sbom", "source_date_epoch", "wheel_sbom")
load("//python/native:targets.bzl", "NATIVE_LIBRARIES", "STARTERS")
load("//third_party/deno:platforms.bzl", "PLATFORMS")
load("//third_party/python:toolbox.bzl", "PYTHON", "python_inputs", "python_program")

def _coral_wheel_impl(ctx):
    platform = ctx.attr.platform
    wheel = ctx.actions.declare_file("coral-%s-py3-none-%s.whl" % (ctx.attr.version, platform))
    bill, licences = ctx.files.sbom
    listing, files = package_listing(ctx, ctx.label.name + ".listing", [
        (ctx.file.deno_archive, "python/coral/_deno"),
        (ctx.file.deno_licence, "packaging/licences/deno-LICENSE"),
        (licences, "packaging/licences/npm-LICENSES.txt"),
        (bill, "packaging/sboms/coral.cdx.json"),
    ] + native_entries(ctx, "packaging/starter/coral") + [(file, file.short_path) for file in ctx.files.metadata])
    ctx.actions.run(
        executable = python_program(ctx),
        arguments = [
            ctx.file._program.path,
            "--listing",
            listing.path,
            "--platform",
            platform,
            "--epoch",
            source_date_epoch(ctx),
            "--out",
            wheel.path,
        ],
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
        "sbom": attr.label(mandatory = True, allow_files = True, doc = "bill of materials, licences of npm packages"),
        "version": attr.string(mandatory = True),
        "_program": attr.label(default = "//packaging:build_wheel.py", allow_single_file = True),
        "_stage": attr.label(default = "//packaging:stage_tree.py", allow_single_file = True),
    }),
)

def _source_distribution_impl(ctx):
    out = ctx.actions.declare_file("coral-%s.tar.gz" % ctx.attr.version)
    listing = ctx.actions.declare_file(ctx.label.name + ".listing")
    ctx.actions.write(listing, "".join(["%s\t%s\n" % (file.path, file.short_path) for file in ctx.files.srcs]))
    ctx.actions.run(
        executable = python_program(ctx),
        arguments = [
            ctx.file._program.path,
            "--listing",
            listing.path,
            "--epoch",
            source_date_epoch(ctx),
            "--out",
            out.path,
        ],
        inputs = ctx.files.srcs + [listing, ctx.file._program, ctx.file._stage] + python_inputs(ctx),
        outputs = [out],
        mnemonic = "CoralSdist",
        progress_message = "Packing the source distribution",
    )
    return [DefaultInfo(files = depset([out]), runfiles = ctx.runfiles([out]))]

source_distribution = rule(
    implementation = _source_distribution_impl,
    attrs = dict(PYTHON, **{
        "srcs": attr.label_list(mandatory = True, allow_files = True),
        "version": attr.string(mandatory = True),
        "_program": attr.label(default = "//packaging:build_wheel.py", allow_single_file = True),
        "_stage": attr.label(default = "//packaging:stage_tree.py", allow_single_file = True),
    }),
    doc = "The sources as hatchling packs them; a wheel cannot be made of them by pip, and they say so.",
)

def wheels(name, host, **package):
    """Makes the matrix.

    Args:
      name: of the target for this machine's platform; with an `s`, of all of them.
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
        wheel_sbom(
            name = "sbom_" + platform,
            deno_archive = ":deno_" + platform,
            platform = platform,
            sdk = package["sdk"],
            tags = tags,
            version = package["version"],
        )
        _coral_wheel(
            name = "wheel_" + platform,
            deno_archive = ":deno_" + platform,
            deno_licence = "@%s//:LICENSE" % facts.repository,
            native_library = NATIVE_LIBRARIES.get(platform),
            platform = platform,
            sbom = ":sbom_" + platform,
            starter = STARTERS.get(platform),
            tags = tags,
            **package
        )
    native.alias(
        name = name,
        actual = ":wheel_" + host,
    )
    native.filegroup(
        name = name + "s",
        srcs = [":wheel_" + platform for platform in PLATFORMS],
        tags = ["manual"],
    )
    release_sbom(
        name = "sbom",
        deno_archives = {":deno_" + platform: platform for platform in PLATFORMS},
        sdk = package["sdk"],
        tags = ["manual"],
        version = package["version"],
    )
