"""Runs one script: the binary, the walls, the connection, the child, and what its end means."""

from __future__ import annotations

import os
import time

from coral.colours import coloured
from coral.config.frames_file import frames_of
from coral.errors import (
    CoralError,
    DeniedError,
    RuntimeMissingError,
    UnreachableError,
)
from coral.runner import places, policy
from coral.runner.binary import find_deno
from coral.runner.connection import connection
from coral.runner.containment.confine import Confinement, Files, keeps_from_writing
from coral.runner.folder import look_at, trusted_folder
from coral.runner.imports import RunDirectory
from coral.runner.job import Host, Job, VirtualClock
from coral.runner.places import prelude, sdk_bundle
from coral.runner.process import DENO_FAILED, Ended, refuse_scripts, run_child
from coral.script_limits import MAX_CLOCK_JUMPS, REPORT_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from coral.runner.question import Question

__all__ = ["Host", "Job", "Prepared", "VirtualClock", "load_failure_of", "run_script"]

_PRIME = (1 << 61) - 1


class Prepared:
    """A job for which everything is in place; a context manager that puts it away.

    Attributes:
        deno: Path of Deno.
        script: Real path of the script.
        folder: The folder whose files it may read and import, and what of it.
        head_start: What may have been started for the run already, or None.
        argv: Deno and its arguments.
        environment: The whole environment of the script, without its connection.
        connection: The variable that the script's own process gets as well.
        import_map: The import map, as Deno takes it.
        directory: The run's own directory.
        word: What records for a report stand after in the output; empty where there is no report.
        policy: What the script may do.
    """

    __slots__ = (
        "_base",
        "argv",
        "connection",
        "deno",
        "directory",
        "environment",
        "folder",
        "head_start",
        "import_map",
        "policy",
        "script",
        "word",
    )

    def __init__(self, job: Job) -> None:
        refuse_scripts()  # before anything is unpacked
        self.deno = find_deno(quiet=job.quiet)
        base = places.writable_base()
        if base is None:
            raise RuntimeMissingError(
                f"none of {', '.join(places.candidate_bases())} can be written",
                hint="set CORAL_CACHE_DIR to a directory that can be written",
            )
        colour = job.colour
        if colour is None:
            colour = coloured(1, 2)
        deno_dir = _deno_dir(base, self.deno)
        self.environment = policy.quiet(policy.environment(deno_dir=deno_dir, colour=colour))
        if colour:
            # The terminal is behind a filter, so Deno does not see it.
            self.environment["FORCE_COLOR"] = "1"
            self.environment.pop("NO_COLOR", None)
        self._base = base
        self.directory = RunDirectory(base)
        try:
            self._fill(job, colour)
        except BaseException:
            self.directory.close()
            raise

    def _fill(self, job: Job, colour: bool) -> None:
        run = self.directory
        source = job.source
        if source.path is None:
            # A folder of its own: it must not read what else lies in the run's directory.
            self.script = run.add(os.path.join("source", source.name), source.text)
        else:
            self.script = source.path
        own = os.path.dirname(self.script)
        ours = source.path is None or own == os.path.realpath(places.examples_dir())
        self.folder = trusted_folder(own) if ours else look_at(own, self.script)
        self.policy = policy.Policy(
            "cli" if job.host is None else "adhoc",
            connect=job.colony,
            frames=_frames(job),
            unix_socket=None if job.host is None else job.host.socket,
            listen=_port_of(job.inspect),
            memory_bytes=job.memory_limit,
            output_bytes=job.output_limit,
        )
        self.head_start = job.head_start
        sdk = sdk_bundle()
        # A file of the package, not of the run: V8's compiled code of it is kept.
        preludes = [policy.file_url(places.prelude_path("guard"))]
        self.word = "" if job.html is None else os.urandom(16).hex()
        if self.word:
            given = _given("report", {"word": self.word, "limit": REPORT_BYTES})
            preludes.append(_module(run, "report.js", given + prelude("report")))
        if job.clock is not None:
            preludes += _clock_preludes(run, job.clock)
        if job.output is not None:
            preludes.append(f"{policy.file_url(places.prelude_path('output'))}?{job.output}")
        if job.describe is not None:
            preludes.append(
                _module(run, "describe.js", _given("describe", job.describe) + prelude("describe"))
            )
        self.connection = run.connection(connection(job, self.policy, colour))
        self.import_map = run.import_map(
            policy.import_map(
                sdk=sdk,
                skills=places.sdk_skills(),
                trees=self.folder.trees,
                files=self.folder.files,
                modules=preludes,
            )
        )
        # The SDK and the run's own directory are read only where a script computes a specifier;
        # Deno cannot be given a path with a comma, and then that does not work.
        # What is of this run only cannot be known before. And arguments may be secrets: none are kept.
        of_this_run = run.path is not None or job.inspect is not None or job.arguments
        if self.head_start is not None and (of_this_run or not self.head_start.suits(self._base, own)):
            self.head_start.give_up()
            self.head_start = None
        gate = None if self.head_start is None else self.head_start.gate
        extras = (os.path.dirname(sdk), run.path, gate)
        flags = policy.run_flags(
            read=[own, *[extra for extra in extras if extra is not None and "," not in extra]],
            colony=job.colony,
            frames=self.policy.frames,
            unix_socket=self.policy.unix_socket,
            import_map=self.import_map,
            denied=self.folder.denied,
            heap_limit_mb=job.memory_limit >> 20,
        )
        if not os.path.isdir(self.environment["DENO_DIR"]):
            from coral.runner.warm import fill

            fill(self, [*flags, f"--preload={preludes[0]}"])
            if self.head_start is not None:
                self.head_start.give_up()  # it was started without what is there now
        flags.extend([f"--preload={path}" for path in preludes])
        if job.inspect is not None:
            flags.append(job.inspect)
        self.argv = [self.deno, "run", *flags, self.script, *job.arguments]

    def confinement(self) -> Confinement:
        """Makes the operating system's walls for one run; the caller closes them."""
        return Confinement(self.policy, Files(self.deno, trees=self.trees(), files=self.files()))

    def use_types(self) -> None:
        """Takes the import map of a type check, whose SDK is the type declarations."""
        types = places.sdk_types()
        folder = os.path.dirname(types)
        self.import_map = self.directory.import_map(
            policy.import_map(
                sdk=types,
                skills=os.path.join(folder, "skills.d.ts"),
                trees=self.folder.trees,
                files=self.folder.files,
                modules=[policy.file_url(folder + "/")],
            )
        )

    def ask(self, command: list[str], *, seconds: float, checks: bool = False) -> Question:
        """Starts a command of Deno's that looks at the script without running it.

        Args:
            command: Deno and its arguments.
            seconds: How long it may take.
            checks: Whether it checks types: then it keeps what it found in a cache of its own, and reads
                the SDK's types.
        """
        from coral.runner.question import Question

        environment = policy.loud(self.environment)
        if not checks:
            return Question(command, environment, seconds=seconds, trees=self.trees(), files=self.files())
        cache = os.path.join(self._base, "check-dir")
        os.makedirs(cache, mode=0o700, exist_ok=True)
        return Question(
            command,
            {**environment, "DENO_DIR": cache},
            seconds=seconds,
            trees=[*self.trees(), os.path.dirname(places.sdk_types())],
            files=self.folder.files,
            written=[cache],
        )

    def files(self) -> list[str]:
        """Returns the single files that any process of this run may read."""
        gate = [] if self.head_start is None else [self.head_start.gate]
        return [*self.folder.files, places.prelude_path("guard"), places.prelude_path("output"), *gate]

    def trees(self) -> list[str]:
        """Returns the folders of which any process of this run may read everything."""
        # Real paths: the SDK is a link in a source tree.
        sdk = os.path.realpath(os.path.dirname(os.path.realpath(sdk_bundle())))
        own = [] if self.directory.path is None else [self.directory.path]
        return [*self.folder.trees, sdk, *own, self.environment["DENO_DIR"]]

    def __enter__(self) -> Prepared:
        return self

    def __exit__(self, *_: object) -> None:
        self.directory.close()


def run_script(job: Job) -> int:
    """Runs a TypeScript or JavaScript file; its output goes where ours goes.

    The script is run by its real path, and may read and import what is below that folder.

    Returns:
        The script's exit code; 128 + n if signal n ended it.

    Raises:
        ScriptError: The script could not be loaded; Deno has printed the place.
        DeniedError: It imports what it may not.
        TypeCheckError: It has type errors (only with `check`).
        LimitError: It ran into its time limit.
        MemoryLimitError: It ran out of memory.
        RuntimeMissingError: There is no usable Deno.
    """
    os.getcwd()  # without one Deno does not start; where it is gone this fails with better words
    if job.html is not None:
        from coral.runner.report import require_place

        require_place(job.html)
    if job.check:
        from coral.runner.type_check import require_types

        require_types(job)
    with Prepared(job) as prepared:
        ends = None if job.time_limit is None else time.monotonic() + job.time_limit
        ended = _run(prepared, job)
        if ended.missing:
            from coral.runner.ending import say_missing

            say_missing(ended, job)
        failure = None
        if (ended.code or ended.timed_out) and not ended.pipe_closed:
            from coral.runner.ending import failure_of

            failure = failure_of(ended, job)
            if failure is None and ended.code == DENO_FAILED:
                failure = load_failure_of(prepared, ends)
        if ended.missing or failure is not None or ended.code == DeniedError.exit_code:
            from coral.runner.audit import note

            note(job, ended, failure)
        if ended.pipe_closed:
            raise BrokenPipeError
        if ended.report_failure is not None:
            if failure is None and ended.code == 0:
                raise ended.report_failure
            _say(ended.report_failure.message)
        if failure is not None:
            raise failure
        if ended.code == UnreachableError.exit_code and job.colony is not None:
            _say_why(job.colony, job)
        return ended.code


def _run(prepared: Prepared, job: Job) -> Ended:
    confinement = prepared.confinement()

    def run() -> Ended:
        environment = {**prepared.environment, policy.CONNECTION: prepared.connection}
        ended = run_child(
            prepared.argv, environment, job.time_limit, confinement, head_start=prepared.head_start
        )
        if ended.code == DENO_FAILED and ended.exceeded is None and confinement.refused_threads():
            ended.exceeded = "tasks"
        return ended

    def report() -> Ended:
        from coral.runner.report import reported

        return reported(job, prepared.word, run)

    start = report if prepared.word else run
    try:
        if os.isatty(0) or os.isatty(1) or os.isatty(2):
            from coral.runner.screen import Screen

            pipes = None if prepared.head_start is None else prepared.head_start.pipes
            with Screen(job.output_limit, pipes):
                return start()
        return start()
    finally:
        confinement.close()


def _say(text: str) -> None:
    from coral.printing import say

    say(text)


def _say_why(colony: str, job: Job) -> None:
    """Says that it is for TLS that the colony did not answer, if it is: Deno's words for it tell little."""
    from coral.wire.tls import why_no_talk

    if (found := why_no_talk(colony, job.access)) is not None:
        _say(f"{found.message}; {found.hint}")


def load_failure_of(prepared: Prepared, ends: float | None = None) -> CoralError | None:
    """Says why a script cannot be loaded, or None if it can; asked after it failed.

    Args:
        prepared: The run that failed.
        ends: As of `load_failure`.
    """
    from coral.runner.diagnosis import load_failure

    return load_failure(prepared, ends)


def _port_of(flag: str | None) -> int | None:
    """Returns the port of `--inspect=HOST:PORT`."""
    return None if flag is None else int(flag.rpartition(":")[2])


def _frames(job: Job) -> str | None:
    """Where the job's colony serves frames: one in clear on this machine, of this user."""
    if job.colony is None or job.host is not None or job.access.ca is not None:
        return None
    return frames_of(job.colony)


def _clock_preludes(run: RunDirectory, clock: VirtualClock) -> list[str]:
    given = {
        "at": round(clock.at * 1000),
        "until": None if clock.until is None else round(clock.until * 1000),
        "mustEnd": clock.must_end,
        "jumps": MAX_CLOCK_JUMPS,
    }
    made = [_module(run, "clock.js", _given("clock", given) + prelude("clock"))]
    if clock.lines:
        made.append(_module(run, "lines.js", prelude("lines")))
    return made


def _module(run: RunDirectory, name: str, text: str) -> str:
    """Writes a prelude of this run only, and returns its URL."""
    return policy.file_url(run.add(name, text))


def _given(name: str, value: object) -> str:
    """The line by which a prelude gets a value; the prelude takes it away."""
    from coral.config.fast_json import dumps

    return f'globalThis[Symbol.for("coral.{name}")] = {dumps(value)};\n'


def _deno_dir(base: str, deno: str) -> str:
    """Returns DENO_DIR for this Deno and this SDK; where it does not exist it is to be filled.

    Where nothing keeps Deno from writing, it gets a directory of its own: what it leaves in a database's
    log would slow down those who may only read.
    """
    if keeps_from_writing():
        sdk = sdk_bundle()
        parts = [os.stat(path) for path in (deno, sdk)]
        # By path as well: installers that link from a cache give the SDK of every environment one time.
        place = int.from_bytes(os.fsencode(sdk), "little") % _PRIME
        return os.path.join(
            base,
            "deno-dir",
            "-".join([f"{place:x}", *[f"{part.st_size:x}-{part.st_mtime_ns:x}" for part in parts]]),
        )
    directory = os.path.join(base, "deno-dir-open")
    places.close_storage(directory)
    return directory
