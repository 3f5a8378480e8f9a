"""The program `coral`, also `python -m coral`.

`coral run ...` goes straight to the runner; whatever the short way does not understand, and every
other command, goes to click.
"""

import os
import sys

TYPE_CHECKING = False  # typing costs 5 ms of every `coral run`
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> int:
    """Runs one command line.

    Returns:
        The exit code.
    """
    try:
        code = _dispatch()
        sys.stdout.flush()
    except BaseException as error:
        from coral.cli.errors import exit_code_of

        return exit_code_of(error)
    return code


def _dispatch() -> int:
    arguments = sys.argv[1:]
    if arguments[:1] == ["run"]:
        import gc

        gc.disable()  # it ends with the run, half a millisecond earlier
        from coral import run_path

        in_one = run_path.use()
        from coral.cli.direct_run import parse_run, run, split_arguments
        from coral.colours import choose_as_typed
        from coral.runner.head_start import take

        head_start = take()
        run_arguments = parse_run(arguments[1:])
        if run_arguments is not None:
            code = run(run_arguments, head_start)
            if not in_one and run_path.may_be_written():
                from coral.cli.run_path_file import write

                write()
            _leave(code)
        if head_start is not None:
            head_start.give_up()
        gc.enable()
        choose_as_typed(split_arguments(arguments[1:])[0])
    from coral.cli.main import invoke

    return invoke(arguments)


def _leave(code: int) -> "NoReturn":  # no import of __future__: it costs 0.2 ms
    """Ends the process at once: taking the interpreter down in order costs 2 ms."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
