"""What a script may do. The one source of Deno's flags, import map and environment.

A script reaches its colony and reads files below its own folder; nothing else. Flags alone do not
hold that: Deno checks no permission on static imports, so the import map refuses every file outside
(`docs/adr`, and denoland/deno #29991 for why it is so).
"""

from __future__ import annotations

import os

from coral.config.address import parse_address
from coral.errors import UsageError

# The V8 heap. Array buffers and wasm memory are outside it: a second wall, never the only one.
HEAP_LIMIT_MB = 512

# Scheme that no loader knows; Deno's error then shows it with the path that was asked for.
DENIED_SCHEME = "coral-denied:///"

# What Deno must not take from the network, from files beside the script, or by asking.
_CLOSED = ("--no-config", "--no-lock", "--no-remote", "--no-npm")

# Deno honours many variables (DENO_V8_FLAGS, OTEL_DENO, SSLKEYLOGFILE, HTTP_PROXY, ...), so the child
# gets these and no others.
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "TERM")

# What Rust's Url::from_file_path leaves as it is. The import map's keys must be spelled the same way.
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/!$&'()*+,-.:;=@[]^_|~")


def run_flags(
    *, read: list[str], colony: str | None, import_map: str, heap_limit_mb: int = HEAP_LIMIT_MB
) -> list[str]:
    """Returns the flags of `deno run` for one script.

    Args:
        read: Real paths of the directories that the script may read.
        colony: The one address that it may connect to, `HOST:PORT`, or None for no network.
        import_map: Path of the import map.
        heap_limit_mb: Size of the V8 heap in MiB.

    Raises:
        UsageError: A path holds a comma, which Deno would take for the end of the path.
    """
    for path in read:
        if "," in path:
            raise UsageError(
                f"the folder {path} has a comma in its name, which Deno cannot be given",
                hint="move the script to a folder without a comma",
            )
    flags = [
        "--no-prompt",
        "--cached-only",
        *_CLOSED,
        f"--import-map={import_map}",
        f"--v8-flags=--max-old-space-size={heap_limit_mb}",
        "--allow-read=" + ",".join(read),
    ]
    if colony is not None:
        flags.append("--allow-net=" + ",".join(_same_place(colony)))
    return flags


def check_flags(import_map: str) -> list[str]:
    """Returns the flags of `deno check` and `deno info`, which never run the script."""
    return [*_CLOSED, f"--import-map={import_map}"]


def import_map(*, sdk: str, script_dir: str, modules: list[str]) -> dict[str, dict[str, str]]:
    """Returns the import map: the SDK, files below the script's folder, and a wall for all others.

    Args:
        sdk: Path of the module that `@coral/sdk` stands for.
        script_dir: Real path of the script's folder.
        modules: Further files that must load: the SDK's own.
    """
    folder = file_url(script_dir.rstrip("/") + "/")
    imports = {"@coral/sdk": file_url(sdk), "file:///": DENIED_SCHEME, folder: folder}
    for module in (sdk, *modules):
        imports[file_url(module)] = file_url(module)
    return {"imports": imports}


def environment(*, deno_dir: str, colour: bool) -> dict[str, str]:
    """Returns the whole environment of the child.

    Args:
        deno_dir: Where Deno keeps its code cache.
        colour: Whether output goes to a terminal; Deno would colour even a redirected stderr.
    """
    variables = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    variables["DENO_DIR"] = deno_dir
    variables["DENO_NO_UPDATE_CHECK"] = "1"
    if not colour or os.environ.get("NO_COLOR"):
        variables["NO_COLOR"] = "1"
    return variables


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
