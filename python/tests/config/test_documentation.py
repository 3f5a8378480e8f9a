"""docs/configuration.md says what the tables of settings say. With CORAL_UPDATE_DOCS=1 it is rewritten."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest

from coral.config.agent_file import AGENT_SETTINGS
from coral.config.colony_file import COLONY_SETTINGS
from coral.config.settings import Setting


def table(settings: Sequence[Setting]) -> str:
    lines = [
        "| key | value | default | flag, environment | what it does |",
        "| --- | --- | --- | --- | --- |",
    ]
    for setting in settings:
        names = ", ".join(f"`{name}`" for name in (setting.flag, setting.env) if name)
        note = " Has no effect yet." if setting.note else ""
        kind = setting.kind.describe().replace("|", "\\|")
        lines.append(
            f"| `{setting.key}` | {kind} | {setting.describe_default()} | {names} | {setting.help}{note} |"
        )
    return "\n".join(lines)


@pytest.mark.parametrize(("name", "settings"), [("agent", AGENT_SETTINGS), ("colony", COLONY_SETTINGS)])
def test_every_setting_is_documented(
    name: str, settings: Sequence[Setting], pytestconfig: pytest.Config
) -> None:
    document = pytestconfig.rootpath / "docs" / "configuration.md"
    text = document.read_text(encoding="utf-8")
    begin, end = f"<!-- settings of the {name} -->\n", f"\n<!-- end of the {name}'s -->"
    before, _, rest = text.partition(begin)
    documented, _, after = rest.partition(end)
    if os.environ.get("CORAL_UPDATE_DOCS"):
        document.write_text(f"{before}{begin}{table(settings)}{end}{after}", encoding="utf-8")
        return
    assert documented == table(settings)
