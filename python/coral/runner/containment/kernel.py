"""System calls that Python has no function for.

The package `ctypes` costs 2 ms of every run, the C module below it 0.4 ms, so this uses the module.
"""

from __future__ import annotations

import os

from coral.config.paths import native_library

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_NOW = 2  # RTLD_NOW
_bound: list[Any] = []

# Numbers of include/uapi/asm-generic/unistd.h are the same on every CPU from 424 on.
LANDLOCK_CREATE_RULESET = 444
LANDLOCK_ADD_RULE = 445
LANDLOCK_RESTRICT_SELF = 446
CLOSE_RANGE = 436

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38

# prctl, prlimit64, seccomp, mmap, execve: arch/x86/entry/syscalls/syscall_64.tbl and
# include/uapi/asm-generic/unistd.h.
_NUMBERS = {
    "x86_64": {"prctl": 157, "prlimit64": 302, "seccomp": 317, "mmap": 9, "execve": 59},
    "aarch64": {"prctl": 167, "prlimit64": 261, "seccomp": 277, "mmap": 222, "execve": 221},
}


class Kernel:
    """The system calls of this machine.

    Attributes:
        machine: `x86_64` or `aarch64`.
        launcher: `coral_launch` of the native library (`python/native/launch.h`), or None.
        prctl: Number of that call, and likewise the others.
    """

    __slots__ = ("_address_of", "_char", "_get_errno", "_syscall", "execve", "launcher", "machine", "mmap",
                 "prctl", "prlimit64", "seccomp")  # fmt: skip

    def __init__(self, machine: str, binding: Any) -> None:
        numbers = _NUMBERS[machine]
        self.machine = machine
        self.prctl = numbers["prctl"]
        self.prlimit64 = numbers["prlimit64"]
        self.seccomp = numbers["seccomp"]
        self.mmap = numbers["mmap"]
        self.execve = numbers["execve"]
        self._syscall, self.launcher, self._char, self._address_of, self._get_errno = binding

    def call(self, number: int, *arguments: int) -> int:
        """Makes one system call.

        Args:
            number: Of the call.
            arguments: Up to six; addresses come from `buffer`.

        Raises:
            OSError: The kernel refused it.
        """
        padded = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
        result: int = self._syscall(number, *padded)
        if result == -1:
            error = self._get_errno()
            raise OSError(error, os.strerror(error))
        return result

    def buffer(self, content: bytes) -> Buffer:
        """Returns a copy of some bytes at an address of their own."""
        array = (self._char * len(content))()
        array.raw = content
        return Buffer(array, self._address_of(array))

    def write_at(self, address: int, content: bytes) -> None:
        """Writes bytes to an address that was mapped before."""
        (self._char * len(content)).from_address(address).raw = content


class Buffer:
    """Bytes that the kernel can read.

    Attributes:
        address: Where they are, as long as this object lives.
    """

    __slots__ = ("_array", "address")

    def __init__(self, array: Any, address: int) -> None:
        self._array = array
        self.address = address

    def numbers(self, offset: int) -> list[int]:
        """Returns what stands from an offset on, as numbers of eight bytes."""
        content = self._array.raw
        return [int.from_bytes(content[at : at + 8], "little") for at in range(offset, len(content), 8)]


def kernel() -> Kernel | None:
    """Returns the system calls of this machine, or None where they are not known (not Linux, other CPU)."""
    if os.name != "posix":
        return None
    system = os.uname()
    if system.sysname != "Linux" or system.machine not in _NUMBERS:
        return None
    if os.sysconf("SC_LONG_BIT") != 64:
        return None  # a 32-bit interpreter on a 64-bit kernel
    if not _bound:
        _bound.append(_bind())
    binding = _bound[0]
    return None if binding is None else Kernel(system.machine, binding)


def _bind() -> Any:
    try:
        import _ctypes

        class Long(_ctypes._SimpleCData):  # type: ignore[type-arg]
            _type_ = "l"

        class Char(_ctypes._SimpleCData):  # type: ignore[type-arg]
            _type_ = "c"

        class Function(_ctypes.CFuncPtr):
            _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_USE_ERRNO
            _restype_ = Long

        def find(library: str | None, name: str, arguments: int) -> Any:
            found: Any = Function(_ctypes.dlsym(_ctypes.dlopen(library, _NOW), name))  # type: ignore[arg-type]
            found.argtypes = (Long,) * arguments
            return found

        return find(None, "syscall", 7), _launcher(find), Char, _ctypes.addressof, _ctypes.get_errno
    except (ImportError, AttributeError, TypeError, OSError):
        pass  # another interpreter than CPython, or one of the future: the public way does it
    try:
        import ctypes
    except ImportError:  # a Python that was built without libffi
        return None

    def find_publicly(library: str | None, name: str, arguments: int) -> Any:
        found = getattr(ctypes.CDLL(library, use_errno=True), name)
        found.argtypes = (ctypes.c_long,) * arguments
        found.restype = ctypes.c_long
        return found

    function = find_publicly(None, "syscall", 7)
    return function, _launcher(find_publicly), ctypes.c_char, ctypes.addressof, ctypes.get_errno


def _launcher(find: Callable[[str | None, str, int], Any]) -> Any:
    library = native_library()
    if library is None:
        return None
    try:
        return find(library, "coral_launch", 6)
    except (OSError, AttributeError):
        return None  # a tree without it: Python does the same, more slowly
