"""Every option has its twin in the environment, and docs/configuration.md lists all of them.

With CORAL_UPDATE_DOCS=1 the tables there are rewritten.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import coral
from coral.cli.main import coral as program
from coral.cli.variables import variable_of
from coral.config.agent_file import AGENT_SETTINGS
from coral.config.colony_file import COLONY_SETTINGS
from coral.config.file import KEYS
from coral.config.settings import configure

VARIABLE = re.compile(r"\bCORAL_[A-Z][A-Z0-9_]*[A-Z0-9]\b")


def commands() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, with its names."""
    context = click.Context(program)

    def below(
        path: tuple[str, ...], command: click.Command
    ) -> Iterator[tuple[tuple[str, ...], click.Command]]:
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                found = command.get_command(context, name)
                assert found is not None
                yield from below((*path, name), found)
        else:
            yield path, command

    yield from below((), program)


OPTIONS = [
    (path, command, option)
    for path, command in commands()
    for option in command.params
    if isinstance(option, click.Option) and not option.is_eager
]


def settings_of(path: tuple[str, ...]) -> dict[str, str]:
    """Variables by flag that are read as settings."""
    tables = {("agent", "start"): AGENT_SETTINGS, ("colony", "start"): COLONY_SETTINGS}
    return {s.flag: s.env for s in tables.get(path, ()) if s.flag is not None and s.env is not None}


def test_every_option_has_a_variable_and_none_means_two_things() -> None:
    users: dict[str, set[str]] = {}
    for path, _, option in OPTIONS:
        name = variable_of(path, option)
        assert name is not None, (path, option.opts)
        users.setdefault(name, set()).add(max(option.opts, key=len))
    assert {name: flags for name, flags in users.items() if len(flags) > 1} == {}


@pytest.mark.parametrize(
    ("path", "command", "option"),
    [pytest.param(*each, id=f"{' '.join(each[0])} {max(each[2].opts, key=len)}") for each in OPTIONS],
)
def test_the_variable_is_read(
    path: tuple[str, ...], command: click.Command, option: click.Option, monkeypatch: pytest.MonkeyPatch
) -> None:
    flag = max(option.opts, key=len)
    name = variable_of(path, option)
    assert name is not None
    if flag in settings_of(path):
        assert settings_of(path)[flag] == name
        return  # the next test
    shared = ("--tls-ca", "--token-file") if path[0] not in ("token", "config") else ()
    if flag in ("--colony", "--memory", "--config", *shared):
        assert option.envvar is None
        return  # test_config, test_settings_commands, test_limits and tests/security say that it is read
    choices = option.type.choices if isinstance(option.type, click.Choice) else ["7"]
    monkeypatch.setenv(name, "1" if option.is_flag else str(choices[0]))
    with command.make_context(path[-1], [], resilient_parsing=True) as context:
        assert context.get_parameter_source(option.name or "") is click.core.ParameterSource.ENVIRONMENT
        assert context.params[option.name or ""] not in (None, False, ())


@pytest.mark.parametrize("settings", [AGENT_SETTINGS, COLONY_SETTINGS], ids=["agent", "colony"])
def test_settings_with_a_flag_have_a_variable(settings: tuple[object, ...]) -> None:
    values = {"--label": "region=us-east,zone=1", "--id": "x", "--data": "/x", "--log-level": "info"}
    values |= {"--query-timeout": "30s", "--query-max-timeout": "10m"}
    table = AGENT_SETTINGS if settings is AGENT_SETTINGS else COLONY_SETTINGS
    for setting in [setting for setting in table if setting.flag is not None]:
        assert setting.env is not None, setting.key
        assert setting.flag is not None
        kind = type(setting.kind).__name__
        value = values.get(setting.flag) or {
            "Address": "127.0.0.1:1",
            "Duration": "100h",
            "ByteCount": "1GiB",
            "Integer": "7",
            "Choice": "json",
            "FilePath": "/x",
            "Redacted": "default,*iban*",
        }.get(kind)
        assert value is not None, setting.key
        found = configure(table, flags={}, file=None, environment={setting.env: value})
        assert found.problems == (), setting.key
        assert found.values[setting.key].source == f"environment variable {setting.env}"
    if table is AGENT_SETTINGS:
        labels = configure(
            table, flags={}, file=None, environment={"CORAL_AGENT_LABEL": "region=us-east,zone=1"}
        )
        assert labels["labels"] == {"region": "us-east", "zone": "1"}


def options_table() -> str:
    lines = ["| command | option | variable |", "| --- | --- | --- |"]
    for path, _, option in OPTIONS:
        names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
        lines.append(f"| `{' '.join(path)}` | {names} | `{variable_of(path, option)}` |")
    return "\n".join(lines)


def keys_table() -> str:
    lines = [
        "| key | value | flag, environment | project file | what it does |",
        "| --- | --- | --- | --- | --- |",
    ]
    for key in KEYS:
        names = ", ".join(f"`{name}`" for name in (key.flag, key.env) if name)
        lines.append(
            f"| `{key.name}` | {key.kind.describe()} | {names} | {'yes' if key.in_project else 'no'} | {key.help} |"
        )
    return "\n".join(lines)


@pytest.mark.parametrize(("name", "table"), [("options", options_table), ("keys", keys_table)])
def test_the_document_lists_all(name: str, table: object, pytestconfig: pytest.Config) -> None:
    assert callable(table)
    document = pytestconfig.rootpath / "docs" / "configuration.md"
    if not document.exists():
        pytest.skip("the documents are not here: this tree has the package only")
    text = document.read_text(encoding="utf-8")
    begin, end = f"<!-- table of {name} -->\n", f"\n<!-- end of {name} -->"
    before, _, rest = text.partition(begin)
    documented, _, after = rest.partition(end)
    if os.environ.get("CORAL_UPDATE_DOCS"):
        document.write_text(f"{before}{begin}{table()}{end}{after}", encoding="utf-8")
        return
    assert documented == table()


def test_every_variable_that_the_program_reads_is_documented(pytestconfig: pytest.Config) -> None:
    document = pytestconfig.rootpath / "docs" / "configuration.md"
    if not document.exists():
        pytest.skip("the documents are not here: this tree has the package only")
    documented = set(VARIABLE.findall(document.read_text(encoding="utf-8")))
    package = Path(coral.__file__).parent
    skipped = {"_proto", "_sdk", "_deno", "_examples", "_native", "testing"}
    read = set()
    for path in package.rglob("*.py"):
        if not skipped & set(path.relative_to(package).parts):
            read |= set(VARIABLE.findall(path.read_text(encoding="utf-8")))
    assert len(read) > 20
    assert sorted(read - documented) == []
