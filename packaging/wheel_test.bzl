"""`wheel_test`: runs a Python program against a built wheel and the wheelhouse of its dependencies; `wheels_test`: against all."""

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

_WHEELS_SCRIPT = """#!/usr/bin/env bash
set -euo pipefail
wheels=()
for wheel in {wheels}; do wheels+=("$PWD/$wheel"); done
export CORAL_TEST_WHEELS="${{wheels[*]}}" CORAL_TEST_SDIST="$PWD/{sdist}" CORAL_TEST_SBOM="$PWD/{sbom}"
exec {venv}/bin/python -m pytest -c pyproject.toml --rootdir "$PWD" -p no:cacheprovider \\
  --override-ini pythonpath= --override-ini timeout=0 --junitxml "${{XML_OUTPUT_FILE:-/dev/null}}" "$@" {program}
"""

def _wheels_test_impl(ctx):
    script = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(script, _WHEELS_SCRIPT.format(
        program = ctx.file.program.short_path,
        sbom = ctx.file.sbom.short_path,
        sdist = ctx.file.sdist.short_path,
        venv = ctx.file._venv.short_path,
        wheels = " ".join([file.short_path for file in ctx.files.wheels]),
    ), is_executable = True)
    files = ctx.files.wheels + [ctx.file.program, ctx.file.sdist, ctx.file.sbom, ctx.file._settings]
    return [DefaultInfo(executable = script, runfiles = ctx.runfiles(files + python_inputs(ctx)))]

wheels_test = rule(
    implementation = _wheels_test_impl,
    attrs = dict(PYTHON, **{
        "program": attr.label(mandatory = True, allow_single_file = [".py"]),
        "sbom": attr.label(mandatory = True, allow_single_file = [".json"]),
        "sdist": attr.label(mandatory = True, allow_single_file = [".gz"]),
        "wheels": attr.label(mandatory = True, allow_files = [".whl"]),
        "_settings": attr.label(default = "//:pyproject.toml", allow_single_file = True),
    }),
    doc = "Runs a Python program against all wheels, the source distribution and the release's bill of materials.",
    test = True,
)

_LICENCES_SCRIPT = """#!/usr/bin/env bash
set -euo pipefail
export CORAL_TEST_SDK="$PWD/{sdk}" PYTHONPATH="$PWD/packaging" PYTHONDONTWRITEBYTECODE=1
exec {venv}/bin/python -m pytest -c pyproject.toml --rootdir "$PWD" -p no:cacheprovider \\
  --override-ini pythonpath= --junitxml "${{XML_OUTPUT_FILE:-/dev/null}}" "$@" {program}
"""

def _licences_test_impl(ctx):
    script = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(script, _LICENCES_SCRIPT.format(
        program = ctx.file.program.short_path,
        sdk = ctx.file.sdk.short_path,
        venv = ctx.file._venv.short_path,
    ), is_executable = True)
    files = ctx.files.data + [ctx.file.program, ctx.file.sdk, ctx.file._settings]
    return [DefaultInfo(executable = script, runfiles = ctx.runfiles(files + python_inputs(ctx)))]

licences_test = rule(
    implementation = _licences_test_impl,
    attrs = dict(PYTHON, **{
        "data": attr.label_list(allow_files = True, doc = "locks, the policy, the program that reads them"),
        "program": attr.label(mandatory = True, allow_single_file = [".py"]),
        "sdk": attr.label(mandatory = True, allow_single_file = True, doc = "the folder coral/_sdk"),
        "_settings": attr.label(default = "//:pyproject.toml", allow_single_file = True),
    }),
    doc = "Holds the licences of all that ships against the policy.",
    test = True,
)
