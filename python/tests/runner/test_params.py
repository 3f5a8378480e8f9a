from __future__ import annotations

import pytest

from coral.errors import UsageError
from coral.runner.folder import look_at
from coral.runner.params import parse_params, parse_value
from coral.runner.policy import environment, import_map, run_flags


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500", 500),
        ("-0.5e3", -500.0),
        ("true", True),
        ("null", None),
        ("True", "True"),
        ("007", "007"),
        ("0x10", "0x10"),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("1e999", "1e999"),
        ("9007199254740991", 9007199254740991),
        ("9007199254740993", "9007199254740993"),
        ('{"a": [1, {"b": null}]}', {"a": [1, {"b": None}]}),
        ("[1,", "[1,"),
        ("[NaN]", "[NaN]"),
        ('"5"', "5"),
        ("", ""),
        ("5 6", "5 6"),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_values_get_the_type_that_they_look_like(text: str, value: object) -> None:
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)


def test_of_equal_names_the_last_counts() -> None:
    assert parse_params(["a=1", "b=x=y", "a=2"]) == {"a": 2, "b": "x=y"}


@pytest.mark.parametrize("pair", ["a", "=1", ""])
def test_what_is_no_pair_is_refused(pair: str) -> None:
    with pytest.raises(UsageError, match="is not NAME=VALUE"):
        parse_params([pair])


def test_localhost_means_the_addresses_too() -> None:
    flags = run_flags(read=["/a"], colony="localhost:4000", import_map="/m")
    assert "--allow-net=localhost:4000,127.0.0.1:4000,[::1]:4000" in flags
    assert "--allow-net=[::1]:4000" in run_flags(read=["/a"], colony="[::1]:4000", import_map="/m")


def test_without_a_colony_there_is_no_network() -> None:
    assert not [
        f for f in run_flags(read=["/a"], colony=None, import_map="/m") if f.startswith("--allow-net")
    ]


def test_the_import_map_denies_all_files_but_the_scripts() -> None:
    made = import_map(
        sdk="/r/sdk.js",
        skills="/r/skills.js",
        trees=["/a b"],
        files=["/c/d.ts"],
        modules=["file:///p/mod.js?x"],
    )
    assert made == {
        "imports": {
            "@coral/sdk": "file:///r/sdk.js",
            "@coral/sdk/skills": "file:///r/skills.js",
            "file:///": "coral-denied:///",
            "file:///a%20b/": "file:///a%20b/",
            "file:///c/d.ts": "file:///c/d.ts",
            "file:///r/sdk.js": "file:///r/sdk.js",
            "file:///r/skills.js": "file:///r/skills.js",
            "file:///p/mod.js?x": "file:///p/mod.js?x",
        }
    }


def test_a_script_in_the_root_directory_is_refused() -> None:
    with pytest.raises(UsageError, match="a script in / could read every file"):
        look_at("/", "/x.ts")


def test_colours_only_on_a_terminal_and_if_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "NO_COLOR" not in environment(deno_dir="/d", colour=True)
    assert environment(deno_dir="/d", colour=False)["NO_COLOR"] == "1"
    monkeypatch.setenv("NO_COLOR", "1")
    assert environment(deno_dir="/d", colour=True)["NO_COLOR"] == "1"
