"""The colony that commands here would use: where it is set, whether it answers, its version and clock."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime

from coral import __version__
from coral.cli.checks import Finding
from coral.cli.options import ColonyFlags
from coral.config.access import Access, Colony
from coral.errors import CoralError
from coral.limits import CLOCK_SKEW_SECONDS


def check_colony(flags: ColonyFlags) -> list[Finding]:
    """Asks the colony for its version and its clock; starts none.

    Args:
        flags: What the command line says of it.
    """
    from coral.config.address import configured_colony
    from coral.embedded.resolve import COLONY_ELSEWHERE
    from coral.embedded.state import running, state_file

    try:
        colony = configured_colony(flags.address, tls_ca=flags.tls_ca, token_file=flags.token_file)
    except CoralError as error:
        return [Finding("configuration", "problem", error.message, error.hint)]
    if colony is None:
        local = running(state_file())
        if local is None and sys.platform == "win32":
            text = "none is set, and none is started on Windows"
            return [Finding("colony", "note", text, COLONY_ELSEWHERE)]
        if local is None:
            text = "none is set and none runs here: commands that need one start the local colony"
            return [Finding("colony", "ok", text)]
        colony = Colony(local.address)
    return _ask(colony.address, colony.access)


def _ask(address: str, access: Access) -> list[Finding]:
    from coral.client.colony import ColonyClient, to_rows
    from coral.client.status import get_status

    try:
        colony = get_status(address, access).colony
        with ColonyClient(address, access) as client:
            client.query("SELECT 1")  # the connection is there for what is measured
            before, start = datetime.now(UTC), time.monotonic()
            ((theirs,),) = to_rows(client.query("SELECT epoch_us(now())").rows)
            took = time.monotonic() - start
    except CoralError as error:
        return [Finding("colony", "problem", f"{address}: {error.message}", error.hint)]
    found = []
    text = f"{address} answers, coral {colony.coral_version}"
    if colony.coral_version == __version__:
        found.append(Finding("colony", "ok", text))
    else:
        hint = f"this is coral {__version__}: install the same version on both sides"
        found.append(Finding("colony", "note", text, hint))
    found += [Finding("colony says", "problem", text) for text in colony.problems]
    # The colony looked at its clock at some time within the call.
    skew = theirs / 1e6 - before.timestamp() - took / 2
    if abs(skew) <= took:
        text = f"the same as this machine's, as far as can be told ({took:.1f} s)"
    else:
        text = f"{abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} this machine's"
    if abs(skew) - took / 2 > CLOCK_SKEW_SECONDS:
        hint = "set both clocks by NTP: telemetry is looked for by its time"
        found.append(Finding("colony's clock", "problem", text, hint))
    else:
        found.append(Finding("colony's clock", "ok", text))
    return found
