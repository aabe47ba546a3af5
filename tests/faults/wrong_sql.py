"""The append function with one of its precautions taken out, in a test's own database."""

from __future__ import annotations

import psycopg

LOOK_UP = "e.conversation_id = x.conversation AND e.actor = x.actor AND e.command_id = x.command\n         WHERE"
NUMBER = """j.head + count(*) FILTER (WHERE j.verdict = 'new')
                        OVER (PARTITION BY j.conversation ORDER BY j.ord ROWS UNBOUNDED PRECEDING)"""
KNOWN = "CASE WHEN c.same THEN 'known'"
STRANGER = "CASE WHEN m.account_id IS NULL OR m.left_seq IS NOT NULL THEN 'not_found' WHEN c.same THEN 'known'"

CHANGES = {
    "dedup off": (LOOK_UP, "false\n         WHERE"),
    "seq by identity": (NUMBER, "nextval('wrong_seq')"),
    "authorise before ids": (KNOWN, STRANGER),
    "no lock": (" FOR NO KEY UPDATE", ""),
}
"""What is replaced, once, and by what."""


def spoil(database_url: str, bug: str) -> None:
    """Put the bug in; fails if the function no longer looks as the change expects."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        row = connection.execute("SELECT pg_get_functiondef('append_events'::regproc)").fetchone()
        assert row is not None
        text: str = row[0]
        before, after = CHANGES[bug]
        assert text.count(before) == 1, f"{bug}: {text.count(before)} places"
        connection.execute("CREATE SEQUENCE wrong_seq START 1000")
        connection.execute(text.replace(before, after).encode())
        if bug == "dedup off":
            connection.execute("DROP INDEX events_command")
