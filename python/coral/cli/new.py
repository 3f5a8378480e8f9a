"""`coral new`: a script from a template."""

from __future__ import annotations

from importlib import resources

import click
from click.shell_completion import CompletionItem

from coral.cli.scaffold import create_script, script_path
from coral.errors import NotFoundError, UsageError
from coral.printing import show_lines


def template_names() -> list[str]:
    """The names of all templates, the plainest first, then by name."""
    names = [entry.name[:-3] for entry in _folder().iterdir() if entry.name.endswith(".ts")]
    return sorted(names, key=lambda name: (name != "services", name))


def template_text(name: str) -> str:
    """The text of a template.

    Raises:
        NotFoundError: There is no such template.
    """
    names = template_names()
    if name not in names:
        raise NotFoundError(
            f"there is no template {name!r}",
            hint=f"the templates are {', '.join(names)}; see coral new --list",
        )
    return _folder().joinpath(f"{name}.ts").read_text(encoding="utf-8")


def _complete(ctx: click.Context, _: click.Parameter, typed: str) -> list[CompletionItem]:
    return [CompletionItem(name, help=_about(name)) for name in template_names() if name.startswith(typed)]


@click.command()
@click.argument("name", required=False, metavar="NAME")
@click.option(
    "-t",
    "--template",
    default="services",
    show_default=True,
    shell_complete=_complete,
    metavar="TEMPLATE",
    help="What to begin with.",
)
@click.option("--list", "list_them", is_flag=True, help="List the templates.")
@click.option("--force", is_flag=True, help="Replace the file if it is there already.")
def new(name: str | None, template: str, list_them: bool, force: bool) -> int:
    """Make a script NAME.ts from a template.

    \b
      coral new slow --template traces
      coral new --list
    """
    if list_them:
        names = template_names()
        width = max(len(each) for each in names)
        show_lines(*[f"{each:<{width}}  {_about(each)}" for each in names])
        return 0
    if name is None:
        raise UsageError("missing argument 'NAME'", hint="for example: coral new slow --template traces")
    text = template_text(template)
    path = script_path(name)
    if path is None:
        raise UsageError(f"{name!r} names no file", hint="for example: coral new slow")
    create_script(path, text, force=force, hint="choose another name, or replace it with --force")
    return 0


def _about(name: str) -> str:
    from coral.runner.describe import doc_comment

    return doc_comment(template_text(name)).partition("\n")[0]


def _folder() -> resources.abc.Traversable:
    return resources.files("coral.cli").joinpath("templates")
