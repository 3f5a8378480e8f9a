"""Attacks on `coral run`, each proven to work without its walls.

| what           | holds                                                                               |
|----------------|-------------------------------------------------------------------------------------|
| `scripts`      | the attacks, a folder for each class                                                |
| `corpus`       | reads an attack and lays it out on disk                                             |
| `canary`       | what an attack is after: secrets, servers, a process                                |
| `execution`    | runs a command with pipes or at a terminal, counts what it prints, ends it          |
| `evidence`     | what an attack left behind: files, connections, processes                           |
| `suite`        | puts these together: every attack bare, then under `coral run`, two at a time       |
| `run`          | the command: `python python/tests/attacks/run.py [--class X] [--no-landlock]`       |
| `test_attacks` | the same as tests                                                                   |

Everything happens on loopback and in temporary folders; what eats resources stops by itself.
"""
