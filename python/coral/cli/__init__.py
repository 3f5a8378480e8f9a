"""The command line: one module per command, no logic beyond reading arguments and printing.

`coral run` does not come through click (`coral.__main__`, `coral.cli.direct_run`): importing it costs more
than starting Deno. Every other module here may import click, and imports what its command needs
inside the command. Data go to stdout; everything else goes to stderr.
"""
