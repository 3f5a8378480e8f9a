"""Starts a program inside its walls: what happens between fork and exec.

The native library does it by a plan (`plan`), without copying this process. Where it is missing, Python
does it here: the child makes system calls only, tells which of them the kernel refused, and executes the
program. Fork is safe here, for `coral run` has one thread; a program with threads starts this as a
process of its own.
"""

from __future__ import annotations

import os
import sys

from coral.runner.containment.kernel import (
    CLOSE_RANGE,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_PDEATHSIG,
    Buffer,
    Kernel,
)
from coral.runner.containment.landlock import (
    READ_FILE,
    RULE_PATH,
    RULE_PORT,
    Ruleset,
    add_path,
    create,
    enforce,
)
from coral.runner.containment.seccomp import (
    ANY_PLACE,
    ANY_PLACE_HIGH,
    ANY_PLACE_LOW,
    ANY_PROCESS,
    FILTER_FLAG_TSYNC,
    SET_MODE_FILTER,
    for_process,
    program,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as signal
    from collections.abc import Sequence
    from typing import NoReturn
else:
    try:
        # The public module costs 4 ms for its enums, the C module behind it nothing.
        import _signal as signal
    except ImportError:  # another interpreter than CPython
        import signal

SIGKILL = 9
# Python ignores it, and a child would inherit that. SIGXFSZ stays ignored: a write beyond the limit fails.
_DEFAULT_AGAIN = ("SIGPIPE",)
_CLOSE_ON_EXEC = 4  # CLOSE_RANGE_CLOEXEC, Linux 5.11
_MAP_FIXED_NOREPLACE_PRIVATE_ANONYMOUS = 0x100000 | 0x02 | 0x20
_READ_WRITE = 3
_PAGE = 1 << 16  # the largest page of the CPUs that we know
_EIGHT_BYTES = (1 << 64) - 1
_PLAN = b"coral-1\0"
# The order of launch.h: what the kernel may refuse before it is asked to execute the program.
_STEPS = ("stdin", "parent_death", "rlimits", "no_new_privs", "landlock", "seccomp")
_USER_SPACE_BITS = 46  # below what either CPU gives a process


class Filter:
    """What the filter of system calls lets through besides the plain case (`seccomp.program`)."""

    __slots__ = ("inet", "listen", "names", "unix", "writes")

    def __init__(self, *, names: bool, unix: bool, inet: bool, listen: bool, writes: bool) -> None:
        self.names = names
        self.unix = unix
        self.inet = inet
        self.listen = listen
        self.writes = writes


class Walls:
    """What is put around a child, except what is put around it from outside.

    Attributes:
        kernel: System calls, or None: then none of this.
        ruleset: Landlock's rules, or None for none.
        calls: The filter of system calls, or None for none.
        rlimits: Limits by their number in the `resource` module; soft and hard alike.
        no_new_privileges: Whether setuid programs lose their effect.
    """

    __slots__ = ("calls", "kernel", "no_new_privileges", "rlimits", "ruleset")

    def __init__(
        self,
        kernel: Kernel | None,
        *,
        ruleset: Ruleset | None = None,
        calls: Filter | None = None,
        rlimits: dict[int, int] | None = None,
        no_new_privileges: bool = True,
    ) -> None:
        self.kernel = kernel
        self.ruleset = ruleset
        self.calls = calls
        self.rlimits = rlimits or {}
        self.no_new_privileges = no_new_privileges


def launch(
    argv: list[str],
    environment: dict[str, str],
    walls: Walls,
    *,
    own_group: bool,
    stdio: tuple[int, int, int] | None = None,
) -> tuple[int, list[str]]:
    """Starts a program as a child.

    Args:
        argv: Path of the program and its arguments.
        environment: Its whole environment.
        walls: What to put around it.
        own_group: Whether it leads a process group of its own.
        stdio: Descriptors that become its stdin, stdout and stderr; None for ours.

    Returns:
        Its process id, and what the kernel refused, one line for each layer that is missing now.

    Raises:
        OSError: It cannot be started.
    """
    if walls.kernel is not None and walls.kernel.launcher is not None:
        return _launch_native(walls.kernel, plan(argv, environment, walls, own_group), stdio or (-1, -1, -1))
    image = _Image(argv, environment, walls)
    if walls.kernel is not None and walls.ruleset is not None:
        image.ruleset = create(walls.kernel, walls.ruleset)
    report_read, report_write = os.pipe()
    handled = [number for number in signal.valid_signals() if callable(signal.getsignal(number))]
    parent = os.getpid()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            _become(image, walls, handled, parent, own_group, report_write, stdio or ())
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.close(report_write)
        if image.ruleset >= 0:
            os.close(image.ruleset)
    with open(report_read, encoding="utf-8", errors="replace") as file:
        told = file.read().splitlines()
    for line in told:
        if line.startswith("exec "):
            os.waitpid(pid, 0)
            number = int(line.removeprefix("exec "))
            raise OSError(number, os.strerror(number))
    return pid, told


def plan(argv: list[str], environment: dict[str, str], walls: Walls, own_group: bool) -> bytes:
    """Returns with what a program is started, as the native library reads it (`python/native/plan.c`).

    The same for the same: addresses and process ids are put in when it is used.

    Args:
        argv: Path of the program and its arguments.
        environment: Its whole environment.
        walls: What to put around it.
        own_group: Whether it leads a process group of its own.
    """
    limits = [number for pair in walls.rlimits.items() for number in pair]
    parts = [
        _PLAN,
        *_numbers(own_group, walls.no_new_privileges),
        _text(_own(argv[0])),
        *_numbers(len(argv)),
        *[_text(word) for word in argv],
        *_numbers(len(environment)),
        *[_text(f"{name}={value}") for name, value in environment.items()],
        *_numbers(len(walls.rlimits), *limits),
    ]
    rules = walls.ruleset
    if rules is None:
        parts += _numbers(0)
    else:
        parts += [*_numbers(len(rules.attributes)), rules.attributes, *_numbers(len(rules.rules))]
        for rights, place in rules.rules:
            if isinstance(place, int):
                parts += _numbers(RULE_PORT, rights, place)
            else:
                parts += [*_numbers(RULE_PATH, rights), _text(place)]
    kernel, calls = walls.kernel, walls.calls
    code = b"" if kernel is None or calls is None else _filter(kernel, calls, ANY_PLACE)
    parts += [*_numbers(ANY_PROCESS, ANY_PLACE_LOW, ANY_PLACE_HIGH, len(code) // 8), code]
    return b"".join(parts)


def _numbers(*numbers: int) -> list[bytes]:
    return [(number & _EIGHT_BYTES).to_bytes(8, "little") for number in numbers]


def _text(text: str) -> bytes:
    raw = os.fsencode(text)
    return (len(raw) + 1).to_bytes(8, "little") + raw + bytes(8 - len(raw) % 8)


def _launch_native(kernel: Kernel, given: bytes, stdio: tuple[int, int, int]) -> tuple[int, list[str]]:
    content = kernel.buffer(given)
    errors = kernel.buffer(bytes(8 * (len(_STEPS) + 1)))
    pid = kernel.launcher(content.address, len(given), *stdio, errors.address)
    *refused, failed = errors.numbers(0)
    if failed:
        raise OSError(failed, os.strerror(failed))
    return pid, [_refusal(layer, error) for layer, error in zip(_STEPS, refused, strict=True) if error]


def _filter(kernel: Kernel, calls: Filter, exec_address: int) -> bytes:
    return program(
        kernel,
        exec_address=exec_address,
        names=calls.names,
        unix=calls.unix,
        inet=calls.inet,
        listen=calls.listen,
        writes=calls.writes,
    )


def _refusal(layer: str, error: int | None) -> str:
    return f"{layer}: the kernel refuses it ({os.strerror(error or 0)})"


class _Image:
    """The program, its arguments and environment where the kernel can read them."""

    __slots__ = ("address", "arguments", "argv", "environment", "filter", "program", "ruleset", "variables")

    def __init__(self, argv: list[str], environment: dict[str, str], walls: Walls) -> None:
        self.argv = argv
        self.ruleset = -1
        self.program = _own(argv[0])
        self.environment = environment
        self.address = 0
        if walls.kernel is None:
            return
        kernel = walls.kernel
        path = os.fsencode(self.program) + b"\0"
        self.address = _unguessable_page(kernel, len(path))
        kernel.write_at(self.address, path)
        if walls.calls is not None:
            self.filter = _filter(kernel, walls.calls, self.address)
        self.arguments = _strings(kernel, [os.fsencode(word) for word in argv])
        self.variables = _strings(
            kernel, [os.fsencode(f"{name}={value}") for name, value in environment.items()]
        )

    def execute(self, kernel: Kernel | None) -> NoReturn:
        """Becomes the program."""
        if kernel is None or not self.address:
            os.execve(self.program, self.argv, self.environment)
        kernel.call(kernel.execve, self.address, self.arguments[0].address, self.variables[0].address)
        raise AssertionError("execve has returned")


def _own(path: str) -> str:
    """A path in the child: behind Landlock it may not look for our descriptors in our part of /proc."""
    ours = f"/proc/{os.getpid()}/fd/"
    return f"/proc/self/fd/{path.removeprefix(ours)}" if path.startswith(ours) else path


def _unguessable_page(kernel: Kernel, length: int) -> int:
    while True:
        place = int.from_bytes(os.urandom(8), "little") >> (64 - _USER_SPACE_BITS)
        start = place & ~(_PAGE - 1)
        size = (place - start + length + _PAGE - 1) & ~(_PAGE - 1)
        try:
            flags = _MAP_FIXED_NOREPLACE_PRIVATE_ANONYMOUS
            kernel.call(kernel.mmap, start, size, _READ_WRITE, flags, -1, 0)
            return place
        except OSError:
            pass  # something is mapped there, or it is too low: another place


def _strings(kernel: Kernel, words: list[bytes]) -> tuple[Buffer, Buffer]:
    text = kernel.buffer(b"\0".join(words) + b"\0")
    pointers, place = [], text.address
    for word in words:
        pointers.append(place)
        place += len(word) + 1
    pointers.append(0)
    return kernel.buffer(b"".join([pointer.to_bytes(8, "little") for pointer in pointers])), text


def _become(
    image: _Image,
    walls: Walls,
    handled: Sequence[int],
    parent: int,
    own_group: bool,
    report: int,
    stdio: tuple[int, ...],
) -> NoReturn:
    from coral.runner.containment.reader import only_read_stdin

    try:
        for number, descriptor in enumerate(stdio):
            os.dup2(descriptor, number)
        try:
            only_read_stdin()
        except OSError as error:
            os.write(report, f"{_refusal('stdin', error.errno)}\n".encode())
        if own_group:
            os.setpgid(0, 0)
        for number in (*handled, *(getattr(signal, name) for name in _DEFAULT_AGAIN)):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        if walls.kernel is None:
            _keep_descriptors_to_ourselves()
        else:
            _confine(walls.kernel, walls, image, parent, report)
        image.execute(walls.kernel)
    except OSError as error:
        os.write(report, b"exec %d\n" % (error.errno or 0))
    except BaseException as error:  # whatever it is: a copy of the parent must not go on
        os.write(2, f"coral: the script's process could not be set up: {error!r}\n".encode())
        os.write(report, b"exec 0\n")
    finally:
        os._exit(127)


def _confine(kernel: Kernel, walls: Walls, image: _Image, parent: int, report: int) -> None:
    def attempt(layer: str, number: int, *arguments: int) -> bool:
        try:
            kernel.call(number, *arguments)
        except OSError as error:
            os.write(report, f"{_refusal(layer, error.errno)}\n".encode())
            return False
        return True

    attempt("parent_death", kernel.prctl, PR_SET_PDEATHSIG, SIGKILL)
    if os.getppid() != parent:
        os._exit(127)  # the parent was killed before it could be watched
    for resource, limit in walls.rlimits.items():
        pair = kernel.buffer(limit.to_bytes(8, "little") * 2)
        attempt("rlimits", kernel.prlimit64, 0, resource, pair.address)
    try:
        kernel.call(CLOSE_RANGE, 3, 0xFFFFFFFF, _CLOSE_ON_EXEC)
    except OSError:
        _keep_descriptors_to_ourselves()  # before Linux 5.11
    if not walls.no_new_privileges:
        return
    if not attempt("no_new_privs", kernel.prctl, PR_SET_NO_NEW_PRIVS, 1):
        return  # the two below need it
    if image.ruleset >= 0:
        try:
            # pthread_getattr_np reads it, and Deno's parser panics if it cannot. A file of our own process
            # exists only now; the rule is on it, not on the path.
            add_path(kernel, image.ruleset, "/proc/self/maps", READ_FILE)
            enforce(kernel, image.ruleset)
        except OSError as error:
            os.write(report, f"{_refusal('landlock', error.errno)}\n".encode())
    if walls.calls is not None:
        code = for_process(image.filter, os.getpid())
        held = kernel.buffer(code)
        count = len(code) // 8
        header = kernel.buffer(count.to_bytes(8, "little") + held.address.to_bytes(8, "little"))
        attempt("seccomp", kernel.seccomp, SET_MODE_FILTER, FILTER_FLAG_TSYNC, header.address)


def _keep_descriptors_to_ourselves() -> None:
    folder = "/dev/fd" if sys.platform != "linux" else "/proc/self/fd"
    for name in os.listdir(folder):
        if int(name) > 2:
            try:
                os.set_inheritable(int(name), False)
            except OSError:
                pass  # the descriptor of the listing itself, closed again
