"""`deno_test`: runs `deno test` of the pinned Deno over a folder of this package, with stubs and npm packages."""

load("//third_party/npm:toolbox.bzl", "NODE", "node_inputs")

_SCRIPT = """#!/usr/bin/env bash
set -euo pipefail
root="$PWD"
work="$(mktemp -d /tmp/coral-deno.XXXXXX)"
trap 'rm -rf "$work"' EXIT
# Deno follows links: it gets a copy, laid out as an editor sees it after `bazelw run //:dev`.
cp -RL typescript "$work/typescript"
chmod -R u+w "$work"
rm -rf "$work/typescript/node_modules" "$work/typescript/sdk/gen"
cp -RL {gen} "$work/typescript/sdk/gen"
ln -s "$(readlink -f {node_modules})" "$work/typescript/node_modules"
mkdir -p "$work/proto" "$work/python/coral"
if [[ -n "{bundle}" ]]; then cp -RL "{bundle}" "$work/python/coral/_sdk"; fi
export HOME="$work" DENO_DIR="$work/deno" DENO_NO_UPDATE_CHECK=1 NO_COLOR=1
deno="$(readlink -f {deno})"
cd "$work/typescript/{folder}"
"$deno" test {flags} --junit-path="${{XML_OUTPUT_FILE:-$work/test.xml}}" "$@"
"""

def _deno_test_impl(ctx):
    script = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(script, _SCRIPT.format(
        bundle = ctx.file.bundle.short_path,
        deno = ctx.file.deno.short_path,
        flags = " ".join(ctx.attr.flags),
        folder = ctx.attr.folder,
        gen = ctx.file.gen.short_path,
        node_modules = ctx.file._node_modules.short_path,
    ), is_executable = True)
    files = ctx.files.srcs + [ctx.file.gen, ctx.file.deno, ctx.file.bundle]
    return [DefaultInfo(executable = script, runfiles = ctx.runfiles(files + node_inputs(ctx)))]

deno_test = rule(
    implementation = _deno_test_impl,
    attrs = dict(NODE, **{
        "bundle": attr.label(mandatory = True, allow_single_file = True),
        "deno": attr.label(mandatory = True, allow_single_file = True),
        "flags": attr.string_list(doc = "permissions and settings"),
        "folder": attr.string(mandatory = True, doc = "where deno test starts, below this package"),
        "gen": attr.label(mandatory = True, allow_single_file = True),
        "srcs": attr.label_list(mandatory = True, allow_files = True),
    }),
    test = True,
)
