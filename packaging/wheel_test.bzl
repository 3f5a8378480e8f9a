"""`wheel_test`: runs a Python program against a built wheel and the wheelhouse of its dependencies."""

load("//third_party/python:toolbox.bzl", "PYTHON", "python_inputs")

_SCRIPT = """#!/usr/bin/env bash
set -euo pipefail
export CORAL_TEST_WHEEL="$PWD/{wheel}" CORAL_TEST_WHEELHOUSE="$PWD/{wheelhouse}"
exec {venv}/bin/python -m pytest -c pyproject.toml --rootdir "$PWD" -p no:cacheprovider \\
  --override-ini pythonpath= --override-ini timeout=0 --junitxml "${{XML_OUTPUT_FILE:-/dev/null}}" \\
  --capture=tee-sys "$@" {program}
"""

def _wheel_test_impl(ctx):
    script = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(script, _SCRIPT.format(
        program = ctx.file.program.short_path,
        venv = ctx.file._venv.short_path,
        wheel = ctx.file.wheel.short_path,
        wheelhouse = ctx.file._wheelhouse.short_path,
    ), is_executable = True)
    files = [ctx.file.program, ctx.file.wheel, ctx.file._wheelhouse, ctx.file._settings]
    return [DefaultInfo(executable = script, runfiles = ctx.runfiles(files + python_inputs(ctx)))]

wheel_test = rule(
    implementation = _wheel_test_impl,
    attrs = dict(PYTHON, **{
        "program": attr.label(mandatory = True, allow_single_file = [".py"]),
        "wheel": attr.label(mandatory = True, allow_single_file = [".whl"]),
        "_settings": attr.label(default = "//:pyproject.toml", allow_single_file = True),
        "_wheelhouse": attr.label(default = "@coral_python//:wheelhouse", allow_single_file = True),
    }),
    test = True,
)
