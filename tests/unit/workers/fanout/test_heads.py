"""Which heads are told: those of the last five seconds, or of the last minute while things settle."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workers.fanout.heads import AFTER_CHANGE_SECONDS, RECENT_SECONDS, RecentCommits, RecentHeads


def test_a_conversation_is_told_for_five_seconds_after_its_last_change():
    heads = RecentHeads()
    heads.changed("one", 10.0)
    heads.changed("two", 11.0)
    heads.changed("one", 12.0)
    assert heads.recent(12.0) == ["one", "two"]
    assert heads.recent(11.0 + RECENT_SECONDS + 0.5) == ["one"]
    assert heads.recent(12.5 + RECENT_SECONDS) == []


def test_for_a_minute_after_a_change_of_the_roster_the_last_minute_is_told():
    heads = RecentHeads()
    heads.changed("one", 10.0)
    assert heads.recent(40.0) == []
    heads.roster_changed(50.0)
    assert heads.recent(10.0 + AFTER_CHANGE_SECONDS) == ["one"]
    heads.changed("two", 100.0)
    assert heads.recent(50.0 + AFTER_CHANGE_SECONDS) == ["two"]
    assert heads.recent(50.5 + AFTER_CHANGE_SECONDS) == []


def test_what_is_older_than_a_minute_is_forgotten():
    heads = RecentHeads()
    heads.changed("one", 0.0)
    heads.changed("two", 30.0)
    heads.recent(AFTER_CHANGE_SECONDS + 1.0)
    assert len(heads) == 1
    heads.recent(AFTER_CHANGE_SECONDS + 31.0)
    assert len(heads) == 0


@given(
    st.lists(
        st.tuples(st.sampled_from(["change", "roster"]), st.sampled_from("abc"), st.sampled_from([0.5, 4.0, 30.0])),
        max_size=30,
    )
)
def test_what_is_told_is_what_changed_within_the_window(steps: list[tuple[str, str, float]]):
    heads, now = RecentHeads(), 1000.0
    changed: dict[str, float] = {}
    roster = float("-inf")
    for what, conversation, later in steps:
        now += later
        if what == "change":
            heads.changed(conversation, now)
            changed[conversation] = now
        else:
            heads.roster_changed(now)
            roster = now
        window = AFTER_CHANGE_SECONDS if now - roster <= AFTER_CHANGE_SECONDS else RECENT_SECONDS
        due = sorted((at, name) for name, at in changed.items() if now - at <= window)
        assert heads.recent(now) == [name for _, name in reversed(due)]


def test_the_greatest_head_of_each_log_is_kept_for_a_minute():
    commits = RecentCommits()
    commits.told([("one", 3), ("two", 7)], 0.0)
    commits.told([("one", 2)], 30.0)
    assert sorted(commits.all()) == [("one", 3), ("two", 7)]
    commits.told([], AFTER_CHANGE_SECONDS + 1.0)
    assert commits.all() == [("one", 3)]
    commits.told([], AFTER_CHANGE_SECONDS + 31.0)
    assert commits.all() == []


def test_the_logs_kept_are_bounded_the_oldest_go_first():
    commits = RecentCommits(limit=2)
    commits.told([("one", 1), ("two", 2), ("one", 2), ("three", 3)], 0.0)
    assert commits.all() == [("one", 2), ("three", 3)]
