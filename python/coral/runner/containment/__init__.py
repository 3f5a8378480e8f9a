"""Contains a script's process by means of the operating system: walls behind Deno's own.

| module     | does                                                                              |
|------------|-----------------------------------------------------------------------------------|
| `kernel`   | system calls without the package `ctypes`; their numbers by CPU                    |
| `landlock` | files, TCP ports, signals, abstract sockets (unprivileged, by ABI)                 |
| `seccomp`  | a filter of system calls: no new processes, no other sockets, no tracing, ...      |
| `launch`   | the child between fork and exec: limits, descriptors, the two above                |
| `cgroup`   | memory, CPU and tasks by a control group that we may make                          |
| `scope`    | such a group by the user's systemd, where we may make none                         |
| `watchdog` | memory, threads and output, measured from outside: what no group holds             |
| `switches` | layers that the user has switched off                                              |
| `confine`  | puts them together for one child                                                   |
| `report`   | which layers this machine has, and what is missing                                 |

What is allowed comes from `coral.runner.policy`; nothing here decides it. Each layer works without the
others. What could not be put in place is told to the caller, never passed over. On macOS and Windows
there is none of it: there Deno's own walls are the only ones (`docs/security.md`).
"""
