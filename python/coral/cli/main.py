"""The group of all commands. Each command's module is imported when that command is used."""

from __future__ import annotations

import difflib
import importlib
import os

import click

from coral import __version__
from coral.cli.twins import refused_value
from coral.cli.variables import name_variables
from coral.errors import CoralError, UsageError
from coral.printing import shell_word, show_text

# Coral has words of its own for a handshake that fails; gRPC's come where the variable asks for them.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

_COMMANDS = {
    "run": ("coral.cli.run:run", "Run a TypeScript file against a colony."),
    "test": ("coral.cli.test:test", "Test scripts on a recording."),
    "backtest": ("coral.cli.backtest:backtest", "Replay a script on what has been."),
    "record": ("coral.cli.record:record", "Record what a colony knows into a file."),
    "init": ("coral.cli.init:init", "Prepare a folder for scripts."),
    "new": ("coral.cli.new:new", "Make a script from a template."),
    "examples": ("coral.cli.examples:examples", "List, show and copy the scripts that come with Coral."),
    "demo": ("coral.cli.demo:demo", "Start services with faults and report on them."),
    "query": ("coral.cli.query:query", "Ask a colony in SQL."),
    "queries": ("coral.cli.queries:queries", "Show the SQL that runs in a colony, and end it."),
    "services": ("coral.cli.services:services", "List the services that a colony knows."),
    "status": ("coral.cli.status:status", "Show how a colony and its agents are doing."),
    "logs": ("coral.cli.logs:logs", "Show log records of services."),
    "events": ("coral.cli.events:events", "Show what scripts emitted, also as it comes."),
    "functions": ("coral.cli.functions:functions", "Show the functions of a service's program."),
    "colony": ("coral.cli.colony:colony", "Start a colony."),
    "agent": ("coral.cli.agent:agent", "Start an agent, or ask about one."),
    "token": ("coral.cli.token:token", "Make, list and revoke the tokens of a colony."),
    "config": ("coral.cli.config:config", "Show and change the configuration, and its contexts."),
    "cache": ("coral.cli.cache:cache", "Show what Coral keeps in its cache, and remove what is old."),
    "completion": ("coral.cli.completion:completion", "Print what makes a shell complete coral's commands."),
    "doctor": ("coral.cli.doctor:doctor", "Say what works on this machine and what does not."),
    "audit": ("coral.cli.audit:audit", "Show which scripts were refused something or hit a limit."),
    "version": ("coral.cli.version:version", "Show versions."),
}


class _LazyGroup(click.Group):
    """Knows its commands by name, and loads one when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command), f"{module}:{name} is no click command"
        name_variables(command, (cmd_name,))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # From the table, so that --help loads no command.
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in _COMMANDS and not name.startswith("-"):
            close = difflib.get_close_matches(name, _COMMANDS, n=1)
            hint = f"did you mean: coral {close[0]}" if close else "coral --help lists the commands"
            if name.endswith((".ts", ".js", ".mts", ".mjs")):
                hint = f"to run a script: coral run {shell_word(name)}"
            raise UsageError(f"there is no command {name!r}", hint=hint)
        return super().resolve_command(ctx, args)


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=True,
)
@click.version_option(__version__, prog_name="coral", message="%(prog)s %(version)s")
@click.pass_context
def coral(ctx: click.Context) -> None:
    """Scriptable observability: ask live telemetry with TypeScript or SQL."""
    if ctx.invoked_subcommand is None:
        show_text(ctx.get_help() + "\n")


def invoke(arguments: list[str]) -> int:
    """Runs one command line through click.

    Returns:
        What the command returned, if it is an exit code, else 0.

    Raises:
        UsageError: The command line cannot be understood.
        CoralError: The command failed.
    """
    if "_CORAL_COMPLETE" in os.environ:
        from coral.cli.offered import register

        register()
        try:
            coral.main(prog_name="coral")  # answers the shell and exits
        except CoralError:
            return 0  # a shell that waits for completions is no place for errors
    result: object
    try:
        # Not coral.main(): it would end a closed stdout with exit code 1, like a failed command.
        with coral.make_context("coral", arguments) as context:
            result = coral.invoke(context)
    except click.exceptions.Exit as ended:
        result = ended.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        path = error.ctx.command_path
        raise UsageError(f"{path} needs a command", hint=f"{path} --help lists them") from None
    except click.UsageError as error:
        refused = refused_value(error) if isinstance(error, click.BadParameter) else None
        if refused is not None:
            raise refused from None
        message = " ".join(_lower_first(error.format_message().rstrip(".")).split())
        if isinstance(error, click.NoSuchOption):
            message = f"no such option {error.option_name!r}"  # what it could have been is in the hint
        raise UsageError(message, hint=_usage_hint(error, arguments)) from None
    except click.ClickException as error:
        raise UsageError(error.format_message()) from None
    except click.Abort:
        raise KeyboardInterrupt from None
    return result if isinstance(result, int) else 0


def _usage_hint(error: click.UsageError, arguments: list[str]) -> str:
    if error.ctx is not None:
        path = error.ctx.command_path
    else:
        path = " ".join(["coral", *[name for name in arguments[:1] if name in _COMMANDS]])
    possibilities = getattr(error, "possibilities", None)
    if possibilities:
        return f"did you mean {' or '.join(sorted(possibilities))}? {path} --help shows all options"
    if "unexpected extra argument" in error.format_message() and path.endswith(" run"):
        return "what the script itself shall get stands after --: coral run script.ts -- argument"
    return f"{path} --help shows how it is used"


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
