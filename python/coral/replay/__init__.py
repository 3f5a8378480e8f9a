"""Recordings: taken from a colony, served to scripts, and scripts run on them with a clock of their own.

`recording.py` tells the file, `record.py` takes one, `store.py` asks one. `serving.py` is the process that
serves it over a Unix socket, `hosting.py` starts that, `run.py` runs a script on it. `suite.py` is
`coral test`, `backtest.py` is `coral backtest`.
"""
