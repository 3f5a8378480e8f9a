"""`check_test`: runs `ci/check` over a copy of the tree, set up as `bazelw run //:dev` does."""

load("//third_party/npm:toolbox.bzl", "NODE", "node_inputs")
load("//third_party/python:toolbox.bzl", "PYTHON", "python_inputs")

_SCRIPT = """#!/usr/bin/env bash
set -euo pipefail
runfiles="$PWD"
work="$(mktemp -d /tmp/coral-check.XXXXXX)"
trap 'rm -rf "$work"' EXIT
# mypy, ruff and Deno follow links: they get copies of the sources, all but the big folders.
while IFS= read -r file; do
  mkdir -p "$work/$(dirname "$file")"
  cp -L "$file" "$work/$file"
done <{listing}
chmod -R u+w "$work"
for part in _proto _sdk _examples; do
  rm -rf "$work/python/coral/$part"
  cp -RL "{tree}/python/coral/$part" "$work/python/coral/$part"
done
mkdir -p "$work/python/coral/_deno"
ln -s "$(readlink -f {tree}/python/coral/_deno/deno)" "$work/python/coral/_deno/deno"
cp -RL {gen} "$work/typescript/sdk/gen"
ln -s "$runfiles/{venv}" "$work/.venv"
ln -s "$(readlink -f {node_modules})" "$work/typescript/node_modules"
export HOME="$work/home" DENO_DIR="$work/home/deno" NO_COLOR=1
mkdir -p "$HOME"
cd "$work"
ci/check
"""

def _check_test_impl(ctx):
    listing = ctx.actions.declare_file(ctx.label.name + ".listing")
    ctx.actions.write(listing, "".join([
        file.short_path + "\n"
        for file in ctx.files.srcs
    ]))
    script = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(script, _SCRIPT.format(
        gen = ctx.file.gen.short_path,
        listing = listing.short_path,
        node_modules = ctx.file._node_modules.short_path,
        tree = ctx.file.tree.short_path,
        venv = ctx.file._venv.short_path,
    ), is_executable = True)
    files = ctx.files.srcs + [listing, ctx.file.gen, ctx.file.tree]
    return [DefaultInfo(
        executable = script,
        runfiles = ctx.runfiles(files + python_inputs(ctx) + node_inputs(ctx)),
    )]

check_test = rule(
    implementation = _check_test_impl,
    attrs = dict(dict(PYTHON, **NODE), **{
        "gen": attr.label(mandatory = True, allow_single_file = True),
        "srcs": attr.label_list(mandatory = True, allow_files = True),
        "tree": attr.label(mandatory = True, allow_single_file = True),
    }),
    test = True,
)
