"""Landlock: what a process and its children may touch, from Linux 5.13 on, without privileges.

| ABI | Linux | adds                                       |
|-----|-------|--------------------------------------------|
| 1   | 5.13  | files: read, write, execute, make, remove   |
| 2   | 5.19  | moving files between folders (REFER)        |
| 3   | 6.2   | truncate                                    |
| 4   | 6.7   | TCP: bind and connect by port               |
| 5   | 6.10  | ioctl on devices                            |
| 6   | 6.12  | signals and abstract Unix sockets           |

Source: Documentation/userspace-api/landlock.rst and include/uapi/linux/landlock.h. What the ruleset
handles and no rule allows is denied. Descriptors that are open already keep their rights.
"""

from __future__ import annotations

import os

from coral.runner.containment.kernel import (
    LANDLOCK_ADD_RULE,
    LANDLOCK_CREATE_RULESET,
    LANDLOCK_RESTRICT_SELF,
    Kernel,
)

EXECUTE = 1 << 0
WRITE_FILE = 1 << 1
READ_FILE = 1 << 2
READ_DIR = 1 << 3

_ALL_FILES_ABI_1 = (1 << 13) - 1
_MAKE_AND_REMOVE = 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8  # REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_REG
_REFER = 1 << 13
_TRUNCATE = 1 << 14
_IOCTL_DEVICE = 1 << 15
_BIND_TCP = 1 << 0
_CONNECT_TCP = 1 << 1
_SCOPE_ABSTRACT_SOCKETS = 1 << 0
_SCOPE_SIGNALS = 1 << 1

_ELOOP, _EBADFD = 40, 77  # of Linux; the module errno costs more than this file
_VERSION = 1  # LANDLOCK_CREATE_RULESET_VERSION
RULE_PATH = 1
RULE_PORT = 2
_NETWORK_ABI = 4
_SCOPES_ABI = 6
# A rule on a file may hold only rights that a file can have.
_OF_FILES = EXECUTE | WRITE_FILE | READ_FILE


def abi(kernel: Kernel) -> int:
    """Returns the kernel's ABI of Landlock; 0 where it has none or it is switched off at boot."""
    try:
        return kernel.call(LANDLOCK_CREATE_RULESET, 0, 0, _VERSION)
    except OSError:
        return 0


def why_none(kernel: Kernel) -> str:
    """Says why there is no Landlock, where `abi` is 0.

    A container's filter of system calls may stand in the way of a kernel that has it. That can be mended, so
    the text ends like those that are told at every run, with the kernel's word in brackets.
    """
    try:
        kernel.call(LANDLOCK_CREATE_RULESET, 0, 0, _VERSION)
    except OSError as error:
        import errno

        if error.errno == errno.EPERM or (error.errno == errno.ENOSYS and _is_filtered()):
            return f"a filter of system calls, perhaps a container's, refuses it ({error.strerror})"
    return "this kernel has none (Linux 5.13 has), or it was started without"


def _is_filtered() -> bool:
    """Whether this process is behind a filter of system calls, on a kernel that should have Landlock."""
    release = os.uname().release.split(".")
    if [int(part) if part.isdecimal() else 0 for part in release[:2]] < [5, 13]:
        return False
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        return any(line.split() == ["Seccomp:", "2"] for line in file)


class Ruleset:
    """Rules that are collected here and put in place between fork and exec, here or by the native library.

    Attributes:
        attributes: What the kernel is to deny where no rule allows it (`struct landlock_ruleset_attr`).
        rules: Pairs of rights and the path, or the TCP port, for which they are allowed.
        version: The ABI.
    """

    __slots__ = ("attributes", "rules", "version")

    def __init__(self, version: int) -> None:
        """Makes an empty ruleset, which denies everything that this ABI handles."""
        files = _ALL_FILES_ABI_1
        if version >= 2:
            files |= _REFER
        if version >= 3:
            files |= _TRUNCATE
        if version >= 5:
            files |= _IOCTL_DEVICE
        network = _BIND_TCP | _CONNECT_TCP if version >= _NETWORK_ABI else 0
        scopes = _SCOPE_ABSTRACT_SOCKETS | _SCOPE_SIGNALS if version >= _SCOPES_ABI else 0
        fields = [files, network, scopes]
        size = 8 if version < _NETWORK_ABI else 16 if version < _SCOPES_ABI else 24
        self.attributes = b"".join([field.to_bytes(8, "little") for field in fields])[:size]
        self.rules: list[tuple[int, str | int]] = []
        self.version = version

    def allow_path(self, path: str, rights: int) -> None:
        """Allows rights on a file, or on a folder and all below it.

        If there is nothing at that path, or it may not be looked at, then nothing is allowed.
        """
        self.rules.append((rights, path))

    def allow_all(self, folder: str) -> None:
        """Allows to read, write, make and remove files below a folder; not to execute them."""
        rights = READ_FILE | READ_DIR | WRITE_FILE | _MAKE_AND_REMOVE
        if self.version >= 2:
            rights |= _REFER
        if self.version >= 3:
            rights |= _TRUNCATE
        self.allow_path(folder, rights)

    def allow_connect(self, port: int) -> None:
        """Allows TCP connections to a port, on any address; without effect below ABI 4."""
        self._allow_port(_CONNECT_TCP, port)

    def allow_listen(self, port: int) -> None:
        """Allows to listen on a TCP port; without effect below ABI 4."""
        self._allow_port(_BIND_TCP, port)

    def _allow_port(self, right: int, port: int) -> None:
        if self.version >= _NETWORK_ABI:
            self.rules.append((right, port))


def create(kernel: Kernel, ruleset: Ruleset) -> int:
    """Makes the kernel's object of a ruleset.

    Returns:
        Its descriptor, close-on-exec.

    Raises:
        OSError: The kernel refuses one of the rules, or there are no more descriptors.
    """
    attributes = kernel.buffer(ruleset.attributes)
    made = kernel.call(LANDLOCK_CREATE_RULESET, attributes.address, len(ruleset.attributes), 0)
    try:
        for rights, place in ruleset.rules:
            if isinstance(place, int):
                _add(kernel, made, RULE_PORT, rights.to_bytes(8, "little") + place.to_bytes(8, "little"))
            else:
                add_path(kernel, made, place, rights)
    except OSError:
        os.close(made)
        raise
    return made


def enforce(kernel: Kernel, made: int) -> None:
    """Puts a ruleset on this thread for good; `no_new_privs` must be set. Called in the child."""
    kernel.call(LANDLOCK_RESTRICT_SELF, made, 0)


def add_path(kernel: Kernel, made: int, path: str, rights: int) -> None:
    """Adds a rule to the kernel's object; nothing where there is nothing, or where nobody may look."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    except OSError as error:
        if error.errno == _ELOOP:
            return
        raise
    try:
        if rights & ~_OF_FILES and not os.path.isdir(path):
            rights &= _OF_FILES
        _add(kernel, made, RULE_PATH, rights.to_bytes(8, "little") + descriptor.to_bytes(4, "little"))
    except OSError as error:
        # Of memfd_create, in no mounted file system: the kernel takes no rules for it, nor denies it.
        if error.errno != _EBADFD:
            raise
    finally:
        os.close(descriptor)


def _add(kernel: Kernel, made: int, kind: int, rule: bytes) -> None:
    buffer = kernel.buffer(rule)
    kernel.call(LANDLOCK_ADD_RULE, made, kind, buffer.address, 0)
