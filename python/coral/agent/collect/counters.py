"""One look at the host's counters, by psutil, and the difference of two looks."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Final

import psutil

_NOT_A_DISK: Final = ("loop", "ram", "zram", "dm-", "md", "sr", "fd")
"""Block devices without a disk of their own: what goes through them is counted at the disk below."""


@dataclass(frozen=True)
class Counters:
    """Figures as the system has them at one moment; counters grow from the system's start.

    Attributes:
        cpu_busy: Seconds that all cores together were busy; waiting for disks is not busy.
        cpu_all: Seconds of all cores together.
        mem_used: Memory in use (total minus available), bytes.
        mem_total: Memory installed, bytes.
        load1: Mean number of runnable processes over a minute, or None.
        disk: Bytes read and written per disk; None where the system does not tell, as in many containers.
        net: Bytes received and transmitted per network interface but loopback; None likewise.
    """

    cpu_busy: float
    cpu_all: float
    mem_used: int
    mem_total: int
    load1: float | None
    disk: dict[str, tuple[int, int]] | None
    net: dict[str, tuple[int, int]] | None


@dataclass(frozen=True)
class HostSample:
    """What the host did between two looks.

    Attributes:
        seconds: Time between them, by the monotonic clock.
        cpu_pct: CPU use over all cores, percent, 0 to 100. The kernel counts in ticks of 10 ms, so over a
            hundredth of a second it is coarse.
        mem_used: Memory in use at the second look, bytes.
        mem_total: Memory installed, bytes.
        load1: Mean number of runnable processes over a minute, or None.
        disk_read_bytes: Read from all disks, or None where the system does not tell.
        disk_write_bytes: Written to all disks, or None.
        net_receive_bytes: Received by all network interfaces but loopback, or None.
        net_transmit_bytes: Transmitted by them, or None.
    """

    seconds: float
    cpu_pct: float
    mem_used: int
    mem_total: int
    load1: float | None
    disk_read_bytes: int | None
    disk_write_bytes: int | None
    net_receive_bytes: int | None
    net_transmit_bytes: int | None


def read_counters() -> Counters:
    """Looks at the host; takes about 0.3 ms."""
    times = psutil.cpu_times()
    # Linux counts guests within user and nice.
    everything = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    idle = times.idle + getattr(times, "iowait", 0.0)
    memory = psutil.virtual_memory()
    return Counters(
        cpu_busy=everything - idle,
        cpu_all=everything,
        mem_used=memory.total - memory.available,
        mem_total=memory.total,
        load1=_load1(),
        disk=_disks(),
        net=_interfaces(),
    )


def difference(before: Counters, after: Counters, *, seconds: float, last_cpu_pct: float = 0.0) -> HostSample:
    """What happened between two looks.

    A counter that went back (a device that was taken out and came again, a 32-bit counter at its end)
    counts from zero, and a device that is new counts from the next look on: too little rather than a
    leap of gigabytes.

    Args:
        before: The first look.
        after: The second look.
        seconds: Time between them, above 0.
        last_cpu_pct: The CPU use to answer where the kernel counted no tick in between.
    """
    passed = after.cpu_all - before.cpu_all
    busy = after.cpu_busy - before.cpu_busy
    cpu_pct = min(100.0, max(0.0, 100.0 * busy / passed)) if passed > 0 else last_cpu_pct
    read, written = _moved(before.disk, after.disk)
    received, transmitted = _moved(before.net, after.net)
    return HostSample(
        seconds,
        cpu_pct,
        after.mem_used,
        after.mem_total,
        after.load1,
        read,
        written,
        received,
        transmitted,
    )


def _moved(
    before: dict[str, tuple[int, int]] | None, after: dict[str, tuple[int, int]] | None
) -> tuple[int | None, int | None]:
    if before is None or after is None:
        return None, None
    inward = outward = 0
    for name, (now_in, now_out) in after.items():
        if name in before:
            was_in, was_out = before[name]
            inward += now_in - was_in if now_in >= was_in else now_in
            outward += now_out - was_out if now_out >= was_out else now_out
    return inward, outward


def _load1() -> float | None:
    try:
        load = os.getloadavg()[0]
    except OSError:
        return None  # a container without /proc/loadavg
    return load if math.isfinite(load) else None


def _disks() -> dict[str, tuple[int, int]] | None:
    try:
        found = psutil.disk_io_counters(perdisk=True, nowrap=False)
    except (OSError, RuntimeError, NotImplementedError, ValueError):
        return None  # psutil says so in several ways
    whole = {
        name: (counts.read_bytes, counts.write_bytes)
        for name, counts in (found or {}).items()
        if not name.startswith(_NOT_A_DISK)
    }
    # Partitions are part of their disk: sda1 of sda, nvme0n1p2 of nvme0n1.
    return {name: counts for name, counts in whole.items() if not _is_partition(name, whole)} or None


def _is_partition(name: str, names: dict[str, tuple[int, int]]) -> bool:
    stem = name.rstrip("0123456789")
    return stem != name and (stem in names or (stem.endswith("p") and stem[:-1] in names))


def _interfaces() -> dict[str, tuple[int, int]] | None:
    try:
        found = psutil.net_io_counters(pernic=True, nowrap=False)
    except (OSError, RuntimeError, NotImplementedError):
        return None
    counts = {
        name: (nic.bytes_recv, nic.bytes_sent)
        for name, nic in (found or {}).items()
        if name not in ("lo", "lo0")
    }
    return counts or None
