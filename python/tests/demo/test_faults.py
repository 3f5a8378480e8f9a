"""Faults have an exact rate and repeat with the same seed."""

from __future__ import annotations

from coral.demo.shop.faults import Deck


def test_every_deck_has_one_bad_card() -> None:
    deck = Deck(12, "seed")
    for _ in range(20):
        assert sum(deck.is_bad() for _ in range(12)) == 1


def test_the_same_seed_gives_the_same_faults() -> None:
    one, other = Deck(14, "seed"), Deck(14, "seed")
    assert [one.is_bad() for _ in range(100)] == [other.is_bad() for _ in range(100)]


def test_another_seed_gives_other_faults() -> None:
    one, other = Deck(14, "seed"), Deck(14, "another")
    assert [one.is_bad() for _ in range(100)] != [other.is_bad() for _ in range(100)]


def test_between_stays_inside() -> None:
    deck = Deck(2, "seed")
    assert all(0.6 <= deck.between(0.6, 0.9) <= 0.9 for _ in range(100))
