"""`pytest_suites`: one test target for each folder of tests (or file, above the folders), run by pytest in the built tree.

A test finds in its environment:
  PYTHONPATH               the built package (coral with stubs, SDK and raw Deno) and the test folder's root
  CORAL_TEST_DENO          the Deno binary
  CORAL_TEST_NODE          the Node program; CORAL_TEST_NODE_MODULES: its packages
  CORAL_TEST_TYPESCRIPT    the folder typescript/ with the SDK's sources and the examples
  what `places` names      files and folders of that suite alone
  what `packages` names    can be imported as well: a second environment's packages
  CI                       as it is where the tests are started (--test_env=CI)
  HOME, XDG_*, TMPDIR      short-lived folders of its own
The sandbox has a network of its own with nothing but loopback.
"""

load("//third_party/npm:toolbox.bzl", "NODE", "node_inputs")
load("//third_party/python:toolbox.bzl", "PYTHON", "python_inputs")

_SCRIPT = """#!/usr/bin/env bash
set -euo pipefail
root="$PWD"
venv="$(cd {venv} && pwd)"
# A short path: a Unix socket's name has at most 107 bytes.
work="$(mktemp -d /tmp/coral-test.XXXXXX)"
trap 'rm -rf "$work"' EXIT
mkdir -p -m 700 "$work"/{{home,config,state,cache,data,runtime,tmp}}
export HOME="$work/home" TMPDIR="$work/tmp"
export XDG_CONFIG_HOME="$work/config" XDG_STATE_HOME="$work/state" XDG_CACHE_HOME="$work/cache"
export XDG_DATA_HOME="$work/data" XDG_RUNTIME_DIR="$work/runtime"
mkdir "$work/bin"
ln -s "$(readlink -f {node})" "$work/bin/node"
export PATH="$venv/bin:$work/bin:$PATH" PYTHONPATH="$root/{tree}/python:$root/python"
export PYTHONDONTWRITEBYTECODE=1 PYTHONFAULTHANDLER=1 NO_COLOR=1 LANG=C.UTF-8
export CORAL_TEST_DENO="$root/{tree}/python/coral/_deno/deno"
export CORAL_TEST_NODE="$root/{node}" CORAL_TEST_NODE_MODULES="$root/{node_modules}"
export CORAL_TEST_TYPESCRIPT="$root/typescript"
{places}
{packages}
only=()
if [[ -n "${{TESTBRIDGE_TEST_ONLY:-}}" ]]; then only=(-k "$TESTBRIDGE_TEST_ONLY"); fi
files=({srcs})
if [[ -n "${{TEST_SHARD_INDEX:-}}" ]]; then
  touch "$TEST_SHARD_STATUS_FILE"
  mine=()
  for number in "${{!files[@]}}"; do
    if (( number % TEST_TOTAL_SHARDS == TEST_SHARD_INDEX )); then mine+=("${{files[number]}}"); fi
  done
  files=("${{mine[@]}}")
fi
code=0
"$venv/bin/python" -m pytest -c "$root/pyproject.toml" --rootdir "$root" -p no:cacheprovider \\
  --override-ini pythonpath= --basetemp "$work/pytest" --junitxml "${{XML_OUTPUT_FILE:-$work/test.xml}}" \\
  "${{only[@]}}" "$@" "${{files[@]}}" || code=$?
# 5 is "no tests": a shard may have none of those that were asked for.
if (( code == 5 )) && [[ -n "${{TEST_SHARD_INDEX:-}}" && -n "${{TESTBRIDGE_TEST_ONLY:-}}" ]]; then code=0; fi
exit "$code"
"""

# After all others: the suite's own environment wins.
_PACKAGES = """PYTHONPATH+=":$(cd {venv}/lib/python3*/site-packages && pwd)\""""

def _pytest_test_impl(ctx):
    script = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(script, _SCRIPT.format(
        node = ctx.file._node.short_path,
        node_modules = ctx.file._node_modules.short_path,
        packages = _PACKAGES.format(venv = ctx.file.packages.short_path) if ctx.file.packages else "",
        places = "\n".join([
            "export %s=\"$root/%s\"" % (name, target.files.to_list()[0].short_path)
            for target, name in ctx.attr.places.items()
        ]),
        srcs = " ".join(["'%s'" % file.short_path for file in ctx.files.srcs]),
        tree = ctx.file._tree.short_path,
        venv = ctx.file._venv.short_path,
    ), is_executable = True)
    files = ctx.files.srcs + ctx.files.data + ctx.files.places + ctx.files.packages + [ctx.file._tree, ctx.file._settings]
    return [DefaultInfo(
        executable = script,
        runfiles = ctx.runfiles(files + python_inputs(ctx) + node_inputs(ctx)),
    )]

_pytest_test = rule(
    implementation = _pytest_test_impl,
    attrs = dict(dict(PYTHON, **NODE), **{
        "data": attr.label_list(allow_files = True),
        "packages": attr.label(allow_single_file = True, doc = "a virtual environment"),
        "places": attr.label_keyed_string_dict(allow_files = True, doc = "file or folder: its variable's name"),
        "srcs": attr.label_list(mandatory = True, allow_files = [".py"]),
        "_settings": attr.label(default = "//:pyproject.toml", allow_single_file = True),
        "_tree": attr.label(default = "//packaging:tree", allow_single_file = True),
    }),
    test = True,
)

def pytest_suites(data = [], sizes = {}, shards = {}, **kwargs):
    """One target `<folder>_test` for each folder of tests below this package, and one for each file in it.

    Args:
      data: what every suite needs besides the tests' own files.
      sizes: target to Bazel test size, where it is not "medium".
      shards: target to the number of parts, of whole files, that run beside one another, where it is not 1.
      **kwargs: passed to every target.
    """
    own = native.glob(["**"], exclude = ["**/__pycache__/**", "**/*.pyc", "BUILD.bazel"])
    folders = {}
    for path in native.glob(["**/test_*.py"]):
        name = path.split("/")[0] + "_test" if "/" in path else path[:-len(".py")]
        folders.setdefault(name, []).append(path)
    for name, sources in folders.items():
        _pytest_test(
            name = name,
            srcs = sources,
            data = own + data,
            size = sizes.get(name, "medium"),
            shard_count = shards.get(name, 1),
            **kwargs
        )
