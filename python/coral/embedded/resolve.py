"""Which colony a command talks to, starting the local one if nothing else is there."""

from __future__ import annotations

from coral.config.access import Colony
from coral.config.address import configured_colony
from coral.errors import refuse_on_windows
from coral.printing import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from coral.embedded.state import LocalColony

COLONY_ELSEWHERE = "say where one runs: --colony HOST:PORT or CORAL_COLONY"
"""What to do where no colony can be started."""


def resolve_colony(flag: str | None, *, tls_ca: str | None = None, token_file: str | None = None) -> Colony:
    """Returns the colony to talk to.

    In this order: the flag, `CORAL_COLONY`, the configuration file, a running local colony, a local
    colony started now. The last two say so in one line on stderr.

    Args:
        flag: The value of `--colony`.
        tls_ca: The value of `--tls-ca`.
        token_file: The value of `--token-file`.

    Raises:
        UsageError: The flag is no address.
        ConfigError: The environment variable or the configuration file cannot be used.
        UnreachableError: The local colony did not start.
        UnsupportedError: No colony can be started on this system.
        StorageError: The local colony's directory cannot be written.
    """
    return configured_colony(flag, tls_ca=tls_ca, token_file=token_file) or Colony(local_colony())


def local_colony(*, quiet: bool = False) -> str:
    """Returns the address of the local colony, which is started if it does not run.

    Args:
        quiet: Whether to say nothing of it on stderr.

    Raises:
        UnsupportedError: No colony can be started on this system.
        UnreachableError: The local colony did not start.
        StorageError: The local colony's directory cannot be written.
    """
    refuse_on_windows("colonies", COLONY_ELSEWHERE)
    from coral.embedded.state import running, state_file

    path = state_file()
    colony = running(path)
    if colony is not None:
        if not quiet:
            _say_used(colony)
        return colony.address
    from coral.embedded.launch import IDLE_EXIT, launch

    launched = launch(path, waiting=None if quiet else _say_that_it_starts)
    address = launched.colony.address
    if quiet:
        return address
    if not launched.started:
        _say_used(launched.colony)
    else:
        say(f"started the local colony at {address}; it stops after {IDLE_EXIT} without use")
        if launched.colony.is_empty():
            _say_how_to_fill(address)
    return address


def _say_that_it_starts() -> None:
    say("starting the local colony ...")


def _say_used(colony: LocalColony) -> None:
    whose = "the demo's colony" if colony.kind == "demo" else "the local colony"
    say(f"using {whose} at {colony.address}")
    if colony.kind == "local" and colony.is_empty():
        _say_how_to_fill(colony.address)


def _say_how_to_fill(address: str) -> None:
    from coral import ports

    say(
        f"it has no data yet; run coral demo, or coral agent start --colony {address}"
        f" and send OpenTelemetry to 127.0.0.1:{ports.OTLP_GRPC} (gRPC) or http://127.0.0.1:{ports.OTLP_HTTP}"
    )
