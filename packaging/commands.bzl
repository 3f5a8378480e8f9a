"""Programs for `bazelw run`: the built `coral`, and the set-up of the tree for editors."""

load("//third_party/npm:toolbox.bzl", "NODE", "node_inputs")
load("//third_party/python:toolbox.bzl", "PYTHON", "python_inputs")

_TREE = {"_tree": attr.label(default = "//packaging:tree", allow_single_file = True)}

_COMMAND = """#!/usr/bin/env bash
set -euo pipefail
runfiles="${{RUNFILES_DIR:-$PWD/..}}"
venv="$(readlink -f "$runfiles/{workspace}/{venv}")"
export PYTHONPATH="$(readlink -f "$runfiles/{workspace}/{tree}")/python"
# Bazel's outputs stay as they were built, and the user's folder is no place to import from.
export PYTHONDONTWRITEBYTECODE=1 PYTHONSAFEPATH=1
cd "${{BUILD_WORKING_DIRECTORY:-$PWD}}"
if [[ -n "${{HOME:-}}" ]] && mkdir -p "$HOME/.local/state" 2>/dev/null; then exec "$venv/bin/python" -m coral {command} "$@"; fi
HOME="$(mktemp -d)"
export HOME
trap 'rm -rf "$HOME"' EXIT
"$venv/bin/python" -m coral {command} "$@"
"""

def _coral_command_impl(ctx):
    script = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(script, _COMMAND.format(
        command = " ".join(ctx.attr.command),
        tree = ctx.file._tree.short_path,
        venv = ctx.file._venv.short_path,
        workspace = ctx.workspace_name,
    ), is_executable = True)
    runfiles = ctx.runfiles([ctx.file._tree] + python_inputs(ctx))
    return [DefaultInfo(executable = script, runfiles = runfiles)]

coral_command = rule(
    implementation = _coral_command_impl,
    attrs = dict(dict(PYTHON, **_TREE), command = attr.string_list()),
    executable = True,
)

_DEV = """#!/usr/bin/env bash
set -euo pipefail
runfiles="${{RUNFILES_DIR:-$PWD/..}}/{workspace}"
tree="$(readlink -f "$runfiles/{tree}")/python/coral"
cd "$BUILD_WORKSPACE_DIRECTORY"

replace() {{
  rm -rf "$2"
  mkdir -p "$(dirname "$2")"
  cp -RL "$1" "$2"
  chmod -R u+w "$2"
  echo "$2" >&2
}}

link() {{
  if [[ -e "$2" && ! -L "$2" ]]; then
    echo "error: $2 is in the way" >&2
    echo "hint: remove it and run this again" >&2
    exit 1
  fi
  ln -sfn "$(readlink -f "$1")" "$2"
  echo "$2" >&2
}}

for part in _proto _sdk _deno _examples; do replace "$tree/$part" "python/coral/$part"; done
# Only Linux has it.
if [[ -d "$tree/_native" ]]; then replace "$tree/_native" python/coral/_native; fi
find python/coral/_proto -name '__pycache__' -prune -exec rm -rf {{}} +
replace "$runfiles/{gen}" typescript/sdk/gen
link "$runfiles/{venv}" .venv
link "$runfiles/{node_modules}" typescript/node_modules
echo "The tree is set up: .venv/bin/python -m pytest, ci/check. Run this again after a change of proto/ or pins." >&2
"""

def _dev_tree_impl(ctx):
    script = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(script, _DEV.format(
        gen = ctx.file.gen.short_path,
        node_modules = ctx.file._node_modules.short_path,
        tree = ctx.file._tree.short_path,
        venv = ctx.file._venv.short_path,
        workspace = ctx.workspace_name,
    ), is_executable = True)
    files = [ctx.file._tree, ctx.file.gen] + python_inputs(ctx) + node_inputs(ctx)
    return [DefaultInfo(executable = script, runfiles = ctx.runfiles(files))]

dev_tree = rule(
    implementation = _dev_tree_impl,
    attrs = dict(dict(dict(PYTHON, **NODE), **_TREE), gen = attr.label(mandatory = True, allow_single_file = True)),
    executable = True,
)
