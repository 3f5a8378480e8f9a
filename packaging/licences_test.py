"""Everything that ships, or that the wheel asks pip for, has a licence that may ship."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path

import pytest
from license_expression import LicenseSymbol, get_spdx_licensing
from parts import Part, bundled_parts, python_parts

ALLOWED = tomllib.loads(Path("packaging/allowed_licences.toml").read_text(encoding="utf-8"))
SPDX = get_spdx_licensing()


def shipped() -> list[Part]:
    """Npm packages in the bundle, and Python packages that pip installs beside the wheel."""
    lock = Path("third_party/npm/package-lock.json")
    python = python_parts(
        Path("pyproject.toml"), Path("third_party/python/requirements.lock"), ALLOWED["known"]
    )
    return [*bundled_parts(Path(os.environ["CORAL_TEST_SDK"]), lock), *python]


def may_ship(licence: str) -> bool:
    """Whether an SPDX expression can be met with allowed licences alone."""
    return _met(SPDX.parse(licence, validate=True, strict=True))


def _met(expression: object) -> bool:
    if isinstance(expression, SPDX.AND):
        return all(map(_met, expression.args))
    if isinstance(expression, SPDX.OR):
        return any(map(_met, expression.args))
    return isinstance(expression, LicenseSymbol) and expression.key in ALLOWED["allowed"]


@pytest.mark.parametrize("part", shipped(), ids=lambda part: f"{part.name}-{part.version}")
def test_its_licence_may_ship(part: Part) -> None:
    assert may_ship(part.licence), f"{part.name} {part.version} is {part.licence}"


@pytest.mark.parametrize("licence", ["GPL-3.0-only", "MIT AND LGPL-2.1-or-later", "AGPL-3.0-only"])
def test_copyleft_may_not(licence: str) -> None:
    assert not may_ship(licence)


def test_of_two_licences_to_choose_from_one_is_enough() -> None:
    assert may_ship("GPL-2.0-only OR MIT")


def test_no_licence_is_told_for_a_package_that_states_its_own() -> None:
    """An entry under [known] is needed as long as its package is asked for."""
    names = {part.name for part in shipped()}
    assert set(ALLOWED["known"]) <= names, json.dumps(sorted(set(ALLOWED["known"]) - names))
