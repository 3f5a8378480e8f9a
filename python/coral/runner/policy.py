"""What a script may do.

The one source of Deno's flags, import map and environment, and of what the operating system enforces
(`coral.runner.containment` puts that in place).

A script reaches its colony and reads files below its own folder; nothing else. Flags alone do not
hold that: Deno checks no permission on static imports, so the import map refuses every file outside
(`docs/security.md`, and denoland/deno #29991 for why it is so).
"""

from __future__ import annotations

import os

from coral.config.address import parse_address
from coral.errors import UsageError
from coral.script_limits import (
    SCRIPT_CPU_PERCENT,
    SCRIPT_FILE_BYTES,
    SCRIPT_MEMORY_BYTES,
    SCRIPT_OPEN_FILES,
    SCRIPT_OUTPUT_BYTES,
    SCRIPT_TASKS,
)

# The V8 heap. Array buffers and wasm memory are outside it: a second wall, never the only one.
HEAP_LIMIT_MB = SCRIPT_MEMORY_BYTES >> 20

# Scheme that no loader knows; Deno's error then shows it with the path that was asked for.
DENIED_SCHEME = "coral-denied:///"

# What Deno must not take from the network, from files beside the script, or by asking.
_CLOSED = ("--no-config", "--no-lock", "--no-remote", "--no-npm", "--deny-import")

# Deno honours many variables (DENO_V8_FLAGS, OTEL_DENO, SSLKEYLOGFILE, HTTP_PROXY, ...), so the child
# gets these and no others.
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "TERM")

# What Deno says of imports that it cannot load is told by Coral (runner/import_errors.py) and not printed: it
# begins with Module not found, Import, Unsupported scheme, npm specifiers, Requires import, JSR package,
# [ERR_UNSUPPORTED_DIR_IMPORT], SyntaxError, Failed to start inspector. All that begins otherwise passes.
# Of ASCII only: the expression is made at each start of Deno, and all of Unicode would cost it 1.5 ms.
PASSES = (
    "[A-EGHK-LN-QTV-Za-mo-z0-9]|S[ -xz-~]|F[ -`b-~]|I[ -ln-~]|U[ -mo-~]|Un[ -bd-rt-~]|M[ -np-~]|R[ -df-~]"
    "|J[ -RT-~]|n[ -oq-~]"
)
_LOG = (
    r"info/[Ww]arning|[Dd]ebugger|error(?:\x1b\[0m)?: "
    rf"(?:{PASSES}|Uncaught (?:[^(]|\(in p))|\"\) (?:{PASSES}|\(in p)"
)

# In which the SDK finds its colony. It is the one variable that a script may read.
CONNECTION = "CORAL_CONNECTION"
# Before the path of a named pipe from which the guard reads it (runner/head_start.py).
GATE_MARK = "<"

# WebGPU loads graphics drivers without asking for a permission; so it finds none.
_NO_DRIVERS = {"VK_DRIVER_FILES": "/nonexistent", "VK_ICD_FILENAMES": "/nonexistent"}

# What Rust's Url::from_file_path leaves as it is. The import map's keys must be spelled the same way.
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/!$&'()*+,-.:;=@[]^_|~")


class Policy:
    """What one kind of script may do.

    Attributes:
        kind: `cli` (`coral run`), `adhoc` or `daemon` (deployed to agents).
        level: Of an agent's script, 1 to 3: what the agent's SDK server lets it do. 0 for `cli`. The walls
            are the same for all of them.
        connect: The one address that it may connect to, `HOST:PORT`, or None.
        frames: Where the same colony serves frames on this machine, `HOST:PORT`, or None.
        unix_socket: Path of the one Unix socket that it may connect to, or None.
        listen: The port on which a debugger may connect to it, or None.
        memory_bytes: All of its memory: heap, array buffers, wasm, workers.
        output_bytes: What it may print.
        file_bytes: Size of a file that its process may write.
        tasks: Threads.
        open_files: Files and sockets.
        cpu_percent: Processor time, in percent of one processor.
    """

    __slots__ = (
        "connect",
        "cpu_percent",
        "file_bytes",
        "frames",
        "kind",
        "level",
        "listen",
        "memory_bytes",
        "open_files",
        "output_bytes",
        "tasks",
        "unix_socket",
    )

    def __init__(
        self,
        kind: str,
        *,
        level: int = 0,
        connect: str | None = None,
        frames: str | None = None,
        unix_socket: str | None = None,
        listen: int | None = None,
        memory_bytes: int = SCRIPT_MEMORY_BYTES,
        output_bytes: int = SCRIPT_OUTPUT_BYTES,
        cpu_percent: int = SCRIPT_CPU_PERCENT,
    ) -> None:
        self.kind = kind
        self.level = level
        self.connect = connect
        self.frames = frames
        self.unix_socket = unix_socket
        self.listen = listen
        self.memory_bytes = memory_bytes
        self.output_bytes = output_bytes
        self.file_bytes = SCRIPT_FILE_BYTES
        self.tasks = SCRIPT_TASKS + (os.cpu_count() or 1)
        self.open_files = SCRIPT_OPEN_FILES
        self.cpu_percent = cpu_percent

    @property
    def ports(self) -> list[int]:
        """The TCP ports that it may connect to, both of its colony."""
        return [parse_address(place)[1] for place in (self.connect, self.frames) if place is not None]

    @property
    def connects_by_name(self) -> bool:
        """Whether its colony has a name, which the domain name system or a file of hosts knows."""
        if self.connect is None:
            return False
        host = parse_address(self.connect)[0]
        return ":" not in host and not host.replace(".", "").isdigit()

    @property
    def resolves_names(self) -> bool:
        """Whether it must ask the domain name system."""
        return self.connects_by_name and parse_address(str(self.connect))[0] != "localhost"


def describe(policy: Policy) -> dict[str, object]:
    """Returns a policy in words and numbers, for `--dry-run` and `doctor`."""
    return {
        "kind": policy.kind,
        "level": policy.level,
        "read": "files below the script's folder, hidden entries and links out of it left out",
        "write": "nothing",
        "connect": policy.connect or policy.unix_socket or "nothing",
        "connect_frames": policy.frames or "nothing",
        "listen": policy.listen or "nothing",
        "programs": "none",
        "environment": [
            *_PASSED_ON,
            "DENO_DIR",
            "DENO_NO_UPDATE_CHECK",
            "DENO_EMIT_CACHE_MODE",
            "DENO_LOG",
            "NO_COLOR",
            *_NO_DRIVERS,
            CONNECTION,
        ],
        "memory_bytes": policy.memory_bytes,
        "output_bytes": policy.output_bytes,
        "file_bytes": policy.file_bytes,
        "tasks": policy.tasks,
        "open_files": policy.open_files,
        "cpu_percent": policy.cpu_percent,
    }


def run_flags(
    *,
    read: list[str],
    colony: str | None,
    frames: str | None = None,
    unix_socket: str | None = None,
    import_map: str,
    denied: list[str] | None = None,
    heap_limit_mb: int = HEAP_LIMIT_MB,
) -> list[str]:
    """Returns the flags of `deno run` for one script.

    Args:
        read: Real paths of the directories that the script may read.
        colony: The one address that it may connect to, `HOST:PORT`, or None for no network.
        frames: Where the same colony serves frames, or None.
        unix_socket: Path of the one Unix socket that it may connect to, or None. Deno wants all three rights
            for it; that the socket cannot be removed, replaced or listened on is held by the system's
            walls, and that nobody else is hurt by it by its directory, which is the run's own.
        import_map: The import map: a path or a `data:` URL.
        denied: Paths below these that it may not read.
        heap_limit_mb: Size of the V8 heap in MiB.

    Raises:
        UsageError: A path holds a comma, which Deno would take for the end of the path.
    """
    if unix_socket is not None and "," in unix_socket:
        raise UsageError(
            f"the socket {unix_socket} has a comma in its path, which Deno cannot be given",
            hint="choose a directory without a comma",
        )
    for path in read:
        if "," in path:
            raise UsageError(
                f"the folder {path} has a comma in its name, which Deno cannot be given",
                hint="move the script to a folder without a comma",
            )
    for path in denied or ():
        if "," in path:
            raise UsageError(
                f"{path}, which a script may not read, has a comma in its name, which Deno cannot be given",
                hint="move the script to a folder of its own",
            )
    flags = [
        "--no-prompt",
        "--cached-only",
        *_CLOSED,
        f"--import-map={import_map}",
        f"--allow-env={CONNECTION}",
        f"--v8-flags=--max-old-space-size={heap_limit_mb}",
        "--allow-read=" + ",".join([*read, *([] if unix_socket is None else [unix_socket])]),
    ]
    if denied:
        flags.append("--deny-read=" + ",".join(denied))
    places = [] if colony is None else _same_place(colony)
    if frames is not None:
        places.append(frames)
    if unix_socket is not None:
        places.append(f"unix:{unix_socket}")
        flags.append(f"--allow-write={unix_socket}")
    if places:
        flags.append("--allow-net=" + ",".join(places))
    return flags


def check_flags(import_map: str) -> list[str]:
    """Returns the flags of `deno check` and `deno info`, which never run the script."""
    return [*_CLOSED, f"--import-map={import_map}"]


def import_map(
    *, sdk: str, skills: str, trees: list[str], files: list[str], modules: list[str]
) -> dict[str, dict[str, str]]:
    """Returns the import map: the SDK, what a script may read, and a wall for all other files.

    Args:
        sdk: Path of the module that `@coral/sdk` stands for.
        skills: Path of the one that `@coral/sdk/skills` stands for.
        trees: Folders of which every file may be imported.
        files: Single files that may be imported.
        modules: URLs of files and folders (`.../`) of ours that must load as well.
    """
    imports = {
        "@coral/sdk": file_url(sdk),
        "@coral/sdk/skills": file_url(skills),
        "file:///": DENIED_SCHEME,
    }
    paths = [*[tree.rstrip("/") + "/" for tree in trees], *files, sdk, skills]
    return {"imports": imports | {url: url for url in [*map(file_url, paths), *modules]}}


def environment(*, deno_dir: str, colour: bool) -> dict[str, str]:
    """Returns the whole environment of the child.

    Args:
        deno_dir: Where Deno keeps its code cache.
        colour: Whether output goes to a terminal; Deno would colour even a redirected stderr.
    """
    variables = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    variables |= _NO_DRIVERS
    variables["DENO_DIR"] = deno_dir
    variables["DENO_NO_UPDATE_CHECK"] = "1"
    variables["DENO_EMIT_CACHE_MODE"] = "disable"
    if not colour or os.environ.get("NO_COLOR"):
        variables["NO_COLOR"] = "1"
    return variables


def quiet(environment: dict[str, str]) -> dict[str, str]:
    """Returns the environment of a run: Deno does not print what Coral says better, but all else."""
    return {**environment, "DENO_LOG": _LOG}


def loud(environment: dict[str, str]) -> dict[str, str]:
    """Returns the environment of what looks at a script and is to say what it found."""
    return {name: value for name, value in environment.items() if name != "DENO_LOG"}


def file_url(path: str) -> str:
    """Returns the `file:` URL of an absolute path, encoded as Deno does it.

    >>> file_url("/a b/ü.ts")
    'file:///a%20b/%C3%BC.ts'
    """
    raw = os.fsencode(path)
    return "file://" + "".join([chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in raw])


def _same_place(address: str) -> list[str]:
    # "localhost" and the addresses it stands for are different permissions to Deno.
    host, port = parse_address(address)
    if host == "localhost":
        return [address, f"127.0.0.1:{port}", f"[::1]:{port}"]
    return [address]
