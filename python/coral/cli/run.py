"""`coral run`: help and error messages. A plain run is read by `direct_run` and never comes here."""

from __future__ import annotations

import click

from coral.cli.direct_run import RunArguments, split_arguments
from coral.cli.options import colony_option

_REST = "coral.run.arguments"


class _RunCommand(click.Command):
    """Keeps what stands after `--` apart from Coral's own arguments, which click would not."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own, ctx.meta[_REST] = split_arguments(args)
        return super().parse_args(ctx, own)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- ARGS...]"]


@click.command(cls=_RunCommand)
@click.argument("file")
@colony_option
@click.option(
    "--timeout",
    metavar="DURATION",
    help="Time limit of the run, such as 30s or 5m; 0 for none. [default: 60s]",
)
@click.option(
    "-p",
    "--param",
    "params",
    metavar="NAME=VALUE",
    multiple=True,
    help="A parameter, which the script reads as coral.params.NAME. Repeatable. "
    "Numbers, true, false, null and JSON get their type; all else is text.",
)
@click.option("--check", is_flag=True, help="Check types first, and do not run what has type errors.")
@click.pass_context
def run(
    ctx: click.Context,
    file: str,
    colony: str | None,
    timeout: str | None,
    params: tuple[str, ...],
    check: bool,
) -> int:
    """Run a TypeScript or JavaScript FILE against a colony.

    The script's output goes to stdout and stderr untouched, and its exit code is passed on. It may
    connect to its colony, and read and import files below its own folder; nothing else.
    What stands after -- is Deno.args.

    Without --colony it uses CORAL_COLONY, then the configuration file, then a local colony, which is
    started if it does not run.

    \b
      coral run analysis.ts
      coral run latency-check.ts --param threshold=500
    """
    from coral.cli.direct_run import run as run_directly

    return run_directly(
        RunArguments(
            file,
            colony=colony,
            timeout=timeout,
            params=list(params),
            check=check,
            arguments=ctx.meta[_REST],
        )
    )
