"""The whole demo: start everything, wait for data, print the report, and go on or stop."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from filelock import FileLock, Timeout

from coral.client.colony import ColonyClient
from coral.config.paths import state_dir
from coral.demo.examples import LATENCY_REPORT, example
from coral.demo.launch import (
    Agent,
    Colony,
    ShopProcess,
    await_agent,
    await_colony,
    begin_agent,
    begin_colony,
    child_environment,
    coral_command,
)
from coral.demo.local_state import registered
from coral.demo.options import DemoOptions
from coral.demo.readiness import await_services
from coral.demo.shop.names import SERVICES
from coral.errors import CoralError, NoDataError, StorageError, UsageError
from coral.printing import emit, say, tell

AGENT_ID = "demo-agent"
REPORT_SECONDS = 60.0
WATCH_SECONDS = 0.5
"""How often the running demo looks whether its processes still live."""


@dataclass(frozen=True)
class _Running:
    colony: Colony
    agent: Agent
    shop: ShopProcess
    stop: _Stop

    def check(self) -> None:
        """Raises ChildError when one of the processes has ended, KeyboardInterrupt after a signal."""
        self.stop.check()
        for child in (self.colony.child, self.agent.child, self.shop.child):
            child.check()


def run_demo(options: DemoOptions) -> int:
    """Runs the demo; the report goes to stdout, all else to stderr.

    Returns:
        The exit code: 0 when the report was printed and the demo ended as asked.

    Raises:
        CoralError: A process of the demo did not start or ended, or another demo runs.
        KeyboardInterrupt: Stopped by a signal before the report.
    """
    report = example(LATENCY_REPORT)
    if options.report is not None:
        # Asked before the work, not after it.
        _write(options.report, b"")
    with _signals_noted() as stop, ExitStack() as stack:
        folder = stack.enter_context(_folder(options))
        running = _start(stack, folder, options, stop)
        if not options.once:
            stack.enter_context(registered(running.colony.grpc, running.colony.child.pid, folder / "colony"))
        _collect(running, options)
        code = _print_report(report, running.colony.grpc, options.report)
        if options.once or code != 0:
            return code
        _say_next(running, report, folder)
        try:
            _keep_going(running, options.duration_seconds)
        except KeyboardInterrupt:
            say("stopping")
        return 0


def _start(stack: ExitStack, folder: Path, options: DemoOptions, stop: _Stop) -> _Running:
    say(f"starting a colony, an agent and a shop of {len(SERVICES)} services")
    logs = folder / "logs"
    colony_child = stack.enter_context(begin_colony(folder / "colony", logs / "colony.log"))
    # Left after the shop and before the colony: each stops while its telemetry still finds a taker.
    agent_stack = stack.enter_context(ExitStack())
    shop = ShopProcess(folder / "shop", logs / "shop.log", rate=options.rate, seed=options.seed)
    stack.enter_context(shop.child)
    colony = await_colony(colony_child)
    agent_child = begin_agent(
        colony.grpc,
        folder / "agent",
        logs / "agent.log",
        agent_id=AGENT_ID,
        labels={"demo": "true"},
    )
    agent_stack.enter_context(agent_child)
    agent = await_agent(agent_child)
    shop.open(agent)
    return _Running(colony, agent, shop, stop)


def _collect(running: _Running, options: DemoOptions) -> None:
    say(f"the shop is open, {options.rate:g} visits a second; waiting for data of every service")
    if options.once and options.duration_seconds is not None:
        _keep_going(running, options.duration_seconds)
    with ColonyClient(running.colony.grpc) as client:
        await_services(SERVICES, lambda: _request_counts(client), check=running.check)


def _request_counts(client: ColonyClient) -> dict[str, int]:
    counts = {}
    for service in SERVICES:
        try:
            counts[service] = client.error_rate(service).request_count
        except NoDataError:
            counts[service] = 0
    return counts


def _print_report(report: Path, colony: str, copy: Path | None) -> int:
    say(f"running: coral run {report.name}")
    done = subprocess.run(
        coral_command("run", str(report), "--colony", colony, "--timeout", f"{REPORT_SECONDS:g}s"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env=child_environment(),
        check=False,
    )
    emit(done.stdout.decode(errors="replace"))
    if copy is not None:
        _write(copy, done.stdout)
    return done.returncode


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise UsageError(
            f"the report cannot be written to {file}: {error.strerror}",
            hint="--report takes a file in a folder that exists and can be written",
        ) from None


def _say_next(running: _Running, report: Path, folder: Path) -> None:
    say("the demo keeps going; Ctrl-C stops it. In another terminal, for example:")
    for command in (
        f"coral run {report}",
        "coral services",
        'coral query "SELECT service_name, request_count, p99_ms FROM service_summary"',
    ):
        tell(f"    {command}")
    say(f"send telemetry of your own to {running.agent.otlp_grpc} (OTLP/gRPC)", end="")
    tell(f" or http://{running.agent.otlp_http} (OTLP/HTTP)")
    say(f"the colony is {running.colony.grpc}, data and logs are in {folder}")


def _keep_going(running: _Running, seconds: float | None) -> None:
    deadline = None if seconds is None else time.monotonic() + seconds
    while deadline is None or time.monotonic() < deadline:
        running.check()
        time.sleep(WATCH_SECONDS)


@contextmanager
def _folder(options: DemoOptions) -> Iterator[Path]:
    """A new folder that goes away with a single run, or the one folder of the demo that keeps going."""
    if options.once:
        with tempfile.TemporaryDirectory(prefix="coral-demo-") as folder:
            yield Path(folder)
        return
    kept = Path(state_dir()) / "demo"
    try:
        kept.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(kept / "demo.lock")
        lock.acquire(timeout=0)
    except Timeout:
        raise CoralError(
            f"a demo runs already, with its data in {kept}",
            hint="use it: `coral run FILE.ts` finds it; or run another one with `coral demo --once`",
        ) from None
    except OSError as error:
        raise StorageError(
            f"the demo's folder {kept} cannot be written: {error.strerror}",
            hint="set XDG_STATE_HOME to a folder that can be written, or run `coral demo --once`",
        ) from None
    try:
        yield kept
    finally:
        lock.release()


class _Stop:
    """Notes a signal that asks for the end; `check` then raises KeyboardInterrupt where that is safe.

    Raising it in the handler itself could leave `subprocess` with a lock that nobody releases, and the
    demo would wait for ever for a child that has ended. A second signal is taken at its word.
    """

    def __init__(self) -> None:
        self._requested = False

    def note(self, number: int, frame: FrameType | None) -> None:
        if self._requested:
            raise KeyboardInterrupt
        self._requested = True

    def check(self) -> None:
        if self._requested:
            raise KeyboardInterrupt


@contextmanager
def _signals_noted() -> Iterator[_Stop]:
    """Makes SIGTERM, SIGHUP and Ctrl-C end the demo in order, with its children."""
    stop = _Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), stop.note) for name in names}
    try:
        yield stop
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
