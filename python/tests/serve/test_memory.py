"""Memory that was freed goes back to the system."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from coral.demo.launch import child_environment
from coral.serve.memory import keep_trimming

# Six threads each keep every hundredth of many small blocks: without bounds their arenas keep nearly all of it.
HOARD = """
import ctypes, sys, threading
from coral.serve.memory import bound_allocator
bounded = sys.argv[1] == "bounded"
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, (ctypes.c_void_p,)
if bounded:
    bound_allocator()
def hoard(barrier):
    barrier.wait()
    blocks = [libc.malloc(40_000) for _ in range(250)]
    for address in blocks:
        ctypes.memset(address, 1, 40_000)
    barrier.wait()
    for number, address in enumerate(blocks):
        if number % 100 != 99:
            libc.free(address)
barrier = threading.Barrier(6)
threads = [threading.Thread(target=hoard, args=(barrier,)) for _ in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
if bounded:
    libc.malloc_trim(0)
info = open("/proc/self/status").read()
print(int(info.split("RssAnon:")[1].split()[0]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc and /proc")
def test_a_bounded_process_holds_less_of_what_its_threads_freed() -> None:
    def held_kib(how: str) -> int:
        command = [sys.executable, "-c", HOARD, how]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=child_environment())
        return int(done.stdout)

    assert held_kib("unbounded") - held_kib("bounded") > 30_000  # of 60 MB


def test_trimming_goes_on_until_it_is_cancelled() -> None:
    async def run() -> bool:
        task = asyncio.create_task(keep_trimming(0.001))
        await asyncio.sleep(0.05)
        still_there = not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return still_there and task.cancelled()

    assert asyncio.run(run())
