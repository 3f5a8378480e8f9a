"""The files that a script is made of: itself and what it imports, as Deno sees it, without running it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from urllib.parse import unquote

from coral.errors import LimitError
from coral.runner.diagnosis import graph_command
from coral.runner.places import sdk_bundle
from coral.runner.policy import file_url
from coral.runner.script import Prepared
from coral.script_limits import GRAPH_SECONDS, QUESTION_MEMORY_BYTES

_FILE = "file://"


@dataclass(frozen=True)
class GraphModule:
    """One file of a script's graph.

    Attributes:
        path: Its path.
        size: Bytes, or None where it cannot be read.
        error: What is wrong with it, or None.
    """

    path: str
    size: int | None
    error: str | None


def import_graph(prepared: Prepared) -> list[GraphModule]:
    """Lists the local files of a script: itself first, then what it imports, Coral's own left out.

    A file that is imported and does not exist is in it. Specifiers that the script computes are not.
    """
    with prepared.ask(graph_command(prepared), seconds=GRAPH_SECONDS) as question:
        answer = question.wait()
    if answer.exceeded is not None:
        limit = (
            f"{GRAPH_SECONDS:g} s"
            if answer.exceeded == "time"
            else f"{QUESTION_MEMORY_BYTES >> 20} MiB of memory"
        )
        raise LimitError(
            f"the imports of {prepared.script} were not read within {limit}",
            hint="import fewer and smaller files",
        )
    return read_graph(prepared, answer.stdout)


def read_graph(prepared: Prepared, answer: bytes) -> list[GraphModule]:
    """Reads what `graph_command` printed; the script alone where that is nothing."""
    folders = (prepared.directory.path, os.path.dirname(sdk_bundle()))
    own = tuple([file_url(folder) + "/" for folder in folders if folder is not None])
    root = file_url(prepared.script)
    found = {root: GraphModule(prepared.script, None, None)}
    try:
        modules = json.loads(answer)["modules"]
    except (ValueError, KeyError):
        return list(found.values())
    for module in modules:
        specifier = str(module.get("specifier", ""))
        if specifier != root and (not specifier.startswith(_FILE) or specifier.startswith(own)):
            continue
        path = unquote(specifier.removeprefix(_FILE))
        found[specifier] = GraphModule(path, module.get("size"), module.get("error"))
    return list(found.values())
