"""`wheel_sbom`: the bill of materials and the licences of one wheel; `release_sbom`: the bill of a whole release."""

load("//third_party/python:toolbox.bzl", "PYTHON", "python_inputs", "python_program")

# 2020-01-01: equal sources give equal bytes on any day. A release takes the time of its commit instead:
# --define source_date_epoch=SECONDS.
_EPOCH = "1577836800"

def source_date_epoch(ctx):
    """The time that goes into what is delivered, in seconds since 1970."""
    return ctx.var.get("source_date_epoch", _EPOCH)

_SBOM = dict(PYTHON, **{
    "sdk": attr.label(mandatory = True, allow_single_file = True, doc = "the folder coral/_sdk"),
    "version": attr.string(mandatory = True),
    "_npm_lock": attr.label(default = "//third_party/npm:package-lock.json", allow_single_file = True),
    "_parts": attr.label(default = "//packaging:parts.py", allow_single_file = True),
    "_program": attr.label(default = "//packaging:make_sbom.py", allow_single_file = True),
})

def _make(ctx, out, arguments, inputs, more_outputs = []):
    ctx.actions.run(
        executable = python_program(ctx),
        arguments = [
            ctx.file._program.path,
            "--version",
            ctx.attr.version,
            "--epoch",
            source_date_epoch(ctx),
            "--sdk",
            ctx.file.sdk.path,
            "--npm-lock",
            ctx.file._npm_lock.path,
            "--out",
            out.path,
        ] + arguments,
        inputs = inputs + [ctx.file.sdk, ctx.file._npm_lock, ctx.file._parts, ctx.file._program] + python_inputs(ctx),
        outputs = [out] + more_outputs,
        mnemonic = "CoralSbom",
        progress_message = "Listing what %s contains" % out.basename,
    )

def _wheel_sbom_impl(ctx):
    bill = ctx.actions.declare_file(ctx.label.name + ".cdx.json")
    licences = ctx.actions.declare_file(ctx.label.name + "-LICENSES.txt")
    archive = ctx.file.deno_archive
    _make(
        ctx,
        bill,
        ["--deno", ctx.attr.platform, archive.path, "--licences", licences.path],
        [archive],
        [licences],
    )
    return [DefaultInfo(files = depset([bill, licences]))]

wheel_sbom = rule(
    implementation = _wheel_sbom_impl,
    attrs = dict(_SBOM, **{
        "deno_archive": attr.label(mandatory = True, allow_single_file = True),
        "platform": attr.string(mandatory = True),
    }),
)

def _release_sbom_impl(ctx):
    bill = ctx.actions.declare_file("coral-%s.cdx.json" % ctx.attr.version)
    arguments = []
    for target, platform in ctx.attr.deno_archives.items():
        arguments += ["--deno", platform, target.files.to_list()[0].path]
    python = [ctx.file._pyproject, ctx.file._lock, ctx.file._allowed]
    arguments += ["--python"] + [file.path for file in python]
    _make(ctx, bill, arguments, ctx.files.deno_archives + python)
    return [DefaultInfo(files = depset([bill]), runfiles = ctx.runfiles([bill]))]

release_sbom = rule(
    implementation = _release_sbom_impl,
    attrs = dict(_SBOM, **{
        "deno_archives": attr.label_keyed_string_dict(allow_files = True, doc = "archive: its platform"),
        "_allowed": attr.label(default = "//packaging:allowed_licences.toml", allow_single_file = True),
        "_lock": attr.label(default = "//third_party/python:requirements.lock", allow_single_file = True),
        "_pyproject": attr.label(default = "//:pyproject.toml", allow_single_file = True),
    }),
)
