"""`debian_base`: a few packages of the machine's own Debian, unpacked into one tar by mmdebstrap, for container images.

The repository holds `base.tar` and `problem`: why there is no base, or nothing. A machine without mmdebstrap can
build and test all else, so this is no error here; `base.tar` is empty then. Bazel does not notice that mmdebstrap has
been installed meanwhile, nor that Debian has security updates: `./bazelw sync --only=coral_debian` makes it again.
Where the packages come from, and the keys they are signed with, are the machine's own apt sources.
"""

_BUILD = """
package(default_visibility = ["//visibility:public"])

exports_files(["base.tar", "problem"])
"""

# Nothing is configured, so no maintainer script runs; what scanners of images look for is written here.
_RECORD_PACKAGES = """
mkdir -p "$1/var/lib/dpkg/status.d"
for deb in "$1"/var/cache/apt/archives/*.deb; do
  dpkg-deb --field "$deb" > "$1/var/lib/dpkg/status.d/$(dpkg-deb --field "$deb" Package)"
done
"""

_PLACES = [
    "/etc/apt/sources.list",
    "/etc/apt/sources.list.d/debian.sources",
    "/etc/apt/sources.list.d/ubuntu.sources",
]

def _release(rctx):
    for line in rctx.read("/etc/os-release").splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line[len("VERSION_CODENAME="):].strip("\"")
    return None

def _make(rctx):
    """Makes base.tar; returns what hinders it, or an empty text."""
    program = rctx.which("mmdebstrap")
    if not program:
        return "mmdebstrap is missing; on Debian: apt-get install mmdebstrap"
    release = _release(rctx) if rctx.path("/etc/os-release").exists else None
    sources = [place for place in _PLACES if rctx.path(place).exists]
    if not release or not sources:
        return "this is no Debian with apt sources in " + " or ".join(_PLACES)
    rctx.report_progress("downloading %d Debian packages" % len(rctx.attr.packages))
    result = rctx.execute([
        program,
        "--quiet",
        "--variant=extract",
        "--include=" + ",".join(rctx.attr.packages),
        "--customize-hook=" + _RECORD_PACKAGES,
        release,
        "base.tar",
    ] + sources, timeout = 600, environment = {"SOURCE_DATE_EPOCH": "1577836800"})
    if result.return_code != 0:
        return "mmdebstrap failed (exit %d): %s" % (result.return_code, result.stderr.strip())
    return ""

def _debian_base_impl(rctx):
    problem = _make(rctx)
    if problem:
        rctx.file("base.tar", "", executable = False)
    rctx.file("problem", problem, executable = False)
    rctx.file("BUILD.bazel", _BUILD, executable = False)

debian_base = repository_rule(
    implementation = _debian_base_impl,
    attrs = {"packages": attr.string_list(mandatory = True)},
    doc = "The files of some Debian packages and of what they depend on.",
)
