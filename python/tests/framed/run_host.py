"""Runs a script against a Unix socket, as an agent will: `python -m tests.framed.run_host SCRIPT SOCKET TOKEN`."""

from __future__ import annotations

import sys

from coral.cli.errors import exit_code_of
from coral.runner.script import Host, Job, run_script
from coral.runner.source import find_source

if __name__ == "__main__":
    script, path, token = sys.argv[1:]
    try:
        sys.exit(run_script(Job(find_source(script), colony=None, host=Host(path, token))))
    except Exception as error:
        sys.exit(exit_code_of(error))
