"""`build_facts`: what a BUILD file has to know before the build starts, as constants in `facts.bzl`.

`VERSION` comes from `coral.__version__`, its one place. `HOST_PLATFORM` is the wheel tag of this machine.
"""

_ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}
_TAGS = {
    ("linux", "x86_64"): "manylinux_2_27_x86_64",
    ("linux", "aarch64"): "manylinux_2_27_aarch64",
    ("mac os x", "x86_64"): "macosx_12_0_x86_64",
    ("mac os x", "aarch64"): "macosx_12_0_arm64",
}

def _version(rctx):
    for line in rctx.read(rctx.attr.version_file).splitlines():
        if line.startswith("__version__"):
            return line.split("\"")[1]
    fail("no __version__ = \"...\" in %s" % rctx.attr.version_file)

def _build_facts_impl(rctx):
    machine = rctx.execute(["uname", "-m"]).stdout.strip().lower()
    host = (rctx.os.name.lower(), _ARCHITECTURES.get(machine, machine))
    if host not in _TAGS:
        fail("Coral is not built on %s %s; known: %s" % (host[0], host[1], _TAGS.keys()))
    rctx.file("BUILD.bazel", "", executable = False)
    rctx.file(
        "facts.bzl",
        "VERSION = %r\nHOST_PLATFORM = %r\n" % (_version(rctx), _TAGS[host]),
        executable = False,
    )

build_facts = repository_rule(
    implementation = _build_facts_impl,
    attrs = {"version_file": attr.label(mandatory = True, allow_single_file = True)},
)
