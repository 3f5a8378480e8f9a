from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coral.config import fast_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_what_is_written_means_the_same_to_the_standard_library(value: object) -> None:
    assert json.loads(fast_json.dumps(value)) == value
    assert fast_json.dumps(value) == json.dumps(value, separators=(",", ":"))


@given(VALUES)
def test_what_the_standard_library_writes_is_read(value: object) -> None:
    assert fast_json.loads(json.dumps(value, indent=1)) == value


@pytest.mark.parametrize("text", ["", " ", "{", "[1,]", "{'a':1}", "1 2", "NaN", "[Infinity]", '"\n"', "tru"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (json's own message)
        fast_json.loads(text)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_without_a_json_form_are_refused(number: float) -> None:
    with pytest.raises(ValueError, match="is not JSON"):
        fast_json.dumps([number])


@pytest.mark.parametrize("value", [b"x", {1: 2}, {1, 2}])
def test_values_without_a_json_form_are_refused(value: object) -> None:
    with pytest.raises(TypeError):
        fast_json.dumps(value)
