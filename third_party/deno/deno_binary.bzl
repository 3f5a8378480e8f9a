"""`deno_binary`: the Deno binary of one platform, taken from its PyPI wheel.

pip checks the wheel against the hashes in the lock. The repository holds `deno` (or `deno.exe`),
`LICENSE` and `deno.json` with the version. The binary is never run through strip or repacked:
macOS would refuse it, as it is signed.
"""

_UNPACK = """
import json, pathlib, shutil, sys, zipfile

binary, platform = sys.argv[1:]
(wheel,) = pathlib.Path("download").glob("deno-*.whl")
version = wheel.name.split("-")[1]
with zipfile.ZipFile(wheel) as archive:
    for member, target in (
        (f"deno-{version}.data/scripts/{binary}", binary),
        (f"deno-{version}.dist-info/licenses/LICENSE", "LICENSE"),
    ):
        with archive.open(member) as source, open(target, "wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
pathlib.Path(binary).chmod(0o755)
facts = {"version": version, "platform": platform, "binary": binary}
pathlib.Path("deno.json").write_text(json.dumps(facts) + chr(10))
shutil.rmtree("download")
"""

_BUILD = """
package(default_visibility = ["//visibility:public"])

exports_files(["{binary}", "LICENSE", "deno.json"])

alias(
    name = "binary",
    actual = "{binary}",
)
"""

def _deno_binary_impl(rctx):
    # Any pip will do, as the wheel's platform is named. The machine's own Python may have none.
    python = rctx.path(rctx.attr._environment).dirname.get_child("venv").get_child("bin").get_child("python")
    binary = rctx.attr.binary
    rctx.report_progress("downloading Deno for " + rctx.attr.platform)
    for what, arguments in [
        ("pip download of Deno for " + rctx.attr.platform, [
            python,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
            "--require-hashes",
            "--platform",
            rctx.attr.pip_platform,
            "-d",
            "download",
            "-r",
            str(rctx.path(rctx.attr.lock)),
        ]),
        ("unpacking Deno", [python, "-c", _UNPACK, binary, rctx.attr.platform]),
    ]:
        result = rctx.execute(arguments, timeout = 1800, environment = {"PIP_DISABLE_PIP_VERSION_CHECK": "1"})
        if result.return_code != 0:
            fail("%s failed (exit %d):\n%s\n%s" % (what, result.return_code, result.stdout, result.stderr))
    rctx.file("BUILD.bazel", _BUILD.format(binary = binary), executable = False)

deno_binary = repository_rule(
    implementation = _deno_binary_impl,
    attrs = {
        "binary": attr.string(mandatory = True),
        "lock": attr.label(mandatory = True, allow_single_file = True),
        "pip_platform": attr.string(mandatory = True),
        "platform": attr.string(mandatory = True),
        "_environment": attr.label(default = "@coral_compress//:stamp", allow_single_file = True),
    },
    doc = "One platform's Deno, checked against the lock.",
)
