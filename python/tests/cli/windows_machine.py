"""`python -m tests.cli.windows_machine ARGUMENT...`: `coral` as on Windows, as far as Linux can tell.

What others wrote is imported first, as it is on this system. After that Coral's own modules find what Windows has: no module
and no system call of POSIX alone, and its names.
"""

from __future__ import annotations

import importlib
import os
import pathlib
import platform
import select
import signal
import socket
import sys

_OTHERS = (
    "asyncio",
    "click.testing",
    "concurrent.futures",
    "duckdb",
    "filelock",
    "google.protobuf.descriptor_pool",
    "grpc.aio",
    "importlib.metadata",
    "importlib.resources",
    "multiprocessing.connection",
    "pathlib",
    "platformdirs",
    "psutil",
    "pyarrow.parquet",
    "shutil",
    "sqlite3",
    "subprocess",
    "tempfile",
    "urllib.request",
    "uuid",
    "yaml",
    "zstandard",
)

_MODULES = ("curses", "fcntl", "grp", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty")

_OS = (
    "O_CLOEXEC",
    "O_DIRECTORY",
    "O_NOCTTY",
    "O_NOFOLLOW",
    "O_PATH",
    "O_SYNC",
    "PRIO_PROCESS",
    "WNOHANG",
    "chown",
    "chroot",
    "fchdir",
    "fchown",
    "fork",
    "forkpty",
    "get_blocking",
    "getegid",
    "geteuid",
    "getgid",
    "getgroups",
    "getloadavg",
    "getpgid",
    "getpgrp",
    "getpriority",
    "getresuid",
    "getsid",
    "getuid",
    "initgroups",
    "killpg",
    "lchown",
    "memfd_create",
    "mkfifo",
    "mknod",
    "nice",
    "openpty",
    "pipe2",
    "posix_fadvise",
    "posix_fallocate",
    "posix_spawn",
    "pread",
    "pwrite",
    "sched_getaffinity",
    "sendfile",
    "set_blocking",
    "setegid",
    "seteuid",
    "setgid",
    "setgroups",
    "setpgid",
    "setpriority",
    "setsid",
    "setuid",
    "splice",
    "sync",
    "sysconf",
    "uname",
    "wait",
    "wait3",
    "wait4",
    "waitid",
    "fchmod",
)  # os.fchmod and os.set_blocking came to Windows with Python 3.13 and 3.12

_SIGNALS = (
    "SIGALRM",
    "SIGCHLD",
    "SIGHUP",
    "SIGKILL",
    "SIGPIPE",
    "SIGQUIT",
    "SIGTSTP",
    "SIGUSR1",
    "SIGUSR2",
    "SIGWINCH",
    "pthread_sigmask",
    "setitimer",
)

_MISSING = ((os, _OS), (signal, _SIGNALS), (socket, ("AF_UNIX",)), (select, ("epoll", "poll")))


class _Absent:
    """Finds no module of POSIX alone."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name in _MODULES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def become_windows() -> None:
    """From now on."""
    for name in _OTHERS:
        importlib.import_module(name)
    for name in _MODULES:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, _Absent())
    for holder, names in _MISSING:
        for name in names:
            if hasattr(holder, name):  # not every Python here has all of them
                delattr(holder, name)
    pathlib.WindowsPath = pathlib.PosixPath  # type: ignore[misc,assignment]
    os.name = "nt"
    sys.platform = "win32"
    platform.system = lambda: "Windows"


if __name__ == "__main__":
    become_windows()
    from coral.__main__ import main

    sys.exit(main())
