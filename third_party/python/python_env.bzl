"""`python_env`: a virtual environment and its wheels, made by pip from a lock with hashes.

The repository holds `venv/`, `wheelhouse/` (the same wheels, for installs without a network) and
`stamp`. Bazel does not look inside directories, so every action that uses one also takes `stamp`.
Where the packages come from is the machine's own pip configuration.
"""

_BUILD = """
package(default_visibility = ["//visibility:public"])

exports_files(["venv", "wheelhouse", "stamp"])
"""

_CANDIDATES = ["python3", "python3.14", "python3.13", "python3.12", "python3.11"]
_PROBE = """
import sys, venv, ensurepip
sys.exit(0 if sys.version_info >= (3, 11) else 1)
"""

def _find_python(rctx):
    for name in _CANDIDATES:
        python = rctx.which(name)
        if python and rctx.execute([python, "-c", _PROBE]).return_code == 0:
            return python
    fail("no Python 3.11 or newer with the venv module in PATH; on Debian: apt-get install python3 python3-venv")

def _run(rctx, what, arguments):
    rctx.report_progress(what)
    result = rctx.execute(arguments, timeout = 1800, environment = {"PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    if result.return_code != 0:
        fail("%s failed (exit %d):\n%s\n%s" % (what, result.return_code, result.stdout, result.stderr))
    return result.stdout

def _python_env_impl(rctx):
    lock = str(rctx.path(rctx.attr.lock))
    python = _find_python(rctx)
    _run(rctx, "making a virtual environment", [python, "-m", "venv", "venv"])
    pip = ["venv/bin/python", "-m", "pip"]
    strict = ["--require-hashes", "--no-deps", "--only-binary=:all:", "-r", lock]
    _run(rctx, "downloading Python packages", pip + ["download", "--quiet", "-d", "wheelhouse"] + strict)
    _run(rctx, "installing Python packages", pip + [
        "install",
        "--quiet",
        "--no-index",
        "--find-links",
        "wheelhouse",
    ] + strict)
    facts = _run(rctx, "reading the Python version", ["venv/bin/python", "-c", "import sys; print(sys.version)"])
    rctx.file("stamp", facts + rctx.read(lock), executable = False)
    rctx.file("BUILD.bazel", _BUILD, executable = False)

python_env = repository_rule(
    implementation = _python_env_impl,
    attrs = {"lock": attr.label(mandatory = True, allow_single_file = True)},
    doc = "A virtual environment and a wheelhouse from a hash lock.",
)
