"""docs/reference/sdk.md, made of what `deno doc --json` says of the types that ship."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import coral

HEAD: Final = """\
# SDK reference

Everything that `import * as coral from "@coral/sdk"` gives. [typescript/sdk](../../typescript/sdk/README.md) is the
overview; `coral examples list` has scripts to start from.

<!-- generated: CORAL_UPDATE_DOCS=1 pytest python/tests/sdk -->
"""
_PACKAGE: Final = Path(coral.__file__).parent
_CLOSING: Final = {"(": ")", "[": "]", "{": "}", "<": ">"}

Node = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """Something exported, by its full name."""

    name: str
    node: Node

    @property
    def kind(self) -> str:
        return str(self.node["kind"])

    @property
    def text(self) -> str:
        """What it is for."""
        return str(self.node.get("jsDoc", {}).get("doc", "")).strip()

    def tags(self, kind: str) -> list[Node]:
        return [tag for tag in self.node.get("jsDoc", {}).get("tags", []) if tag["kind"] == kind]

    @cached_property
    def declared(self) -> str:
        """Its declaration, as the types say it."""
        text = source(self.node)
        return re.sub(r"^(export )?(declare )?(default )?(async )?", "", text)


def deno() -> str:
    """The Deno binary."""
    return os.environ.get("CORAL_TEST_DENO") or str(_PACKAGE / "_deno" / "deno")


def documented() -> Node:
    """The root of `deno doc --json`, each namespace with all its members.

    As a namespace of another module one has no members that it takes from elsewhere, so each is asked for alone.
    """
    types = (_PACKAGE / "_sdk" / "types").resolve()
    names = re.findall(r'^export \* as (\w+) from "\./', (types / "mod.d.ts").read_text(), re.MULTILINE)
    paths = [types / f"{name}.d.ts" for name in ("mod", *names, "skills")]
    done = subprocess.run(
        [deno(), "doc", "--json", *map(str, paths)],
        check=True,
        capture_output=True,
        env=_quiet(),
        timeout=120,
    )
    nodes = json.loads(done.stdout)["nodes"]
    module: Node = nodes[paths[0].as_uri()]
    found = {
        _place(node["location"]): node
        for each in nodes.values()
        for symbol in each["symbols"]
        for node in symbol["declarations"]
    }
    for symbol in module["symbols"]:
        symbol["declarations"] = [
            found[_place(node["def"]["target"])] if node["kind"] == "reference" else node
            for node in symbol["declarations"]
        ]
    top = {symbol["name"] for symbol in module["symbols"]}
    for symbol in module["symbols"]:
        if symbol["name"] in names:
            inside = nodes[(types / f"{symbol['name']}.d.ts").as_uri()]["symbols"]
            symbol["declarations"][0]["def"]["elements"] = [
                member for member in inside if member["name"] not in top
            ]
    module["skills"] = nodes[paths[-1].as_uri()]
    return module


def exports(module: Node) -> list[Entry]:
    """All that both modules export; names of the skills begin with `skills.`."""
    return [*entries(module["symbols"]), *entries(module["skills"]["symbols"], "skills.")]


def entries(symbols: list[Node], prefix: str = "coral.") -> Iterator[Entry]:
    """All that is exported, namespaces' members after the namespace."""
    for symbol in symbols:
        for node in symbol["declarations"]:
            yield Entry(prefix + symbol["name"], node)
            if node["kind"] == "namespace":
                yield from entries(node["def"]["elements"], f"{prefix}{symbol['name']}.")


def page(module: Node) -> str:
    """The whole document."""
    found = list(entries(module["symbols"]))
    parts = [HEAD, module["module_doc"]["doc"].strip(), "\n\n## Functions and values\n"]
    top = [entry for entry in found if entry.name.count(".") == 1]
    parts += [member(entry) for entry in top if entry.kind in ("function", "variable")]
    for space in (entry for entry in top if entry.kind == "namespace"):
        parts.append(f"\n## {space.name}\n{space.text}\n")
        inside = [entry for entry in found if entry.name.startswith(f"{space.name}.")]
        parts += [member(entry) for entry in inside if entry.kind in ("function", "variable")]
        parts += [shape(entry) for entry in inside if entry.kind not in ("function", "variable")]
    parts.append("\n## Types and errors\n")
    shapes = [entry for entry in top if entry.kind in ("interface", "typeAlias", "class")]
    parts += [shape(entry) for entry in sorted(shapes, key=lambda entry: entry.name.lower())]
    parts.append(f"\n## @coral/sdk/skills\n{linked(module['skills']['module_doc']['doc'].strip())}\n")
    skills = list(entries(module["skills"]["symbols"], "skills."))
    parts += [member(entry) for entry in skills if entry.kind in ("function", "variable")]
    parts += [shape(entry) for entry in skills if entry.kind not in ("function", "variable")]
    return "".join(parts)


def member(entry: Entry) -> str:
    """A function or a value."""
    name = entry.name.rpartition(".")[2]
    code = re.sub(rf"^(function|const|let) {name}", name, entry.declared)
    lines = [f"\n### {entry.name}\n", f"```ts\n{code}\n```\n", f"{linked(entry.text)}\n"]
    defaults = dict(
        match.groups()
        for tag in entry.tags("unsupported")
        if (match := re.match(r"@default (\w+) ([^\n]+)", tag["value"]))
    )
    params = [
        f"- `{tag['name']}`: {_line(tag.get('doc', ''))}"
        + (f" Default: `{defaults[tag['name']]}`." if tag["name"] in defaults else "")
        for tag in entry.tags("param")
    ]
    if params:
        lines.append("\n" + "\n".join(params) + "\n")
    lines += [f"\nReturns: {_line(tag['doc'])}\n" for tag in entry.tags("return") if tag.get("doc")]
    throws = [
        f"- `{tag['tsType']['repr'] if tag.get('tsType') else 'CoralError'}`: {_line(tag.get('doc', ''))}"
        for tag in entry.tags("throws")
    ]
    if throws:
        lines.append("\nThrows:\n\n" + "\n".join(throws) + "\n")
    lines += [f"\n{tag['doc'].strip()}\n" for tag in entry.tags("example")]
    return "".join(lines)


def shape(entry: Entry) -> str:
    """A type or a class."""
    short = entry.name.removeprefix("coral.")
    lines = [f"\n### {short}\n", f"{linked(entry.text)}\n"]
    if entry.kind == "typeAlias":
        lines.append(f"\n```ts\n{entry.declared}\n```\n")
        return "".join(lines)
    definition = entry.node["def"]
    rows = []
    for each in [*definition.get("properties", []), *definition.get("methods", [])]:
        text = re.sub(r"^(readonly|override) ", "", re.sub(r"^(readonly|override) ", "", source(each)))
        what = _line(Entry(each["name"], each).text).replace("|", "\\|")
        rows.append(f"| `{text.replace('|', chr(92) + '|')}` | {what} |")
    head = re.match(r"[^{]*", entry.declared)
    extends = re.search(r"extends ([^{]+)", head[0]) if head else None
    if extends:
        lines.append(f"\nWith all of `{extends[1].split(' implements')[0].strip()}`, and:\n")
    if rows:
        lines.append("\n| member | what it is |\n| --- | --- |\n" + "\n".join(rows) + "\n")
    lines += [f"\n{tag['doc'].strip()}\n" for tag in entry.tags("example")]
    return "".join(lines)


def source(node: Node) -> str:
    """A declaration's text, up to its end."""
    location = node["location"]
    data = Path(location["filename"].removeprefix("file://")).read_bytes()
    text = data[location["byteIndex"] :].decode()
    depth: list[str] = []
    for index, letter in enumerate(text):
        if letter in _CLOSING:
            depth.append(_CLOSING[letter])
        elif depth and letter == depth[-1] and text[index - 1] != "=":
            depth.pop()
        if (
            not depth
            and letter in ";}"
            and (letter == ";" or not text[index + 1 :].startswith((";", "[", " &")))
        ):
            text = text[: index + (letter == "}")]
            break
    text = re.sub(r"/\*\*.*?\*/", "", text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", text).strip()


def linked(text: str) -> str:
    """Prose with `{@link name}` as code."""
    return re.sub(r"\{@link (\w+)\}", r"`\1`", text)


def _place(location: Node) -> tuple[str, int]:
    return location["filename"], location["byteIndex"]


def _line(text: str) -> str:
    return linked(" ".join(text.split()))


def _quiet() -> dict[str, str]:
    return {**os.environ, "NO_COLOR": "1", "DENO_NO_UPDATE_CHECK": "1"}
