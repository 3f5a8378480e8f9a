"""Runs one script: the binary, the walls, the connection, the child, and what its end means."""

from __future__ import annotations

import os

from coral.errors import (
    LimitError,
    MemoryLimitError,
    NotFoundError,
    RuntimeMissingError,
    UsageError,
)
from coral.runner import places, policy
from coral.runner.binary import find_deno
from coral.runner.imports import RunDirectory
from coral.runner.places import sdk_bundle
from coral.runner.process import Ended, run_child

DEFAULT_TIME_LIMIT_SECONDS = 60.0

_SIGTRAP = 5  # how V8 ends a process that is out of heap
_DENO_FAILED = 1


def run_script(
    path: str,
    *,
    colony: str,
    params: dict[str, object] | None = None,
    arguments: list[str] | None = None,
    time_limit: float | None = DEFAULT_TIME_LIMIT_SECONDS,
    check: bool = False,
) -> int:
    """Runs a TypeScript or JavaScript file; its output goes where ours goes.

    Args:
        path: The file. It is run by its real path, and may read and import what is below that folder.
        colony: Address of its colony, `HOST:PORT`.
        params: What the script sees as `coral.params`.
        arguments: What the script sees as `Deno.args`.
        time_limit: Seconds, or None for no limit.
        check: Whether to check types first, and not to run what has type errors.

    Returns:
        The script's exit code; 128 + n if signal n ended it.

    Raises:
        NotFoundError: There is no such file.
        UsageError: The path is no file that can be run.
        ScriptError: The script could not be loaded; Deno has printed the place.
        DeniedError: It imports what it may not.
        TypeCheckError: It has type errors (only with `check`).
        LimitError: It ran into its time limit.
        MemoryLimitError: It ran out of memory.
        RuntimeMissingError: There is no usable Deno.
    """
    script = require_script(path)
    deno = find_deno()
    base = places.writable_base()
    if base is None:
        raise RuntimeMissingError(
            f"none of {', '.join(places.candidate_bases())} can be written",
            hint="set CORAL_CACHE_DIR to a directory that can be written",
        )
    environment = policy.environment(deno_dir=_deno_dir(base), colour=os.isatty(1) and os.isatty(2))
    connection: dict[str, object] = {
        "mode": "cli",
        "address": colony,
        "tls": False,
        "ca": None,
        "token": None,
        "params": params or {},
        "scriptName": os.path.basename(path),
    }
    folder = os.path.dirname(script)
    sdk = sdk_bundle()
    run = RunDirectory(base)
    try:
        if check:
            _check(deno, script, run, environment)
        run.write(sdk=sdk, script_dir=folder, connection=connection)
        # The SDK and the run's own directory are read only where a script computes a specifier;
        # Deno cannot be given a path with a comma, and then that does not work.
        read = [folder, *[extra for extra in (os.path.dirname(sdk), run.path) if "," not in extra]]
        flags = policy.run_flags(read=read, colony=colony, import_map=run.import_map)
        argv = [deno, "run", *flags, script, *(arguments or [])]
        ended = run_child(argv, environment, time_limit)
        _raise_for(ended, path, time_limit)
        if ended.code == _DENO_FAILED:
            from coral.runner.diagnosis import load_failure

            failure = load_failure(deno, script, run.import_map, environment)
            if failure is not None:
                raise failure
        return ended.code
    finally:
        run.close()


def require_script(path: str) -> str:
    """Returns the real path of a script.

    Raises:
        NotFoundError: There is no such file.
        UsageError: The path is no file that can be run.
    """
    script = os.path.realpath(path)
    if os.path.isdir(script):
        raise UsageError(
            f"{path} is a directory, expected a script", hint="name the file: coral run script.ts"
        )
    if not os.path.exists(script):
        raise NotFoundError(
            f"there is no file {path}", hint="coral run takes the path of a TypeScript or JavaScript file"
        )
    if not os.path.isfile(script):
        raise UsageError(f"{path} is no regular file", hint="save the script to a file first")
    if not os.access(script, os.R_OK):
        raise UsageError(f"{path} cannot be read", hint=f"give yourself the right: chmod u+r {path}")
    return script


def _deno_dir(base: str) -> str:
    """Returns DENO_DIR, closed for `localStorage` and `caches`.

    They write below `location_data` without any permission, hundreds of megabytes if they like. A
    regular file of that name stops them.
    """
    directory = os.path.join(base, "deno-dir")
    stopper = os.path.join(directory, "location_data")
    if not os.path.isfile(stopper):
        os.makedirs(directory, mode=0o700, exist_ok=True)
        os.close(os.open(stopper, os.O_WRONLY | os.O_CREAT, 0o400))
    return directory


def _check(deno: str, script: str, run: RunDirectory, environment: dict[str, str]) -> None:
    from coral.runner.diagnosis import check_types
    from coral.runner.places import sdk_types

    types = sdk_types()
    run.write_types(types=types, script_dir=os.path.dirname(script))
    check_types(deno, script, run.import_map, environment)


def _raise_for(ended: Ended, path: str, time_limit: float | None) -> None:
    if ended.timed_out:
        raise LimitError(
            f"{os.path.basename(path)} was stopped at its time limit of {time_limit:g} s",
            hint="raise it with --timeout 5m, or lift it with --timeout 0",
        )
    if ended.signal == _SIGTRAP:
        raise MemoryLimitError(
            f"{os.path.basename(path)} ran out of its {policy.HEAP_LIMIT_MB} MiB of memory",
            hint="keep less at once: ask for fewer rows, or read them as a stream with db.stream",
        )
