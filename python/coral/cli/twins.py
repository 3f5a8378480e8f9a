"""An option whose value the environment gave: what is wrong with it is said of the variable, and is 78.

click reads the variable as it reads the option, and knows where a value is from; nobody else does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import click

from coral.errors import ConfigError, CoralError, UsageError


def from_environment(ctx: click.Context, option: click.Parameter) -> bool:
    """Whether the environment gave an option's value."""
    return ctx.get_parameter_source(option.name or "") is click.core.ParameterSource.ENVIRONMENT


@contextmanager
def blaming(ctx: click.Context, option: click.Parameter) -> Iterator[None]:
    """Says of an error about an option's value that it is the variable's, if it is.

    Raises:
        ConfigError: The environment gave the value.
    """
    try:
        yield
    except CoralError as error:
        if not from_environment(ctx, option):
            raise
        raise _of_variable(option, error.message, error.hint) from None


def check_twin(option: click.Option) -> None:
    """Makes an option look at a value from the environment at once, if something here can read it."""
    read = _READERS.get(_flag(option)) or _READERS.get(str(option.metavar))
    if read is None or option.callback is not None:
        return

    def check(ctx: click.Context, parameter: click.Parameter, value: Any) -> Any:
        if value is not None and not ctx.resilient_parsing and from_environment(ctx, parameter):
            with blaming(ctx, parameter):
                read(value)
        return value

    option.callback = check


def name_twins(command: click.Command) -> None:
    """Makes errors of a command name the variable where they begin with an option that it gave."""
    callback = command.callback
    if callback is None:
        return

    @wraps(callback)
    def called(*args: Any, **values: Any) -> Any:
        try:
            return callback(*args, **values)
        except UsageError as error:
            flag, space, rest = error.message.partition(" ")
            ctx = click.get_current_context()
            for option in command.params:
                if space and flag in option.opts and from_environment(ctx, option):
                    raise ConfigError(
                        f"environment variable {option.envvar} {rest}", hint=error.hint
                    ) from None
            raise

    command.callback = called


def refused_value(error: click.BadParameter) -> ConfigError | None:
    """The error of a value that click cannot use; None where it stands on the command line."""
    if error.ctx is None or error.param is None or not from_environment(error.ctx, error.param):
        return None
    message, hint = error.message.rstrip("."), f"it stands for {_flag(error.param)}: correct or unset it"
    if isinstance(error.param.type, click.types.BoolParamType):
        message = f"{os.environ[str(error.param.envvar)]!r} is neither true nor false"
        hint = f"1 is {_flag(error.param)}, 0 is not: correct or unset it"
    return ConfigError(f"environment variable {error.param.envvar}: {message}", hint=hint)


def _of_variable(option: click.Parameter, message: str, hint: str | None) -> ConfigError:
    told = None if hint is None else hint.replace(_flag(option), str(option.envvar))
    return ConfigError(f"environment variable {option.envvar}: {message}", hint=told)


def _flag(option: click.Parameter) -> str:
    return max(option.opts, key=len)


def _duration(value: str) -> None:
    from coral.model.durations import parse_duration_ns

    parse_duration_ns(value)


def _params(value: tuple[str, ...]) -> None:
    from coral.runner.params import parse_params

    parse_params(list(value))


def _sql_params(value: tuple[str, ...]) -> None:
    from coral.cli.sql_params import sql_params

    sql_params(value)


def _param_file(value: str) -> None:
    from coral.runner.param_file import read_param_file

    read_param_file(value)


def _time(value: str) -> None:
    from coral.cli.replay_options import read_time

    read_time(value)


# By option, or by what its help calls the value.
_READERS: dict[str, Callable[[Any], None]] = {
    "DURATION": _duration,
    "NAME=VALUE": _params,
    "[NAME=]VALUE": _sql_params,
    "TIME": _time,
    "--param-file": _param_file,
}
