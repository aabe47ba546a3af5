"""What this worker counts; monotone since its start."""

from __future__ import annotations

import msgspec


class Counters(msgspec.Struct):
    """Plain numbers, written by the service alone.

    `malformed` counts frames that are no commands, `overloaded` commands refused by a full queue,
    `held` commands put aside because somebody else had their conversation's row, once for each time,
    `surprises` exceptions that nobody foresaw, `unsent` answers and events that the link would not take
    (the edge resends, the feed repairs). `append_seconds` is the sum over `appends`, failed ones included.
    """

    frames: int = 0
    malformed: int = 0
    commands: int = 0
    merged: int = 0
    overloaded: int = 0
    expired: int = 0
    batches: int = 0
    appends: int = 0
    append_seconds: float = 0.0
    stored: int = 0
    replays: int = 0
    refused: int = 0
    bad: int = 0
    retries: int = 0
    held: int = 0
    surprises: int = 0
    unsent: int = 0
