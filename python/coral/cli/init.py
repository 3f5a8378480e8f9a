"""`coral init`: a folder in which an editor knows the SDK."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import click

from coral.cli.scaffold import said, say_done, write_new
from coral.config.bounded_file import MAX_SERVER_CONFIG_BYTES, read_bounded
from coral.errors import ConfigError, UsageError
from coral.printing import show_lines

_FIRST = "first.ts"


@click.command()
@click.argument("directory", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace files that are there already.")
def init(directory: Path, force: bool) -> int:
    """Prepare a folder for scripts: editor settings and a first script.

    Editors then complete and check `coral.` by the types of the installed SDK. `coral run` itself reads
    none of these files: it needs the script alone. DIR is made if it does not exist. Files that are there
    are kept.

    \b
      coral init
      coral init scripts
    """
    from coral.cli.new import template_text

    if directory.exists() and not directory.is_dir():
        raise UsageError(f"{directory} is a file, expected a folder", hint="coral init makes a folder")
    types = _types()
    files = {
        "deno.json": _json(_deno_settings(types)),
        "tsconfig.json": _json(_typescript_settings(types)),
        ".vscode/settings.json": _json(_vscode_settings()),
        ".vscode/extensions.json": _json({"recommendations": ["denoland.vscode-deno"]}),
        _FIRST: template_text("services"),
    }
    kept = []
    for name, text in files.items():
        path = directory / name
        done = write_new(path, text, force=force)
        say_done(done, path, "it was there; --force replaces it" if done == "kept" else "")
        if done == "kept":
            kept.append(name)
    if "deno.json" in kept and types.as_uri() not in _text_of(directory / "deno.json"):
        show_lines(
            "",
            "For completions in your editor, deno.json needs this:",
            f'  "imports": {json.dumps(_deno_settings(types)["imports"])}',
        )
    _say_next(directory)
    return 0


def _text_of(path: Path) -> str:
    """What is in a file that was there, or nothing where that is no file."""
    try:
        return read_bounded(
            str(path), str(path), most_bytes=MAX_SERVER_CONFIG_BYTES, hint="", errors="replace"
        )
    except ConfigError:
        return ""


def _say_next(directory: Path) -> None:
    where = "" if os.path.samefile(directory, ".") else f"  cd {shlex.quote(said(directory))}"
    show_lines(
        "",
        "Next:",
        *([where] if where else []),
        "  coral demo                   # in another terminal: services to look at",
        f"  coral run --watch {_FIRST}   # runs again whenever you save it",
        "  coral new --list             # more to begin with",
        "VS Code: accept the recommended extension (Deno). Other editors: their Deno or TypeScript plugin.",
    )


def _types() -> Path:
    from coral.runner.places import sdk_types

    return Path(sdk_types())


def _modules(types: Path) -> dict[str, Path]:
    """What a script may import of the SDK, and where its types are."""
    return {"@coral/sdk": types, "@coral/sdk/skills": types.with_name("skills.d.ts")}


def _deno_settings(types: Path) -> dict[str, object]:
    return {
        "imports": {name: path.as_uri() for name, path in _modules(types).items()},
        "lock": False,
        "fmt": {"lineWidth": 100},
    }


def _typescript_settings(types: Path) -> dict[str, object]:
    """For editors that know TypeScript but not Deno."""
    return {
        "compilerOptions": {
            "target": "ESNext",
            "module": "ESNext",
            "moduleResolution": "bundler",
            "lib": ["ESNext", "DOM", "DOM.Iterable"],
            "types": [],
            "strict": True,
            "noEmit": True,
            "allowImportingTsExtensions": True,
            "skipLibCheck": True,
            "paths": {name: [str(path)] for name, path in _modules(types).items()},
        },
        "include": ["**/*.ts"],
    }


def _vscode_settings() -> dict[str, object]:
    settings: dict[str, object] = {"deno.enable": True}
    deno = _lasting_deno()
    if deno is not None:
        settings["deno.path"] = deno
    return settings


def _lasting_deno() -> str | None:
    """A Deno for an editor, which is there tomorrow, too; None where there is none."""
    from coral.runner import places
    from coral.runner.binary import find_deno, read_manifest

    deno = find_deno()
    if deno.startswith("/proc/"):
        return None  # in memory only: it ends with us
    cache, temporary = places.candidate_bases()
    if deno.startswith(temporary + os.sep):
        manifest = read_manifest()
        if manifest is None or places.usable(cache) is not None:
            return None
        from coral.runner.extract import extract

        deno = extract(manifest, [cache])
        return deno if deno.startswith(cache + os.sep) else None
    return deno


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
