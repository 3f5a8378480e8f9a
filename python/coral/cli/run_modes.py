"""What `coral run` does besides running once: `--watch`, `--dry-run`, `--help-script`, `-v`."""

from __future__ import annotations

import time

from coral.cli.direct_run import RunArguments, find_colony, make_job
from coral.errors import CoralError, UsageError
from coral.printing import emit, say, show_lines, visible
from coral.runner.describe import DeclaredParam, ask_params, doc_comment
from coral.runner.script import Job, run_script
from coral.runner.source import find_source, text_of
from coral.script_limits import COMPLETE_SECONDS


def run_in_mode(arguments: RunArguments) -> int:
    """Does what the options ask for.

    Returns:
        The exit code.

    Raises:
        CoralError: It could not be done.
    """
    modes = [
        name
        for name, wanted in (
            ("--watch", arguments.watch),
            ("--dry-run", arguments.dry_run),
            ("--help-script", arguments.help_script),
        )
        if wanted
    ]
    if arguments.dataset is not None and (modes or arguments.colony is not None):
        other = modes[0] if modes else "--colony"
        raise UsageError(f"--dataset and {other} exclude each other", hint="choose one of them")
    if len(modes) > 1:
        raise UsageError(f"{' and '.join(modes)} exclude each other", hint="choose one of them")
    if arguments.help_script:
        return _help_script(arguments)
    if arguments.dry_run:
        return _dry_run(arguments)
    if arguments.watch:
        return _watch(arguments)
    if arguments.dataset is not None:
        return _on_recording(arguments, arguments.dataset)
    return _verbose(make_job(arguments))


def complete_param(file: str | None, typed: str) -> list[tuple[str, str]]:
    """Completes the value of `-p` by what the script declares.

    Args:
        file: The script on the command line, if there is one.
        typed: What stands there so far.

    Returns:
        Values and what they are for; nothing where the script cannot be asked.
    """
    if file is None:
        return []
    try:
        job = Job(find_source(file), colony=None)
        params = ask_params(job, seconds=COMPLETE_SECONDS, says=False).params or []
    except CoralError:
        return []  # a shell that waits for completions is no place for errors
    name, equals, _ = typed.partition("=")
    if not equals:
        return [(f"{param.name}=", param.description) for param in params if param.name.startswith(typed)]
    values = [(value, "") for param in params if param.name == name for value in _values(param)]
    return [(f"{name}={value}", text) for value, text in values if f"{name}={value}".startswith(typed)]


def _values(param: DeclaredParam) -> list[str]:
    choices = param.choices or ((True, False) if param.kind == "boolean" else ())
    return [param.typed(choice) for choice in choices]


def _help_script(arguments: RunArguments) -> int:
    source = find_source(arguments.file, arguments.code)
    declaration = ask_params(Job(source, colony=None, quiet=arguments.quiet))
    params = declaration.params
    text = text_of(source)
    from shlex import quote

    from coral.cli.output import render_json
    from coral.printing import shell_word

    if arguments.output == "json":
        emit(render_json([_as_json(param) for param in params or []]))
        return 0
    words = [f"-p {quote(param.name)}={param.kind.upper()}" for param in params or [] if param.required]
    shown = source.shown if source.path is None else shell_word(source.shown)
    lines = [f"Usage: coral run {shown} {' '.join([*words, '[-p NAME=VALUE ...]'])}"]
    about = doc_comment(text)
    if about:
        lines += ["", *[f"  {line}".rstrip() for line in about.splitlines()]]
    lines.append("")
    if params is None:
        ends = " before it ends itself" if declaration.exited else ""
        lines.append(f"The script declares no parameters{ends} (coral.defineParams).")
    elif params:
        rows = [(visible(param.name), visible(_kind(param)), _about(param)) for param in params]
        widths = [max([len(row[column]) for row in rows]) for column in (0, 1)]
        lines.append("Parameters:")
        lines += [f"  {name:<{widths[0]}}  {kind:<{widths[1]}}  {text}".rstrip() for name, kind, text in rows]
    else:
        lines.append("The script takes no parameters.")
    show_lines(*lines)
    return 0


def _kind(param: DeclaredParam) -> str:
    if param.choices:
        return "|".join([param.typed(choice) for choice in param.choices])
    least = "" if param.least is None else f" from {param.typed(param.least)}"
    most = "" if param.most is None else f" to {param.typed(param.most)}"
    return param.kind + least + most


def _about(param: DeclaredParam) -> str:
    if param.required:
        note = "[required]"
    elif not param.has_default:
        note = "[optional]"
    else:
        note = f"[default: {param.typed(param.default)}]"
    return f"{param.description} {note}".strip()


def _as_json(param: DeclaredParam) -> dict[str, object]:
    return {
        "name": param.name,
        "type": param.kind,
        "description": param.description,
        "default": param.default,
        "required": param.required,
        "choices": list(param.choices),
        "min": param.least,
        "max": param.most,
    }


def _dry_run(arguments: RunArguments) -> int:
    from coral.cli.output import render_json
    from coral.runner.dry_run import plan, render

    output, arguments.output = arguments.output, None
    if output not in (None, "json"):
        raise UsageError(f"--dry-run cannot be printed as {output}", hint="leave -o out, or use -o json")
    job = make_job(arguments, connect=False)
    # None is started for this.
    found = find_colony(arguments)
    if found is not None:
        job.colony, job.access = found.address, found.access
    made = plan(job)
    if output == "json":
        emit(render_json(made))
    else:
        show_lines(*render(made))
    return 0


def _on_recording(arguments: RunArguments, dataset: str) -> int:
    from pathlib import Path

    from coral.replay.hosting import RecordingHost

    job = make_job(arguments, connect=False)
    with RecordingHost(Path(dataset)) as recording, recording.run(job.source.name) as host:
        job.host = host
        return _verbose(job, f"the recording {dataset}") if arguments.verbose else run_script(job)


def _verbose(job: Job, served_by: str | None = None) -> int:
    say(f"running {job.source.shown} with {served_by or f'colony {job.colony}'}")
    start = time.monotonic()
    code: object = "an error"
    try:
        code = run_script(job)
        return code
    finally:
        say(f"{job.source.name} ended after {time.monotonic() - start:.2f} s with {code}")


def _watch(arguments: RunArguments) -> int:
    from coral.cli.errors import exit_code_of
    from coral.runner.watch import Watch

    if arguments.file == "-" or arguments.code is not None:
        raise UsageError("--watch needs a file", hint="save the script to a file first")
    job = make_job(arguments, connect=False)
    checks, job.check = job.check, False

    def once() -> int:
        arguments.check = False  # types are checked beside each run: the new output comes first
        arguments.quiet = arguments.quiet or watch.runs > 1  # which colony is meant is said once
        try:
            return run_script(make_job(arguments))
        except BaseException as error:
            return exit_code_of(error)

    extra = [path for path in (arguments.file, arguments.param_file) if path is not None]
    watch = Watch(job, once, extra=extra, checks=checks)
    return watch.run()
