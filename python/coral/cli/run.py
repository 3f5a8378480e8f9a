"""`coral run`: help and error messages. A plain run is read by `direct_run` and never comes here."""

from __future__ import annotations

import os
import re

import click
from click.shell_completion import CompletionItem

from coral.cli.direct_run import OUTPUTS, VALUES, RunArguments, split_arguments
from coral.cli.options import FILE, raw_colony_options
from coral.cli.twins import blaming, from_environment
from coral.colours import CHOICES
from coral.errors import UsageError

_REST = "coral.run.arguments"
_SCRIPT = "coral.run.script"
_INSPECT = "127.0.0.1:9229"
_INSPECTORS = ("--inspect", "--inspect-brk")
_SWITCH = {"1": _INSPECT, "true": _INSPECT, "yes": _INSPECT, "on": _INSPECT}
_SWITCH_OFF = ("0", "false", "no", "off")


class _RunCommand(click.Command):
    """Keeps what stands after `--` apart from Coral's own arguments, which click would not."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own, ctx.meta[_REST] = split_arguments(args)
        own = [_bare(own, place) for place in range(len(own))]
        if ctx.resilient_parsing:  # a line that is being typed: click gives up at its last, open option
            ctx.meta[_SCRIPT] = self._script(own)
        return super().parse_args(ctx, own)

    def _script(self, words: list[str]) -> str | None:
        """The script on a line that is being typed, as the shell will expand its path."""
        options = [option for option in self.params if isinstance(option, click.Option)]
        valued = {name for option in options if not option.is_flag for name in option.opts}
        rest = iter(words)
        for word in rest:
            if word in valued:
                next(rest, None)
            elif not word.startswith("-"):
                return word if os.path.exists(word) else os.path.expanduser(os.path.expandvars(word))
        return None

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- ARGS...]"]


def _complete_param(ctx: click.Context, _: click.Parameter, typed: str) -> list[CompletionItem]:
    """Completes `-p NAME=` and values by what the script declares."""
    from coral.cli.run_modes import complete_param

    return [CompletionItem(value, help=text) for value, text in complete_param(ctx.meta[_SCRIPT], typed)]


def _complete_file(ctx: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Completes paths, and `example:NAME` once it begins like that."""
    from coral.cli.examples import complete_example

    head, colon, name = typed.partition(":")
    if head == "example" and colon:
        found = complete_example(ctx, parameter, name)
        return [CompletionItem(f"example:{item.value}", help=item.help) for item in found]
    items = [CompletionItem(typed, type="file")]
    return [CompletionItem("example:"), *items] if typed and "example:".startswith(typed) else items


def _bare(words: list[str], place: int) -> str:
    """`--inspect script.ts`, as Deno and Node take it: what follows is the file, if it is no address."""
    word = words[place]
    is_value = place > 0 and words[place - 1] in VALUES
    if (
        word not in _INSPECTORS
        or is_value
        or re.fullmatch(r"(.+:)?\d+", "".join(words[place + 1 : place + 2]))
    ):
        return word
    return f"{word}={_INSPECT}"


def _inspect(ctx: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """The address of a debugger. The variable is a switch too."""
    if value is None or ctx.resilient_parsing:
        return value
    if from_environment(ctx, option):
        if value.lower() in _SWITCH_OFF:
            return None
        value = _SWITCH.get(value.lower(), value)
    with blaming(ctx, option):
        return _loopback(value)


@click.command(cls=_RunCommand)
@click.argument("file", required=False, metavar="FILE", type=click.Path(), shell_complete=_complete_file)
@click.option(
    "-e", "--eval", "code", metavar="CODE", help="Run CODE, which may use `coral` without an import."
)
@raw_colony_options
@click.option(
    "--dataset",
    metavar="FILE",
    type=click.Path(),
    help="Ask a recording, made by coral record, instead of a colony.",
)
@click.option(
    "-p",
    "--param",
    "params",
    metavar="NAME=VALUE",
    multiple=True,
    shell_complete=_complete_param,
    help="A parameter, which the script reads as coral.params.NAME. Repeatable. "
    "Numbers, true, false, null and JSON get their type; all else is text.",
)
@click.option(
    "--param-file", metavar="FILE", type=FILE, help="Parameters from a .json or .yaml file; -p goes first."
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(OUTPUTS),
    help="Print the script's result in this form: what it gives to coral.output, or its default export. "
    "What it prints by console.log goes to stderr then.",
)
@click.option(
    "--html",
    metavar="FILE",
    type=FILE,
    help="Also make a page of what the script prints, draws (coral.plot, coral.table) and hands over "
    "(coral.output).",
)
@click.option("-w", "--watch", is_flag=True, help="Run again when the script or a file it imports changes.")
@click.option(
    "--check/--no-check",
    "check",
    default=None,
    help="Check types first, and do not run what has type errors. [default: where stdout is a terminal]",
)
@click.option(
    "--timeout",
    metavar="DURATION",
    help="Time limit of the run, such as 30s or 5m; 0 for none. [default: 60s]",
)
@click.option("--daemon", is_flag=True, help="For a script that runs on: the time limit is 24 hours.")
@click.option("--memory", metavar="SIZE", help="Memory limit, such as 512m or 2g. [default: 512m]")
@click.option("--dry-run", is_flag=True, help="Print what would run, and what it might do; run nothing.")
@click.option("--help-script", is_flag=True, help="List the parameters that the script declares.")
@click.option(
    "--inspect",
    is_flag=False,
    flag_value=_INSPECT,
    metavar="[[HOST:]PORT]",
    callback=_inspect,
    help=f"Let a debugger connect. [without a value: {_INSPECT}]",
)
@click.option(
    "--inspect-brk",
    is_flag=False,
    flag_value=_INSPECT,
    metavar="[[HOST:]PORT]",
    callback=_inspect,
    help="Wait for a debugger before the first line.",
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors on stderr.")
@click.option("-v", "--verbose", is_flag=True, help="Say on stderr what is run, and how it ended.")
@click.option(
    "--color",
    type=click.Choice(tuple(CHOICES)),
    default="auto",
    show_default=True,
    help="Whether output is coloured. auto: on a terminal, unless NO_COLOR is set or TERM is dumb.",
)
@click.pass_context
def run(ctx: click.Context, /, **values: object) -> int:
    """Run a TypeScript or JavaScript FILE against a colony.

    FILE is a path, - for stdin, or example:NAME. The script's output goes to stdout and stderr untouched,
    and its exit code is passed on. It may connect to its colony, and read and import files below its own
    folder; nothing else. What stands after -- is Deno.args.

    Without --colony it uses CORAL_COLONY, then the configuration file, then a local colony, which is
    started if it does not run.

    \b
      coral run analysis.ts
      coral run latency-check.ts --param threshold=500
      coral run -e 'console.log(await coral.services.list())'
      coral run example:latency-report
    """
    from coral.cli.direct_run import run as run_directly

    return run_directly(to_arguments(values, ctx.meta[_REST]))


def to_arguments(values: dict[str, object], rest: list[str]) -> RunArguments:
    """Makes of click's values what the short way makes."""
    known = dict(values)
    addresses = {name: known.pop(name) for name in ("inspect", "inspect_brk")}
    inspect = None
    for name, address in addresses.items():
        if address is not None:
            if inspect is not None:
                raise UsageError("--inspect and --inspect-brk exclude each other", hint="choose one of them")
            inspect = f"--{name.replace('_', '-')}={address}"
    params = known.pop("params")
    assert isinstance(params, tuple)
    return RunArguments(**known, params=list(params), inspect=inspect, arguments=rest)  # type: ignore[arg-type]


def _loopback(address: str) -> str:
    """Whoever connects may run anything as the script: that is for this machine only."""
    from coral.config.address import format_address, parse_address

    host, port = parse_address(f"127.0.0.1:{address}" if address.isdigit() else address)
    if host not in ("127.0.0.1", "::1", "localhost"):
        raise UsageError(
            f"a debugger on {host} could be used by other machines",
            hint=f"use {_INSPECT}, and ssh -L for a debugger elsewhere",
        )
    return format_address("127.0.0.1" if host == "localhost" else host, port)
