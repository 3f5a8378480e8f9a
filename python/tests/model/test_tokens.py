"""Tokens, and those that scripts get."""

from __future__ import annotations

import hashlib

from coral.model.tokens import digest_of, new_token, number_of, read_script_token, script_token


def test_a_token_has_256_random_bits_and_is_known_by_its_hash() -> None:
    one, two = new_token(), new_token()
    assert one != two
    assert one.startswith("coral_")
    assert len(bytes.fromhex(one.removeprefix("coral_"))) == 32
    assert digest_of(one) == hashlib.sha256(one.encode()).digest()


def test_a_script_token_is_known_by_the_hash_of_the_token_that_it_was_made_from() -> None:
    token, other = new_token(), new_token()
    made = script_token(token, ends=1_900_000_000)
    read = read_script_token(made)
    assert read is not None
    assert read.ends == 1_900_000_000
    assert read.number == number_of(digest_of(token))
    assert read.is_made_of(digest_of(token))
    assert not read.is_made_of(digest_of(other))
    for secret in (token, token.removeprefix("coral_"), digest_of(token).hex()):
        assert secret not in made


def test_a_changed_script_token_is_made_of_nothing() -> None:
    token = new_token()
    made = script_token(token, ends=1_900_000_000)
    for changed in (
        made.replace("1900000000", "1900000001"),
        made[:-1] + ("0" if made[-1] != "0" else "1"),
        made[:-1],
        made + "0",
    ):
        read = read_script_token(changed)
        assert read is not None
        assert not read.is_made_of(digest_of(token)), changed


def test_other_texts_are_no_script_tokens() -> None:
    for text in (
        "",
        "coral_ab",
        "corals_",
        "corals_a.b.c",
        "corals_a.-1.c",
        "corals_a.١.c",
        "corals_a." + "1" * 20,
    ):
        assert read_script_token(text) is None, text
