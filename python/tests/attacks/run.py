"""Runs the attacks from the command line and prints a table by class.

python python/tests/attacks/run.py                         every attack, all layers and Landlock off
python python/tests/attacks/run.py --class files           a class, or one attack: files/read_passwd
python python/tests/attacks/run.py --no-landlock           with Landlock off only
python python/tests/attacks/run.py --head-start            started before Python, by the plan of a first run
python python/tests/attacks/run.py --deno-only             Deno's walls alone, as on macOS
python python/tests/attacks/run.py --no-proof              without proving each attack bare first
python python/tests/attacks/run.py --proof-only            only that proof
python python/tests/attacks/run.py --scripts FOLDER        another corpus of the same form
python python/tests/attacks/run.py --verbose               what each run printed
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

if __name__ == "__main__":  # started as a file, from wherever
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.attacks.corpus import CONTROLS, SCRIPTS, Attack, read_corpus
from tests.attacks.suite import Mode, Outcome, open_suite


def main() -> int:
    """Runs what was asked for; 1 where something went otherwise than `docs/security.md` says."""
    arguments = _arguments()
    attacks = read_corpus(arguments.kinds, arguments.scripts)
    if arguments.deno_only:
        walls = [Mode.DENO_ONLY]
    elif arguments.head_start:
        walls = [Mode.HEAD_START]
    else:
        walls = [Mode.NO_LANDLOCK] if arguments.no_landlock else [Mode.ALL, Mode.NO_LANDLOCK]
    if arguments.proof_only:
        walls = []
    modes = walls if arguments.no_proof else [Mode.BARE, *walls]
    started = time.monotonic()
    with open_suite() as suite:
        outcomes = suite.run(read_corpus(None, CONTROLS), walls)
        outcomes += suite.run(attacks, modes)
    for outcome in outcomes:
        if arguments.verbose or not outcome.expected:
            print(describe(outcome, verbose=True))
    print(table(attacks, modes, outcomes))
    if Mode.HEAD_START in modes:
        print(f"{suite.early} runs were started before Python")
    for stray in suite.strays:
        print(f"still running at the end: {stray}")
    wrong = [outcome for outcome in outcomes if not outcome.expected]
    print(f"{len(outcomes)} runs in {time.monotonic() - started:.0f} s, {len(wrong)} not as expected")
    return 1 if wrong or suite.strays_of_walls() else 0


def describe(outcome: Outcome, *, verbose: bool = False) -> str:
    """One outcome in a few lines."""
    ended = outcome.ended
    said = "as expected" if outcome.expected else "NOT AS EXPECTED"
    lines = [f"{outcome.attack.id} [{outcome.mode.value}] {said}: code {ended.code}, {ended.seconds:.2f} s"]
    lines += [f"    captured: {sign}" for sign in outcome.captured]
    lines += [f"    problem: {problem}" for problem in outcome.problems]
    if verbose:
        text = ended.output[-1500:].decode(errors="replace")
        lines += [f"    | {line!r}"[:200] for line in text.splitlines()[-12:]]
    return "\n".join(lines)


def table(attacks: list[Attack], modes: list[Mode], outcomes: list[Outcome]) -> str:
    """How many attacks of each class captured something, by mode."""
    kinds = sorted({attack.kind for attack in attacks})
    lines = [["class", "attacks", *(_heading(mode) for mode in modes)]]
    for kind in [*kinds, "all"]:
        chosen = {attack.id for attack in attacks if kind in (attack.kind, "all")}
        row = [kind, str(len(chosen))]
        for mode in modes:
            mine = [outcome for outcome in outcomes if outcome.mode is mode and outcome.attack.id in chosen]
            if mode is Mode.BARE:
                row.append(str(sum(bool(outcome.captured) for outcome in mine)))
            else:
                row.append(str(sum(not outcome.captured and not outcome.problems for outcome in mine)))
        lines.append(row)
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def _heading(mode: Mode) -> str:
    return "succeed bare" if mode is Mode.BARE else f"contained, {mode.value}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--class", dest="kinds", action="append", metavar="CLASS")
    parser.add_argument("--no-landlock", action="store_true")
    parser.add_argument("--head-start", action="store_true")
    parser.add_argument("--deno-only", action="store_true")
    parser.add_argument("--no-proof", action="store_true")
    parser.add_argument("--proof-only", action="store_true")
    parser.add_argument("--scripts", type=Path, default=SCRIPTS)
    parser.add_argument("--verbose", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
