"""`coral doctor`: what works on this machine and what does not."""

from __future__ import annotations

from dataclasses import asdict

import click

from coral.cli.checks import Finding
from coral.cli.options import ColonyFlags, colony_option
from coral.printing import emit, show_text, visible

EXIT_PROBLEMS = 3


@click.command()
@colony_option
@click.option("--prepare", is_flag=True, help="Unpack Deno and fill its caches now, not at the first run.")
@click.option("--verify", is_flag=True, help="Compare archive and binary of Deno with their known digests.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def doctor(ctx: click.Context, /, colony: ColonyFlags, prepare: bool, verify: bool, as_json: bool) -> int:
    """Say what works on this machine and what does not.

    It looks at Deno, the cache, the disk, CORAL_ variables, the colony and its clock, at the layers that
    hold scripts, and at BPF. It starts and changes nothing, unless --prepare says so. The exit code is 0,
    or 3 if there is a problem; notes are no problems.
    """
    root = ctx.find_root().command
    assert isinstance(root, click.Group), "doctor is a command of it"
    findings = _findings(root, colony, prepare, verify)
    healthy = all(finding.state != "problem" for finding in findings)
    if as_json:
        from coral.cli.output import render_json

        document = {"healthy": healthy, "findings": [asdict(finding) for finding in findings]}
        emit(render_json(document))
    else:
        show_text(_text(findings))
    return 0 if healthy else EXIT_PROBLEMS


def _findings(root: click.Group, colony: ColonyFlags, prepare: bool, verify: bool) -> list[Finding]:
    from coral.cli.checks import colony as of_colony
    from coral.cli.checks import deno, machine, variables

    found = machine.check_versions()
    if prepare:
        found += deno.prepare()
    found += deno.check_deno()
    if verify:
        found += deno.verify()
    found += [*deno.check_sdk(), *deno.check_cache(), *deno.check_disk()]
    found += variables.check_variables(root)
    found += of_colony.check_colony(colony)
    found += machine.check_sandbox(deno.usable_deno())
    return [*found, *machine.check_audit(), *machine.check_bpf()]


def _text(findings: list[Finding]) -> str:
    width = max(len(finding.name) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{finding.state:<7}  {finding.name:<{width}}  {visible(finding.detail)}".rstrip())
        if finding.hint is not None:
            lines.append(f"{'':<{width + 11}}hint: {visible(finding.hint)}")
    problems = sum(finding.state == "problem" for finding in findings)
    lines += ["", "no problems" if not problems else f"{problems} problem{'' if problems == 1 else 's'}"]
    return "\n".join(lines) + "\n"
