"""How a child is started behind its walls: by the native library and by Python, which must do the same."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from coral.runner import process
from coral.runner.containment import kernel as kernels
from coral.runner.containment import seccomp
from coral.runner.containment.confine import Confinement, Files
from coral.runner.containment.kernel import Kernel
from coral.runner.containment.landlock import Ruleset
from coral.runner.containment.launch import Walls, launch, plan
from coral.runner.policy import Policy
from tests.runner.program import Program

if sys.platform != "linux":
    pytest.skip("Landlock and seccomp are Linux's", allow_module_level=True)

_TELLS = (
    "import os, signal;"
    "status = open('/proc/self/status').read();"
    "print([line.split()[1] for line in status.splitlines()"
    " if line.startswith(('NoNewPrivs', 'Seccomp:', 'SigBlk', 'SigIgn', 'SigCgt'))]);"
    "print(os.getpgid(0) == os.getpid(), sorted(os.listdir('/proc/self/fd'))[:4], os.environ['A'])"
)


@pytest.fixture(params=["native", "python"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """The kernel's calls, with the native library and without it."""
    monkeypatch.setattr(kernels, "_bound", [])
    monkeypatch.setenv("CORAL_NATIVE", "1" if request.param == "native" else "0")
    found = kernels.kernel()
    assert found is not None
    assert (found.launcher is not None) == (request.param == "native")
    return found


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe that the child inherits nothing of but its end for writing."""
    read, write = os.pipe()
    yield read, write
    os.close(read)


def _output(pipe: tuple[int, int], argv: list[str], walls: Walls, **environment: str) -> tuple[bytes, int]:
    read, write = pipe
    pid, refused = launch(argv, environment, walls, own_group=True, stdio=(0, write, 2))
    os.close(write)
    assert refused == []
    with os.fdopen(os.dup(read), "rb") as file:
        said = file.read()
    return said, os.waitpid(pid, 0)[1]


def test_what_a_child_starts_with(system: Kernel, pipe: tuple[int, int]) -> None:
    before = signal.signal(signal.SIGUSR1, lambda number, frame: None)
    try:
        walls = Walls(system, rlimits={4: 0})  # RLIMIT_CORE
        said, status = _output(pipe, [sys.executable, "-S", "-c", _TELLS], walls, A="b c")
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert status == 0
    first, second = said.decode().splitlines()
    blocked, _, caught, no_new_privileges, filtered = eval(first)  # a list of words
    assert (int(blocked, 16), no_new_privileges, filtered) == (0, "1", "0")
    assert int(caught, 16) & (1 << signal.SIGUSR1 - 1) == 0
    assert second == "True ['0', '1', '2', '3'] b c"  # 3 is that of listing them


def _stdin(system: Kernel, stdin: int, code: str) -> tuple[str, list[str]]:
    """What a child says of its stdin."""
    read, write = os.pipe()
    program = [sys.executable, "-S", "-c", f"import fcntl, os; {code}"]
    pid, refused = launch(program, {}, Walls(system), own_group=True, stdio=(stdin, write, 2))
    os.close(write)
    with open(read) as file:
        said = file.read()
    assert os.waitpid(pid, 0)[1] == 0
    return said.strip(), refused


_MODE = "print(fcntl.fcntl(0, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY, os.isatty(0), end=' ');"


def test_a_terminal_and_a_file_can_only_be_read(system: Kernel, tmp_path: Path) -> None:
    master, slave = pty.openpty()
    try:
        os.write(master, b"typed\n")
        assert _stdin(system, slave, _MODE + "print(os.read(0, 9))") == ("True True b'typed\\n'", [])
        assert fcntl.fcntl(slave, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDWR  # ours is as it was
    finally:
        os.close(master)
        os.close(slave)
    (tmp_path / "file").write_text("abcdef")
    with open(tmp_path / "file", "r+b", buffering=0) as file:
        file.read(2)
        assert _stdin(system, file.fileno(), _MODE + "print(os.read(0, 9))") == ("True False b'cdef'", [])
    with open(tmp_path / "file", "ab") as file:  # what can only be written is not opened for reading
        assert _stdin(system, file.fileno(), _MODE + "print(os.read(0, 9))") == ("True False b''", [])


def test_a_pipe_and_a_socket_stay(system: Kernel, tmp_path: Path) -> None:
    read, write = os.pipe()
    os.write(write, b"given")
    os.close(write)
    assert _stdin(system, read, "print(os.read(0, 9))") == ("b'given'", [])
    os.close(read)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"given")
        assert _stdin(system, theirs.fileno(), "print(os.read(0, 9))") == ("b'given'", [])


def test_a_terminal_that_cannot_be_opened_is_told(system: Kernel, pipe: tuple[int, int]) -> None:
    """As after `su`: it is another user's, who let us have it open."""
    read, write = pipe
    master, slave = pty.openpty()
    try:
        os.seteuid(65534)
    except OSError:
        pytest.skip("only root can be another user, where there is one")
    try:
        command = ["/bin/sh", "-c", "test -t 0 && echo terminal; cat; echo end"]
        pid, refused = launch(command, {}, Walls(system), own_group=True, stdio=(slave, write, 2))
    finally:
        os.seteuid(0)
        os.close(master)
        os.close(slave)
    os.close(write)
    with os.fdopen(os.dup(read), "rb") as file:
        assert file.read() == b"end\n"
    assert os.waitpid(pid, 0)[1] == 0
    assert refused == ["stdin: the kernel refuses it (Permission denied)"]


def test_all_walls_at_once(system: Kernel, pipe: tuple[int, int], tmp_path: Path) -> None:
    (tmp_path / "inside").write_text("inside")
    program = os.path.realpath("/bin/cat")
    confinement = Confinement(Policy("question"), Files(program, trees=[str(tmp_path)], files=[]))
    confinement.walls.kernel = system
    try:
        argv = [program, f"{tmp_path}/inside", "/etc/passwd"]
        said, status = _output(pipe, argv, confinement.walls, PATH="/bin")
    finally:
        confinement.close()
    assert (said, os.waitstatus_to_exitcode(status)) == (b"inside", 1)


def test_a_program_that_is_not_there(system: Kernel) -> None:
    with pytest.raises(OSError, match="No such file") as error:
        launch(["/nonexistent/program"], {}, Walls(system), own_group=True)
    assert error.value.errno == errno.ENOENT
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)  # nothing is left of it


def test_a_refusal_names_the_layer(system: Kernel) -> None:
    walls = Walls(system, rlimits={99: 1})
    pid, refused = launch(["/bin/true"], {}, walls, own_group=True)
    assert os.waitpid(pid, 0)[1] == 0
    assert refused == ["rlimits: the kernel refuses it (Invalid argument)"]


def test_a_rule_that_the_kernel_refuses_stops_it(system: Kernel) -> None:
    ruleset = Ruleset(1)
    ruleset.allow_path("/tmp", 1 << 40)
    with pytest.raises(OSError, match="Invalid argument"):
        launch(["/bin/true"], {}, Walls(system, ruleset=ruleset), own_group=True)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_rules_for_what_is_not_there_are_left_out(
    system: Kernel, pipe: tuple[int, int], tmp_path: Path
) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "file").write_text("")
    ruleset = Ruleset(1)
    for path in ("/", "/nonexistent", f"{tmp_path}/file/below", f"{tmp_path}/loop"):
        ruleset.allow_path(path, (1 << 13) - 1)
    said, status = _output(pipe, ["/bin/echo", "works"], Walls(system, ruleset=ruleset))
    assert (said, status) == (b"works\n", 0)


@pytest.fixture
def whole() -> bytes:
    """A plan with all that a plan can have."""
    confinement = Confinement(
        Policy("cli", connect="127.0.0.1:9"), Files("/bin/true", trees=["/tmp"], files=[])
    )
    made = [plan(["/bin/true", "a"], {"A": "b"}, confinement.walls, own_group=True) for _ in range(2)]
    assert made[0] == made[1]
    return made[0]


def _launch(content: bytes) -> tuple[int, int]:
    system = kernels.kernel()
    assert system is not None
    assert system.launcher is not None
    given, errors = system.buffer(content), system.buffer(bytes(56))
    pid = system.launcher(given.address, len(content), -1, -1, -1, errors.address)
    if pid > 0:
        os.waitpid(pid, 0)
    return pid, errors.numbers(0)[-1]


def test_a_plan_that_was_cut_starts_nothing(whole: bytes) -> None:
    for content in (*[whole[:length] for length in range(len(whole))], whole + bytes(8)):
        assert _launch(content) == (-1, errno.EINVAL)
    assert _launch(whole)[0] > 0


def test_wrong_lengths_in_a_plan_do_no_harm(whole: bytes) -> None:
    """Each number that could be a length or a count; some are a limit, or a part of the filter."""
    places = [
        place
        for place in range(8, len(whole), 8)
        if int.from_bytes(whole[place : place + 8], "little") < 5000
    ]
    refused = 0
    for place in places:
        for number in (1 << 31, 1 << 63, (1 << 64) - 1):
            pid, error = _launch(whole[:place] + number.to_bytes(8, "little") + whole[place + 8 :])
            assert (pid > 0) != (error > 0)
            refused += error == errno.EINVAL
    assert refused > len(places)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)  # nothing is left of any


def test_no_descriptor_is_passed_on(system: Kernel, pipe: tuple[int, int], tmp_path: Path) -> None:
    with open(tmp_path / "secret", "w") as file:
        os.set_inheritable(file.fileno(), True)
        said, _ = _output(pipe, ["/bin/ls", "/proc/self/fd"], Walls(system))
    assert said.split() == [b"0", b"1", b"2", b"3"]


def test_a_short_run_is_not_looked_at() -> None:
    """The first look makes a control group, for which a process that starts threads has to wait."""

    class Watches:
        tick = 3600.0

        def exceeded(self) -> None:
            pytest.fail("it looked")

    class Fake(Confinement):
        def __init__(self) -> None:
            self.walls = Walls(None)
            self.missing = []

        def started(self, pid: int) -> Watches:  # type: ignore[override]
            return Watches()

        def killed_for_memory(self) -> bool:
            return False

    assert process.run_child(["/bin/true"], {}, None, Fake()).code == 0


def test_a_run_without_the_native_library_does_the_same(coral: Program) -> None:
    script = coral.script('console.log(1); Deno.readTextFileSync("/etc/passwd");')
    plain, native = (coral.run("run", script, CORAL_NATIVE=value) for value in "01")
    assert plain == native
    assert (plain.code, plain.stdout) == (77, "1\n")


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("writes", [False, True])
def test_the_filter_answers_every_call_as_it_is_written(machine: str, writes: bool) -> None:
    """The search by halves and ranges finds what the tables say, on both CPUs."""
    column = 0 if machine == "x86_64" else 1
    address = 0x1234_5678_9ABC
    code = seccomp.program(
        Kernel(machine, (None,) * 5),
        exec_address=address,
        names=False,
        unix=False,
        inet=True,
        listen=False,
        writes=writes,
    )
    checked = {numbers[column] for numbers in seccomp._CHECKED.values()}
    tables = [seccomp._REFUSED] if writes else [seccomp._REFUSED, seccomp._REFUSED_WRITES]
    refused = {numbers[column] for table in tables for numbers in table.values()} - {0}
    for number in range(600):
        if number not in checked:
            expected = 0x50001 if number in refused else 0x7FFF0000
            assert _run(code, seccomp._ARCHITECTURES[machine], number) == expected, number
    execve = seccomp._CHECKED["execve"][column]
    assert _run(code, seccomp._ARCHITECTURES[machine], execve, address) == 0x7FFF0000
    assert _run(code, seccomp._ARCHITECTURES[machine], execve, address + 1) == 0x50001
    assert _run(code, seccomp._ARCHITECTURES[machine], execve, address + (1 << 32)) == 0x50001
    socket = seccomp._CHECKED["socket"][column]
    for family, kind, protocol, allowed in (
        (2, 1, 0, True),
        (10, 1, 6, True),
        (2, 2, 0, False),
        (1, 1, 0, False),
    ):
        answer = _run(code, seccomp._ARCHITECTURES[machine], socket, family, kind | 0o2000000, protocol)
        assert answer == (0x7FFF0000 if allowed else 0x50001)
    assert _run(code, 0x40000003, 1) == 0x80000000  # another kind of CPU: the process ends


def _run(code: bytes, architecture: int, number: int, *arguments: int) -> int:
    """Runs a filter as the kernel does (Documentation/networking/filter.rst)."""
    data = number.to_bytes(4, "little") + architecture.to_bytes(4, "little") + bytes(8)
    data += b"".join(argument.to_bytes(8, "little") for argument in (*arguments, *[0] * 6)[:6])
    accumulator, place = 0, 0
    while True:
        word = code[8 * place : 8 * place + 8]
        kind, if_true, if_false = int.from_bytes(word[:2], "little"), word[2], word[3]
        value = int.from_bytes(word[4:], "little")
        place += 1
        match kind:
            case 0x20:
                accumulator = int.from_bytes(data[value : value + 4], "little")
            case 0x54:
                accumulator &= value
            case 0x05:
                place += value
            case 0x15:
                place += if_true if accumulator == value else if_false
            case 0x35:
                place += if_true if accumulator >= value else if_false
            case 0x45:
                place += if_true if accumulator & value else if_false
            case 0x06:
                return value
            case _:
                raise AssertionError(f"{kind:#x} at {place}")
