"""Puts the layers together for one child: from a policy and the files that it needs."""

from __future__ import annotations

import os
import stat

from coral.runner.containment import landlock
from coral.runner.containment.kernel import Kernel, kernel
from coral.runner.containment.landlock import EXECUTE, READ_DIR, READ_FILE, Ruleset
from coral.runner.containment.launch import Filter, Walls
from coral.runner.containment.switches import switched_off
from coral.runner.policy import Policy
from coral.script_limits import SCRIPT_DATA_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from coral.runner.containment.cgroup import Group
    from coral.runner.containment.watchdog import Watchdog

_LEAST_MEMORY_BYTES = 32 << 20

# include/uapi/asm-generic/resource.h
_RLIMIT_FSIZE, _RLIMIT_CORE, _RLIMIT_NOFILE = 1, 4, 7

# Deno is linked to these and to nothing else; it loads no other library for a script.
_LINKERS = {"x86_64": "ld-linux-x86-64.so.2", "aarch64": "ld-linux-aarch64.so.1"}
_LIBRARIES = ("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "libgcc_s.so.1", "librt.so.1")
_LIBRARY_FOLDERS = ("/lib64", "/lib/{}-linux-gnu", "/usr/lib64", "/usr/lib/{}-linux-gnu", "/lib", "/usr/lib")
# Where programs have their libraries each in a place of its own.
_LIBRARY_STORES = ("/nix/store", "/gnu/store")
_OF_LINKER = ("/etc/ld.so.cache",)
_OF_NAMES = ("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf")
_OF_TIME = ("/etc/localtime", "/usr/share/zoneinfo")


class Files:
    """The files that a child needs.

    Attributes:
        program: The program.
        trees: Folders whose content it may read.
        files: Files that it may read.
        written: Folders in which it may read, write, make and remove; for a script none.
    """

    __slots__ = ("files", "program", "trees", "written")

    def __init__(
        self, program: str, *, trees: list[str], files: list[str], written: list[str] | None = None
    ) -> None:
        self.program = program
        self.trees = trees
        self.files = files
        self.written = written or []


class Confinement:
    """The layers around one child. Closed when it has ended.

    Attributes:
        walls: What the child puts around itself before it becomes the program.
        missing: What is not in force and why, one line each, by the layer's name.
    """

    __slots__ = ("_group", "_may_group", "_may_limit", "_policy", "missing", "walls")

    def __init__(self, policy: Policy, files: Files) -> None:
        """Prepares the layers.

        Raises:
            ConfigError: The switches name no layer.
        """
        off = switched_off()
        self.missing = [f"{name}: switched off" for name in sorted(off)]
        self._policy = policy
        self._group: Group | None = None
        self._may_group = "cgroup" not in off
        self._may_limit = "rlimits" not in off
        system = kernel()
        if system is None:
            self.missing.append("landlock, seccomp, rlimits: only Linux on x86-64 and arm64 has them")
            self.walls = Walls(None)
            return
        ruleset = None
        if "landlock" not in off:
            ruleset = self._ruleset(system, files)
        calls = None
        if "seccomp" not in off:
            calls = Filter(
                names=policy.resolves_names,
                unix=policy.unix_socket is not None,
                inet=policy.connect is not None or policy.listen is not None,
                listen=policy.listen is not None,
                writes=bool(files.written),
            )
        rlimits = {} if "rlimits" in off else self._rlimits()
        self.walls = Walls(system, ruleset=ruleset, calls=calls, rlimits=rlimits)

    def started(self, pid: int) -> Watchdog:
        """Takes a child that was just started; what is measured from outside is asked of the answer."""
        from coral.runner.containment.watchdog import Watchdog  # the child starts meanwhile

        policy = self._policy
        return Watchdog(
            pid,
            memory_bytes=policy.memory_bytes,
            tasks=policy.tasks,
            output_bytes=policy.output_bytes,
            settle=self.settle,
            held=self.held,
        )

    def settle(self, pid: int, taken_bytes: int) -> None:
        """Puts a control group around a child that has been running for a moment.

        Moving a process costs 8 to 15 ms, and most scripts have ended by then; it may not start threads
        meanwhile. What it has taken before stays on our own account, so that the group gets the rest.

        Args:
            pid: Of the child.
            taken_bytes: Memory that it has by now.
        """
        if not self._may_group:
            self._limit_data(pid)
            return
        from coral.runner.containment import cgroup

        policy = self._policy
        group = cgroup.make(
            cgroup.Ceilings(
                memory_bytes=max(policy.memory_bytes - taken_bytes, _LEAST_MEMORY_BYTES),
                tasks=policy.tasks,
                cpu_percent=policy.cpu_percent,
            )
        )
        self._group = group
        if group.waits:
            self._limit_data(pid)  # nobody looks at its memory meanwhile
        try:
            group.add(pid)
        except ProcessLookupError:
            pass  # it has ended already
        except OSError as error:
            group.missing.append(f"memory: the child cannot be moved into its group: {error.strerror}")
            group.holds.clear()
        self.missing += group.missing
        if "memory" not in group.holds:
            self._limit_data(pid)

    def _limit_data(self, pid: int) -> None:
        """Bounds what it may take between two looks of the watchdog, where no group holds its memory."""
        if not self._may_limit:
            return
        try:
            import resource

            limit = self._policy.memory_bytes + SCRIPT_DATA_BYTES
            resource.prlimit(pid, resource.RLIMIT_DATA, (limit, limit))
        except (ImportError, AttributeError):
            self.missing.append("rlimits: this Python cannot set limits of another process")
        except ProcessLookupError:
            pass  # it has ended already
        except OSError as error:
            self.missing.append(f"rlimits: the kernel refuses RLIMIT_DATA ({error.strerror})")

    def held(self) -> list[str]:
        """The controllers of the child's group that are in force: `memory`, `pids`, `cpu`."""
        return [] if self._group is None else self._group.holds

    def killed_for_memory(self) -> bool:
        """Whether the kernel has ended the child for its memory."""
        return self._group is not None and self._group.killed_for_memory()

    def refused_threads(self) -> bool:
        """Whether the kernel has refused the child a thread; Deno then ends with code 1."""
        return self._group is not None and self._group.refused_threads()

    def close(self) -> None:
        """Gives back what the kernel holds for it."""
        if self._group is not None:
            self._group.close()

    def _ruleset(self, system: Kernel, files: Files) -> Ruleset | None:
        version = landlock.abi(system)
        if version == 0:
            self.missing.append(f"landlock: {landlock.why_none(system)}")
            return None
        rules = Ruleset(version)
        rules.allow_path(files.program, READ_FILE | EXECUTE)
        folders = [os.path.realpath(folder.format(system.machine)) for folder in _LIBRARY_FOLDERS]
        for folder in dict.fromkeys(folders):  # on most systems some are links to others
            for name in (_LINKERS[system.machine], *_LIBRARIES):
                rules.allow_path(f"{folder}/{name}", READ_FILE | EXECUTE)
        for folder in _LIBRARY_STORES:
            rules.allow_path(folder, READ_FILE | READ_DIR | EXECUTE)
        for path in (*_OF_LINKER, *_OF_TIME, *files.files):
            rules.allow_path(path, READ_FILE)
        if self._policy.connects_by_name:
            for path in _OF_NAMES:
                rules.allow_path(path, READ_FILE)
        for folder in files.trees:
            rules.allow_path(folder, READ_FILE | READ_DIR)
        for folder in files.written:
            rules.allow_all(folder)
        if self._policy.unix_socket is not None:
            rules.allow_path(self._policy.unix_socket, READ_FILE)
        for port in self._policy.ports:
            rules.allow_connect(port)
        if self._policy.listen is not None:
            rules.allow_listen(self._policy.listen)
        return rules

    def _rlimits(self) -> dict[int, int]:
        policy = self._policy
        return {
            _RLIMIT_CORE: 0,
            _RLIMIT_NOFILE: policy.open_files,
            _RLIMIT_FSIZE: policy.file_bytes + _room_for_output(policy.output_bytes),
        }


def keeps_from_writing() -> bool:
    """Whether a script's process can write no file at all: by Landlock or by the filter of system calls."""
    return kernel() is not None and not {"landlock", "seccomp"} <= switched_off()


def _room_for_output(output_bytes: int) -> int:
    """What must be added where output goes to a file: the limit counts from the file's beginning."""
    sizes = []
    for descriptor in (1, 2):
        try:
            status = os.fstat(descriptor)
        except OSError:
            continue  # it is closed
        if stat.S_ISREG(status.st_mode):
            sizes.append(status.st_size)
    return max(sizes) + output_bytes if sizes else 0
