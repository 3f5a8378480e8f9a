"""`coral completion`: what a shell needs to complete coral's commands, options and values."""

from __future__ import annotations

from importlib import resources

import click

from coral.printing import emit

_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
def completion(shell: str) -> int:
    """Print what makes SHELL complete coral's commands.

    It completes commands, options, files, example:NAME, contexts, and the parameters that a script
    declares.

    \b
      bash   eval "$(coral completion bash)"      in ~/.bashrc
      zsh    eval "$(coral completion zsh)"       in ~/.zshrc, after compinit
      fish   coral completion fish > ~/.config/fish/completions/coral.fish
    """
    script = resources.files("coral.cli").joinpath("shells", f"coral.{shell}")
    emit(script.read_text(encoding="utf-8"))
    return 0
