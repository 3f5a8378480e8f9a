"""The local colony: used if it runs, started if it does not, so that `coral run` works at once.

| module    | does                                                            |
|-----------|-----------------------------------------------------------------|
| `state`   | the file that says where the local (or the demo's) colony listens |
| `launch`  | starts one in the background                                     |
| `resolve` | the whole precedence: flag, environment, file, running, started  |

The colony is another process (`python -m coral colony start`): this package imports no colony code.
May import `coral.runner.places`, `coral.config` and `coral.errors`.
"""
