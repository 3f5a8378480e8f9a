"""What `coral run` does, for both ways of reading its arguments. Imports neither click nor grpc."""

from __future__ import annotations

from coral.cli.run_arguments import RunArguments
from coral.embedded.resolve import resolve_colony
from coral.runner.script import DEFAULT_TIME_LIMIT_SECONDS, require_script, run_script


def run(arguments: RunArguments) -> int:
    """Runs the script.

    Returns:
        The exit code of `coral run`.

    Raises:
        CoralError: The arguments cannot be used, or the script did not run to its own end.
    """
    params: dict[str, object] = {}
    if arguments.params:
        from coral.runner.params import parse_params

        params = parse_params(arguments.params)
    time_limit = _seconds(arguments.timeout)
    require_script(arguments.file)  # before a colony is started for it
    return run_script(
        arguments.file,
        colony=resolve_colony(arguments.colony),
        params=params,
        arguments=arguments.arguments,
        time_limit=time_limit,
        check=arguments.check,
    )


def _seconds(text: str | None) -> float | None:
    if text is None:
        return DEFAULT_TIME_LIMIT_SECONDS
    from coral.model.durations import parse_duration_ns

    return parse_duration_ns(text) / 1e9 or None
