"""Which functions a service's program has: names, source lines, and where a probe attaches.

`processes` finds the process of a service, `reader` has it read by `worker` in a short-lived child
process (a damaged or hostile file can hurt nothing but that child), `catalogue` keeps and answers.
Inside the child: `elf` and its neighbours read binaries, `python_source` reads Python source; neither
runs anything of the program. May import what `agent` may.
"""
