"""What a policy takes out of text, by the engines of both who apply it: DuckDB and Arrow."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coral.model.redaction import DEFAULT_NAMES, MAX_NAME_LENGTH, MAX_NAMES, REDACTED, Redaction, check_names
from coral.query.redactor import Redactor, redacted

POLICY = Redaction()
GONE = REDACTED


def by_arrow(text: str, policy: Redaction = POLICY) -> str:
    return redacted([text], policy)[0]


def by_duckdb(text: str, policy: Redaction = POLICY) -> str:
    sql = f"SELECT {policy.sql('x')} FROM (SELECT ?::VARCHAR AS x)"
    with duckdb.connect() as connection:
        return str(connection.execute(sql, [text]).fetchall()[0][0])


ENGINES = pytest.mark.parametrize("engine", [by_arrow, by_duckdb])
CASES = {
    r'{"password":"a\"b","x":1}': f'{{"password":"{GONE}","x":1}}',
    '{"DB.Password" : 12.5e3, "b": true}': f'{{"DB.Password" : "{GONE}", "b": true}}',
    '{"a":{"client_secret":[1,{"y":[[["z"]]}]],"k":2}': f'{{"a":{{"client_secret":"{GONE}","k":2}}',
    '{"secret":{"a":"}"},"b":1}': f'{{"secret":"{GONE}","b":1}}',
    '{"password":' + "[" * 20 + "]" * 20 + "}": f'{{"coral.redacted":"{GONE}"}}',
    '{"http.request.header.x-user":["bob"]}': f'{{"http.request.header.x-user":"{GONE}"}}',
    '{"rpc.grpc.request.metadata.k":["v"]}': f'{{"rpc.grpc.request.metadata.k":"{GONE}"}}',
    '{"input_tokens":5,"token":7,"x-api-key":"k"}': f'{{"input_tokens":5,"token":"{GONE}","x-api-key":"{GONE}"}}',
    '{"url.full":"https://h/p?access_token=abc&y=2"}': f'{{"url.full":"https://h/p?access_token={GONE}&y=2"}}',
    r'{"m":"{\"api-key\": \"abc\", \"n\":1}"}': f'{{"m":"{{\\"api-key\\": \\"{GONE}\\", \\"n\\":1}}"}}',
    # Text that only looks as if a value followed.
    '{"m":"enter password: ","b":"c"}': '{"m":"enter password: ","b":"c"}',
    '{"m":"password","b":"c"}': '{"m":"password","b":"c"}',
    "login password=hunter2&x=1": f"login password={GONE}&x=1",
    "Authorization: Bearer abc.def": f"Authorization: {GONE}",
    "got Cookie: a=b; c=d\nnext": f"got Cookie: {GONE}\nnext",
    "{'token': 'abc def', 'z': 1}": f"{{'token': '{GONE}', 'z': 1}}",
    'secret="two words" z=1': f'secret="{GONE}" z=1',
    "x-api-key: 123, next": f"x-api-key: {GONE}, next",
    "the password is wrong": "the password is wrong",
}


@ENGINES
@pytest.mark.parametrize(("text", "expected"), CASES.items())
def test_values_are_taken_out(engine: Callable[[str], str], text: str, expected: str) -> None:
    assert engine(text) == expected
    assert engine(expected) == expected


NAMES = st.sampled_from(["password", "db.client_secret", "Set-Cookie", 'my"password', "auth_token"])
PLAIN = st.sampled_from(["a", "b.c", "token_count", 'quo"te', "", ":", "say \\"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20))
SECRET = "hunter2"
SECRETS = st.recursive(
    st.just(SECRET),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PLAIN, inner, max_size=2),
    max_leaves=4,
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(PLAIN, inner, max_size=3)
        | st.dictionaries(NAMES, SECRETS, max_size=2)
    ),
    max_leaves=12,
)


def without(document: Any) -> Any:
    """What is to be left, by way of the parsed document."""
    if isinstance(document, list):
        return [without(item) for item in document]
    if isinstance(document, dict):
        secret = ("password", "secret", "cookie")
        return {
            name: GONE
            if any(word in name.lower() for word in secret) or name.endswith("token")
            else without(value)
            for name, value in document.items()
        }
    return document


@given(DOCUMENTS)
def test_of_any_json_document_just_the_values_of_the_names_are_gone(document: Any) -> None:
    text = json.dumps({"top": document}, ensure_ascii=False, separators=(",", ":"))
    found = by_arrow(text)
    assert SECRET not in found
    assert json.loads(found) in (without({"top": document}), {"coral.redacted": GONE})
    assert by_duckdb(text) == found


def test_names_of_ones_own() -> None:
    policy = Redaction(check_names(["Tax.ID", "card*number", "*iban*"]))
    text = '{"tax-id":1,"tax.id":2,"card.the.number":"3","my-iban-x":4,"password":5}'
    expected = (
        f'{{"tax-id":1,"tax.id":"{GONE}","card.the.number":"{GONE}","my-iban-x":"{GONE}","password":5}}'
    )
    assert by_arrow(text, policy) == by_duckdb(text, policy) == expected
    assert by_arrow(text, Redaction(())) == by_duckdb(text, Redaction(())) == text


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ([1], "1 to 100 characters"),
        ([""], "1 to 100 characters"),
        (["x" * (MAX_NAME_LENGTH + 1)], "1 to 100 characters"),
        (["a b"], "expected letters"),
        (["*"], "every name"),
        ([f"n{i}" for i in range(MAX_NAMES + 1)], "at most 100"),
    ],
)
def test_names_that_cannot_be_used(names: list[object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        check_names(names)


def test_the_largest_policy_is_one_that_the_engines_take() -> None:
    names = check_names(f"*{'abcdefghij' * 9}{number}x*y" for number in range(MAX_NAMES))
    policy = Redaction(names)
    Redactor(policy)
    assert by_duckdb("a" * 1000, policy) == "a" * 1000


@pytest.mark.parametrize("text", ["red", "x[", "]y", "a [redacted] b", "d] z", "coral", ""])
def test_text_that_a_replacement_may_bring(text: str) -> None:
    assert POLICY.adds(text)


def test_the_defaults_are_names_that_can_be_used() -> None:
    assert check_names(DEFAULT_NAMES) == DEFAULT_NAMES
    assert not POLICY.adds("hunter2")
