"""The limits of declared parameters, and declarations that are wrong."""

from __future__ import annotations

import json

import pytest

from tests.runner.program import Program, Result
from tests.runner.test_declared_params import complete

LIMITED = """import * as coral from "@coral/sdk";

export const params = coral.defineParams({
  size: { type: "integer", choices: [1, 2], default: 1, min: 1 },
  share: { type: "number", choices: [0.5, 1], optional: true },
  only: { type: "boolean", choices: [true], optional: true },
  window: { type: "duration", min: "1m", max: "2h", default: "5m" },
  step: { type: "duration", choices: ["1m", 3000], optional: true },
  shape: { type: "json", choices: ["flat", { a: 1, b: 2 }], optional: true },
  any: { type: "json", optional: true },
  nothing: { type: "json", default: null },
});
console.log(JSON.stringify(params));
"""


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("size=3", "size is 3, expected one of 1, 2"),
        ("share=0.7", "share is 0.7, expected one of 0.5, 1"),
        ("only=false", "only is false, expected one of true"),
        ("window=59s", "window is 59s, expected duration from 1m to 2h"),
        ("window=7200001", "window is 7200001, expected duration from 1m to 2h"),
        ("step=2m", "step is 2m, expected one of 1m, 3000"),
        ("shape=[1]", 'shape is [1], expected one of "flat", {"a":1,"b":2}'),
        ("any={bad", 'any is {bad, expected json such as [1] or "text", with the quotes'),
    ],
)
def test_limits_hold_for_every_type(coral: Program, pair: str, message: str) -> None:
    ended = coral.run("run", coral.script(LIMITED), "-p", pair)
    assert (ended.code, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"error: {message}\n")


def test_what_is_within_the_limits_is_taken(coral: Program) -> None:
    pairs = ("size=2", "share=1.0", "only=true", "window=2h", "step=60s", 'shape={"b":2,"a":1}', 'any="x"')
    ended = coral.run("run", coral.script(LIMITED), *[word for pair in pairs for word in ("-p", pair)])
    assert (ended.code, ended.stderr) == (0, "")
    assert json.loads(ended.stdout) == {
        "size": 2,
        "share": 1,
        "only": True,
        "window": 7_200_000,
        "step": 60_000,
        "shape": {"a": 1, "b": 2},
        "any": "x",
        "nothing": None,
    }


@pytest.mark.parametrize(
    ("declaration", "message"),
    [
        ('{ type: "number", defualt: 5 }', "the parameter a has the key defualt, which number does not take"),
        ('{ type: "string", min: 1 }', "the parameter a has the key min, which string does not take"),
        ('{ type: "boolean", max: true }', "the parameter a has the key max, which boolean does not take"),
        ('{ type: "json", max: 1 }', "the parameter a has the key max, which json does not take"),
        (
            '{ type: "numbr" }',
            'the type of a is "numbr", expected one of number, integer, string, boolean, duration, json',
        ),
        ("5", "the type of a is undefined, expected one of number, integer, string, boolean, duration, json"),
        ('{ type: "integer", min: 1.5 }', "the min of a is 1.5, expected whole number"),
        ('{ type: "duration", max: "soon" }', 'the max of a is "soon", expected duration such as "5m"'),
        (
            '{ type: "duration", min: "2m", max: "1m" }',
            'the min of a is "2m", expected at most max, which is 1m',
        ),
        ('{ type: "string", choices: [] }', "the choices of a is [], expected an array of values"),
        ('{ type: "string", choices: ["a", 1] }', "the choice of a is 1, expected string"),
        ('{ type: "number", choices: [1, 9], max: 5 }', "the choice of a is 9, expected number to 5"),
        ('{ type: "number", choices: [1, 2], default: 3 }', "the default of a is 3, expected one of 1, 2"),
        ('{ type: "number", optional: 1 }', "the optional of a is 1, expected boolean"),
    ],
)
def test_a_wrong_declaration_is_the_scripts_error(coral: Program, declaration: str, message: str) -> None:
    text = f'import * as coral from "@coral/sdk";\n\ncoral.defineParams({{ a: {declaration} }} as never);\n'
    path = coral.script(text)
    for arguments in ((), ("--help-script",)):
        ended = coral.run("run", path, "-p", "a=1", *arguments)
        assert (ended.code, ended.stdout) == (1, "")
        assert ended.stderr.startswith(
            f"error: CoralError: coral.defineParams: {message}\n    at file://{path}:3:7\n"
            "hint: every type takes type, description, default, optional, choices; "
            "number, integer, duration take min and max too\n"
        )


@pytest.mark.parametrize(
    ("declaration", "place"),
    [
        ('{ type: "number", defualt: 5 }', "defualt"),
        ('{ type: "string", min: "a" }', "min"),
        ('{ type: "json", max: 1 }', "max"),
        ('{ type: "numbr" }', "type"),
        ('{ type: "number", choices: ["a"] }', "a:"),
    ],
)
def test_a_wrong_declaration_is_a_type_error(coral: Program, declaration: str, place: str) -> None:
    text = f'import * as coral from "@coral/sdk";\ncoral.defineParams({{ a: {declaration} }});\n'
    ended = coral.run("run", "--check", coral.script(text))
    assert ended.code == 79
    column = text.splitlines()[1].index(place) + 1
    assert f"script.ts:2:{column}" in ended.stderr


def test_the_second_declaration_is_an_error(coral: Program) -> None:
    text = 'import * as coral from "@coral/sdk";\ncoral.defineParams({});\ncoral.defineParams({});\n'
    path = coral.script(text)
    assert coral.run("run", path) == Result(
        1,
        "",
        f"error: CoralError: coral.defineParams is called twice\n    at file://{path}:3:7\n"
        "hint: declare all parameters in one call\n",
    )


def test_the_types_follow_the_choices(coral: Program) -> None:
    text = LIMITED + (
        "const a: 1 | 2 = params.size; const b: 0.5 | 1 | undefined = params.share; const d: number = params.window;\n"
        "const c: true | undefined = params.only; const e: number | undefined = params.step;\n"
        "console.log(a, b, c, d, e);\n"
    )
    assert coral.run("run", "--check", coral.script(text)).code == 0


def test_the_shell_completes_choices(coral: Program) -> None:
    path = coral.script(LIMITED)
    assert complete(coral, path, "-p", "size=") == ["size=1", "size=2"]
    assert complete(coral, path, "-p", "only=") == ["only=true"]
    assert complete(coral, path, "-p", "share=") == ["share=0.5", "share=1"]
    assert complete(coral, path, "-p", "step=") == ["step=1m", "step=3000"]
    assert complete(coral, path, "-p", "shape=") == []  # quotes mean something to a shell


def test_help_says_the_same_limits(coral: Program) -> None:
    path = coral.script(LIMITED)
    assert coral.run("run", path, "--help-script").stdout.partition("Parameters:\n")[2] == (
        """  size     1|2                     [default: 1]
  share    0.5|1                   [optional]
  only     true                    [optional]
  window   duration from 1m to 2h  [default: 5m]
  step     1m|3000                 [optional]
  shape    "flat"|{"a":1,"b":2}    [optional]
  any      json                    [optional]
  nothing  json                    [default: null]
"""
    )
    params = json.loads(coral.run("run", path, "--help-script", "-o", "json").stdout)
    assert [(param["choices"], param["min"], param["max"]) for param in params][:4] == [
        ([1, 2], 1, None),
        ([0.5, 1], None, None),
        ([True], None, None),
        ([], "1m", "2h"),
    ]
