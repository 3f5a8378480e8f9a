"""Every attack succeeds without Coral's walls, and none gets more than `docs/security.md` says with them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import pytest

from tests.attacks.corpus import CONTROLS, Attack, read_corpus
from tests.attacks.run import describe
from tests.attacks.suite import Mode, Outcome, open_suite
from tests.runner.installed import STARTER

# The first test waits until all have run, two at a time.
pytestmark = pytest.mark.timeout(900)

ATTACKS = read_corpus()
ALLOWED = read_corpus(None, CONTROLS)
# The first of the runs with a head start is one without.
WALLS = (Mode.HEAD_START if STARTER.exists() else Mode.ALL, Mode.NO_LANDLOCK)
_NAMES = {attack.id: attack for attack in (*ATTACKS, *ALLOWED)}
Key = tuple[str, Mode]


def _cases(attacks: list[Attack], modes: tuple[Mode, ...]) -> list[object]:
    return [
        pytest.param(attack.id, mode, id=f"{attack.id}-{mode.name.lower()}")
        for mode in modes
        for attack in attacks
    ]


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest) -> Iterator[Mapping[Key, Outcome]]:
    """What came of the attacks that were asked for (pytest -k)."""
    wanted: dict[Mode, list[Attack]] = {}
    for item in request.session.items:
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        if item.path == request.path and "mode" in parameters:
            wanted.setdefault(parameters["mode"], []).append(_NAMES[parameters["name"]])
    found: dict[Key, Outcome] = {}
    with open_suite() as suite:
        for mode, attacks in wanted.items():
            for outcome in suite.run(attacks, [mode]):
                found[outcome.attack.id, mode] = outcome
        assert suite.strays_of_walls() == []
        yield found


@pytest.mark.parametrize(("name", "mode"), _cases(ALLOWED, WALLS))
def test_what_is_allowed_works(outcomes: Mapping[Key, Outcome], name: str, mode: Mode) -> None:
    outcome = outcomes[name, mode]
    assert outcome.expected, describe(outcome, verbose=True)


@pytest.mark.parametrize(("name", "mode"), _cases(ATTACKS, (Mode.BARE,)))
def test_it_succeeds_without_walls(outcomes: Mapping[Key, Outcome], name: str, mode: Mode) -> None:
    outcome = outcomes[name, mode]
    assert outcome.captured, describe(outcome, verbose=True)


@pytest.mark.parametrize(("name", "mode"), _cases(ATTACKS, WALLS))
def test_it_is_contained(outcomes: Mapping[Key, Outcome], name: str, mode: Mode) -> None:
    outcome = outcomes[name, mode]
    assert outcome.expected, describe(outcome, verbose=True)


def test_the_document_lists_exactly_what_remains(pytestconfig: pytest.Config) -> None:
    text = (pytestconfig.rootpath / "docs" / "security.md").read_text(encoding="utf-8")
    section = re.search(r"<!-- remains -->\n(.*?)<!-- end -->", text, re.DOTALL)
    assert section is not None
    listed = re.findall(r"^\| `(\w+/\w+)` \|", section[1], re.MULTILINE)
    assert listed == sorted(attack.id for attack in ATTACKS if attack.remains)


def test_the_document_counts_the_attacks(pytestconfig: pytest.Config) -> None:
    text = (pytestconfig.rootpath / "docs" / "security.md").read_text(encoding="utf-8")
    kinds = sorted({attack.kind for attack in ATTACKS})
    counted = re.findall(r"^\| (\w+) \| (\d+) \|", text, re.MULTILINE)
    assert counted == [(kind, str(sum(attack.kind == kind for attack in ATTACKS))) for kind in kinds]
