"""`zig_compiler`: Zig with its C compiler and the headers of every platform, from its PyPI wheel.

pip checks the wheel (100 MB) against the hashes in the lock. The repository holds the folder `ziglang` and
`stamp`. Bazel does not look inside a folder, so every action that uses it also takes `stamp`. Bazel fetches
it when the first library is built, which only tests, wheels and `//:dev` need.
"""

_UNPACK = """
import pathlib, shutil, zipfile

(wheel,) = pathlib.Path("download").glob("ziglang-*.whl")
with zipfile.ZipFile(wheel) as archive:
    archive.extractall(".", [name for name in archive.namelist() if name.startswith("ziglang/")])
for program in (pathlib.Path("ziglang/zig"), pathlib.Path("ziglang/zig.exe")):
    if program.exists():
        program.chmod(0o755)
pathlib.Path("stamp").write_text(wheel.name + chr(10))
shutil.rmtree("download")
"""

_BUILD = """
package(default_visibility = ["//visibility:public"])

exports_files(["ziglang", "stamp"])
"""

def _zig_compiler_impl(rctx):
    # The machine's own Python may have no pip.
    python = rctx.path(rctx.attr._environment).dirname.get_child("venv").get_child("bin").get_child("python")
    rctx.report_progress("downloading Zig")
    for what, arguments in [
        ("pip download of ziglang", [
            python,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
            "--require-hashes",
            "-d",
            "download",
            "-r",
            str(rctx.path(rctx.attr.lock)),
        ]),
        ("unpacking ziglang", [python, "-c", _UNPACK]),
    ]:
        result = rctx.execute(arguments, timeout = 1800, environment = {"PIP_DISABLE_PIP_VERSION_CHECK": "1"})
        if result.return_code != 0:
            fail("%s failed (exit %d):\n%s\n%s" % (what, result.return_code, result.stdout, result.stderr))
    rctx.file("BUILD.bazel", _BUILD, executable = False)

zig_compiler = repository_rule(
    implementation = _zig_compiler_impl,
    attrs = {
        "lock": attr.label(mandatory = True, allow_single_file = True),
        "_environment": attr.label(default = "@coral_compress//:stamp", allow_single_file = True),
    },
    doc = "The C compiler that builds for every platform, checked against the lock.",
)
