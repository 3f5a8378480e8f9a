"""Memory, threads and processor time of a child, held by a control group that we may make ourselves.

| version | where                                                                                       |
|---------|---------------------------------------------------------------------------------------------|
| 1       | below our own group of each controller                                                      |
| 2       | beside our own group, where its parent is delegated to us; below it if that is the real root |
| 2       | else a scope of the user's systemd (`scope.py`)                                              |

A group that a killed run has left is removed by the next one.
Source: Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from coral.runner.containment.scope import Scope

_ROOT = "/sys/fs/cgroup"
_OWN = "/proc/self/cgroup"
_PREFIX = "coral-run-"
_PERIOD_MICROSECONDS = 100_000
_MOST_AT_ONCE = 16


class Ceilings:
    """What a group is to hold.

    Attributes:
        memory_bytes: All memory, swap included.
        tasks: Threads.
        cpu_percent: Processor time, in percent of one processor.
    """

    __slots__ = ("cpu_percent", "memory_bytes", "tasks")

    def __init__(self, *, memory_bytes: int, tasks: int, cpu_percent: int) -> None:
        self.memory_bytes = memory_bytes
        self.tasks = tasks
        self.cpu_percent = cpu_percent


class Group:
    """A control group for one child.

    Attributes:
        holds: Controllers that are in force: `memory`, `pids`, `cpu`.
        missing: Why another one is not, one line each.
    """

    __slots__ = ("_ceilings", "_folders", "_memory_events", "_scope", "holds", "missing")

    def __init__(self, ceilings: Ceilings) -> None:
        self._ceilings = ceilings
        self._scope: Scope | None = None
        self.holds: list[str] = []
        self.missing: list[str] = []
        self._folders: list[str] = []
        self._memory_events: str | None = None

    @property
    def waits(self) -> bool:
        """Whether `add` waits for systemd, which may take seconds on a busy machine."""
        return self._scope is not None

    def add(self, pid: int) -> None:
        """Moves a process into the group.

        Raises:
            OSError: The kernel refused it.
        """
        for folder in self._folders:
            _write(os.path.join(folder, "cgroup.procs"), str(pid))
        if self._scope is not None:
            self.holds = self._scope.add(pid, self._ceilings)
            self._memory_events = f"{self._scope.folder}/memory.events"
            self.missing += [f"{name}: the scope has no such controller" for name in _missing_of(self)]

    def killed_for_memory(self) -> bool:
        """Whether the kernel has killed something in it for its memory."""
        if self._memory_events is None:
            return False
        try:
            with open(self._memory_events, encoding="ascii") as file:
                return any(int(line.split()[1]) > 0 for line in file if line.startswith("oom_kill "))
        except OSError:
            return False

    def refused_threads(self) -> bool:
        """Whether the kernel has refused it a thread."""
        folders = [*self._folders, *([] if self._scope is None else [self._scope.folder])]
        lines = [line for folder in folders for line in _read(f"{folder}/pids.events").splitlines()]
        return any(int(line.split()[1]) > 0 for line in lines if line.startswith("max "))

    def close(self) -> None:
        """Removes it; nothing runs in it any more."""
        for folder in self._folders:
            _remove(folder)
        self._folders.clear()

    def _make_v1(self, groups: dict[str, str], settings: dict[str, list[tuple[str, str]]]) -> None:
        made: dict[str, str] = {}
        for controller, values in settings.items():
            parent = groups.get(controller)
            if parent is None:
                self.missing.append(f"{controller}: this machine has no such controller")
                continue
            folder = made.get(os.path.realpath(parent)) or _make(parent)
            if folder is None or not _settle(folder, values):
                self.missing.append(f"{controller}: we may not make a group in {parent}")
                continue
            made[os.path.realpath(parent)] = folder
            self.holds.append(controller)
            if folder not in self._folders:
                self._folders.append(folder)
            if controller == "memory":
                self._memory_events = os.path.join(folder, "memory.oom_control")

    def _make_v2(self, own: str, settings: dict[str, list[tuple[str, str]]]) -> None:
        for parent in dict.fromkeys((os.path.dirname(own.rstrip("/")), own)):
            if not parent.startswith(_ROOT):
                continue
            given = _read(os.path.join(parent, "cgroup.subtree_control")).split()
            wanted = [controller for controller in settings if controller in given]
            if "memory" not in wanted:
                continue
            folder = _make(parent)
            if folder is None:
                continue
            if not os.access(os.path.join(parent, "cgroup.procs"), os.W_OK):
                _remove(folder)  # nobody could be moved into it
                continue
            for controller in wanted:
                if _settle(folder, settings[controller]):
                    self.holds.append(controller)
            self._folders.append(folder)
            self._memory_events = os.path.join(folder, "memory.events")
            self.missing += [
                f"{name}: not delegated in {parent}" for name in settings if name not in self.holds
            ]
            return
        self._ask_systemd(f"memory: {os.path.dirname(own.rstrip('/')) or own} is not delegated to this user")

    def _ask_systemd(self, why: str) -> None:
        from coral.runner.containment.scope import find

        found = find()
        if isinstance(found, str):
            self.missing.append(f"{why}, and {found}")
        else:
            self._scope = found  # made when there is a process to put into it


def make(ceilings: Ceilings) -> Group:
    """Makes a group; what it cannot hold is said in it."""
    group = Group(ceilings)
    try:
        with open(_OWN, encoding="utf-8") as file:
            lines = [line.rstrip("\n").split(":", 2) for line in file]
    except OSError:
        group.missing.append("memory: there are no control groups")
        return group
    groups = {name: _folder(name, path) for _, names, path in lines for name in names.split(",") if name}
    if "memory" in groups:
        group._make_v1(groups, _settings_v1(ceilings))
    elif os.path.exists(os.path.join(_ROOT, "cgroup.controllers")):
        own = _ROOT + next((path for _, names, path in lines if not names), "/")
        group._make_v2(own, _settings_v2(ceilings))
    else:
        group.missing.append("memory: no control groups are mounted")
    return group


def _missing_of(group: Group) -> list[str]:
    wanted = _settings_v2(group._ceilings)
    return [name for name in wanted if name not in group.holds]


def _folder(controller: str, path: str) -> str:
    return f"{_ROOT}/{controller}{path}"


def _settings_v1(ceilings: Ceilings) -> dict[str, list[tuple[str, str]]]:
    memory = str(ceilings.memory_bytes)
    settings = {
        "memory": [("memory.limit_in_bytes", memory), ("?memory.memsw.limit_in_bytes", memory)],
        "pids": [("pids.max", str(ceilings.tasks))],
    }
    if _holds_processors(ceilings):
        quota = ceilings.cpu_percent * _PERIOD_MICROSECONDS // 100
        settings["cpu"] = [
            ("cpu.cfs_period_us", str(_PERIOD_MICROSECONDS)),
            ("cpu.cfs_quota_us", str(quota)),
        ]
    return settings


def _settings_v2(ceilings: Ceilings) -> dict[str, list[tuple[str, str]]]:
    settings = {
        "memory": [
            ("memory.max", str(ceilings.memory_bytes)),
            ("?memory.swap.max", "0"),
            ("?memory.oom.group", "1"),
        ],
        "pids": [("pids.max", str(ceilings.tasks))],
    }
    if _holds_processors(ceilings):
        quota = ceilings.cpu_percent * _PERIOD_MICROSECONDS // 100
        settings["cpu"] = [("cpu.max", f"{quota} {_PERIOD_MICROSECONDS}")]
    return settings


def _holds_processors(ceilings: Ceilings) -> bool:
    return ceilings.cpu_percent < 100 * (os.cpu_count() or 1)


def _make(parent: str) -> str | None:
    _remove_old(parent)
    for number in range(_MOST_AT_ONCE):
        folder = os.path.join(parent, f"{_PREFIX}{os.getpid()}-{number}")
        try:
            os.mkdir(folder)
        except FileExistsError:
            continue  # another child of ours is in it
        except OSError:
            break
        return folder
    return None


def _remove_old(parent: str) -> None:
    try:
        names = os.listdir(parent)
    except OSError:
        return
    for name in names:
        owner = name.removeprefix(_PREFIX).partition("-")[0]
        if name.startswith(_PREFIX) and owner.isdigit() and not os.path.exists(f"/proc/{owner}"):
            _remove(os.path.join(parent, name))


def _remove(folder: str) -> None:
    try:
        os.rmdir(folder)
    except OSError:
        pass  # something in it is about to end; the next run removes it


def _settle(folder: str, values: list[tuple[str, str]]) -> bool:
    for name, value in values:
        try:
            _write(os.path.join(folder, name.removeprefix("?")), value)
        except OSError:
            if not name.startswith("?"):  # kernels without accounting of swap have no such file
                return False
    return True


def _write(path: str, value: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, value.encode())
    finally:
        os.close(descriptor)


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except OSError:
        return ""
