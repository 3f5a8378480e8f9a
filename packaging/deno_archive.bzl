"""`deno_archive`: the folder `coral/_deno` of one platform's wheel: `deno.zst` and `manifest.json`."""

def _deno_archive_impl(ctx):
    out = ctx.actions.declare_directory(ctx.label.name)

    # 3 takes half a second and gives 40 MB, 19 takes a minute and gives 32 MB.
    level = ctx.var.get("deno_zstd", "3")
    ctx.actions.run(
        executable = ctx.file._compress.path + "/bin/python",
        arguments = [
            ctx.file._program.path,
            "--binary",
            ctx.file.binary.path,
            "--facts",
            ctx.file.facts.path,
            "--level",
            level,
            "--out",
            out.path,
        ],
        inputs = [ctx.file.binary, ctx.file.facts, ctx.file._compress, ctx.file._compress_stamp, ctx.file._program],
        outputs = [out],
        mnemonic = "DenoArchive",
        progress_message = "Compressing Deno (zstd level %s)" % level,
    )
    return [DefaultInfo(files = depset([out]))]

deno_archive = rule(
    implementation = _deno_archive_impl,
    attrs = {
        "binary": attr.label(mandatory = True, allow_single_file = True),
        "facts": attr.label(mandatory = True, allow_single_file = True),
        "_compress": attr.label(default = "@coral_compress//:venv", allow_single_file = True),
        "_compress_stamp": attr.label(default = "@coral_compress//:stamp", allow_single_file = True),
        "_program": attr.label(default = "//packaging:compress_deno.py", allow_single_file = True),
    },
)
