"""What to run: a script, who serves it, and the limits of the run."""

from __future__ import annotations

from coral.config.access import CLEAR, Access
from coral.runner.source import Source
from coral.script_limits import SCRIPT_MEMORY_BYTES, SCRIPT_OUTPUT_BYTES, SCRIPT_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from coral.runner.head_start import HeadStart


class Host:
    """Who serves a script over a Unix socket: an agent, or a recording's server.

    Attributes:
        socket: Path of the socket, in a directory of the run's own.
        token: What its calls must bring.
        mode: What the script sees as `coral.mode`: `agent`, or `cli` for a recording.
    """

    __slots__ = ("mode", "socket", "token")

    def __init__(self, socket: str, token: str, *, mode: str = "agent") -> None:
        self.socket = socket
        self.token = token
        self.mode = mode


class VirtualClock:
    """A clock that stands while a script works, and jumps while it waits.

    Attributes:
        at: Its start, seconds since 1970.
        until: When it ends the run, or None: then the run ends by itself.
        must_end: Whether the run has failed if it goes on until then.
        lines: Whether what the script prints is told with its time (`lines.js`).
    """

    __slots__ = ("at", "lines", "must_end", "until")

    def __init__(
        self, at: float, *, until: float | None = None, must_end: bool = False, lines: bool = False
    ) -> None:
        self.at = at
        self.until = until
        self.must_end = must_end
        self.lines = lines


class Job:
    """What to run, and how.

    Attributes:
        source: The script.
        colony: Address of its colony, `HOST:PORT`; None for a script that gets no network.
        access: With what that is reached.
        host: The Unix socket that serves it in place of a colony, or None.
        clock: The script's clock where it is not the real one, or None. It needs a host that takes it.
        params: What the script sees as `coral.params`.
        texts: Those of them that were typed, as they were typed.
        arguments: What the script sees as `Deno.args`.
        time_limit: Seconds, or None for no limit.
        memory_limit: Bytes.
        output_limit: Bytes that it may print.
        check: Whether to check types first, and not to run what has type errors.
        output: `json`, `jsonl`, `csv` or `table`: how to print the script's result; None for no result.
        inspect: Deno's flag for a debugger, such as `--inspect-brk=127.0.0.1:9229`, or None.
        colour: Whether output may be coloured; None for: where it is a terminal.
        head_start: What was started before this run was known, or None.
        describe: A word: only ask for the declared parameters, which are printed after it.
        html: File of a page that is made of the run, or None.
        quiet: Whether Coral says nothing but errors.
        verbose: Whether Coral also says which layers of its walls are missing.
    """

    __slots__ = (
        "access",
        "arguments",
        "check",
        "clock",
        "colony",
        "colour",
        "describe",
        "head_start",
        "host",
        "html",
        "inspect",
        "memory_limit",
        "output",
        "output_limit",
        "params",
        "quiet",
        "source",
        "texts",
        "time_limit",
        "verbose",
    )

    def __init__(
        self,
        source: Source,
        *,
        colony: str | None,
        access: Access = CLEAR,
        host: Host | None = None,
        clock: VirtualClock | None = None,
        params: dict[str, object] | None = None,
        texts: dict[str, str] | None = None,
        arguments: list[str] | None = None,
        time_limit: float | None = SCRIPT_SECONDS,
        memory_limit: int = SCRIPT_MEMORY_BYTES,
        output_limit: int = SCRIPT_OUTPUT_BYTES,
        check: bool = False,
        output: str | None = None,
        inspect: str | None = None,
        colour: bool | None = None,
        describe: str | None = None,
        html: str | None = None,
        quiet: bool = False,
        verbose: bool = False,
    ) -> None:
        self.source = source
        self.colony = colony
        self.access = access
        self.host = host
        self.clock = clock
        self.params = params or {}
        self.texts = texts or {}
        self.arguments = arguments or []
        self.time_limit = time_limit
        self.memory_limit = memory_limit
        self.output_limit = output_limit
        self.check = check
        self.output = output
        self.inspect = inspect
        self.colour = colour
        self.describe = describe
        self.head_start: HeadStart | None = None
        self.html = html
        self.quiet = quiet
        self.verbose = verbose
