"""Verdicts as commands for the log (pure).

The id of such a command follows from the file and the number of the verdict, so whoever says it again, from whatever
worker, says the same: the log has it once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, cast
from uuid import UUID, uuid5

from broker.wire.payloads import Command, Scanned
from storage.scans import Untold

VERDICTS = UUID("8e0d5c1b-3a72-5f46-9b1e-7c4f20a9d653")
"""The namespace of these ids; it must never change."""


def commands(untold: Iterable[Untold]) -> list[Command]:
    """What tells these conversations; files without a verdict have nothing to tell."""
    return [_command(one) for one in untold if one.state in ("clean", "infected", "rejected", "deleted")]


def _command(one: Untold) -> Command:
    verdict = cast("Literal['clean', 'infected', 'rejected', 'deleted']", one.state)
    act = Scanned(one.file, one.revision, verdict, one.reason, one.signature, one.width, one.height, one.previews)
    return Command(0, one.conversation, one.owner, str(uuid5(VERDICTS, f"{one.file}:{one.revision}")), act)
