"""Who owns a key: everyone says the same, and only what must move moves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from broker.flow import shards
from broker.flow.shards import Shards, owner

KEYS = [f"conversation-{number}" for number in range(200)]
nodes = st.frozensets(st.text("abcdef-0123", min_size=1, max_size=8), min_size=1, max_size=8)


@given(nodes, st.data())
def test_when_a_node_goes_only_its_own_keys_move(before, data):
    lost = data.draw(st.sampled_from(sorted(before)))
    for key in KEYS:
        was, now = owner(key, before), owner(key, before - {lost})
        assert was in (now, lost)


@given(nodes, st.text(min_size=1, max_size=8))
def test_when_a_node_comes_it_takes_keys_and_nobody_else_does(before, new):
    for key in KEYS:
        was, now = owner(key, before), owner(key, before | {new})
        assert now in (was, new)


@given(nodes)
def test_the_order_in_which_nodes_are_named_does_not_matter(some):
    assert [owner(key, sorted(some)) for key in KEYS] == [owner(key, sorted(some, reverse=True)) for key in KEYS]


def test_keys_are_spread_over_the_nodes():
    counts = dict.fromkeys(("persistence-1", "persistence-2", "persistence-3"), 0)
    for number in range(3_000):
        counts[owner(f"key-{number}", counts)] += 1
    assert all(800 < count < 1_200 for count in counts.values())


def test_nobody_owns_anything_where_nobody_is():
    assert owner("key", ()) is None
    assert Shards().owner("key") is None


def test_the_choice_is_the_same_in_every_release():
    """Two releases run side by side during an upgrade; a changed hash would give each key two owners."""
    names = ["persistence-aa", "persistence-bb", "persistence-cc"]
    assert [owner(key, names)[-2:] for key in KEYS[:8]] == ["bb", "cc", "aa", "bb", "aa", "bb", "bb", "bb"]


@given(st.lists(nodes, min_size=1, max_size=5))
def test_remembered_owners_are_forgotten_when_the_nodes_change(sets):
    remembered = Shards()
    for some in sets:
        remembered.change(some)
        assert [remembered.owner(key) for key in KEYS[:20]] == [owner(key, some) for key in KEYS[:20]]
        assert [remembered.owner(key) for key in KEYS[:20]] == [owner(key, some) for key in KEYS[:20]]


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(shards, "CACHED_KEYS", 10)
    remembered = Shards()
    remembered.change({"a", "b"})
    for key in KEYS:
        assert remembered.owner(key) == owner(key, {"a", "b"})
        assert len(remembered._owners) <= 10
