"""What a chat remembers between two runs: cursors and unsent commands, in one small file."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from bench.fold import Folds, Id
from bench.outbox import Outbox


class Memory(msgspec.Struct, kw_only=True):
    """The content of the file. Bodies that were not sent yet stand in it, so only its owner may read it."""

    account: Id = ""
    epoch: str | None = None
    cursors: dict[Id, int] = {}
    outbox: list[dict[str, Any]] = []
    open: Id | None = None


class MemoryFault(Exception):
    """The state file cannot be read: the message names it and says what to do."""


def place(env: Mapping[str, str], email: str, url: str) -> Path:
    """Where the chat of this account at this server keeps its state."""
    root = env.get("XDG_STATE_HOME") or str(Path(env.get("HOME", "~")).expanduser() / ".local" / "state")
    name = re.sub(r"[^A-Za-z0-9@._-]+", "-", f"{email}-{url.partition('://')[2] or url}")
    return Path(root) / "parley" / f"{name}.json"


def recall(path: Path) -> Memory:
    """What was kept; an empty memory when there is no file. Raises MemoryFault."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Memory)
    except FileNotFoundError:
        return Memory()
    except (OSError, msgspec.DecodeError) as fault:
        raise MemoryFault(f"{path} cannot be read ({fault}). Remove it to begin anew.") from None


def keep(path: Path, memory: Memory) -> None:
    """Replace the file in one step, so that a chat killed meanwhile finds the old or the new one whole."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_suffix(f".{os.getpid()}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(msgspec.json.encode(memory))
    draft.replace(path)


def revive(memory: Memory, account: Id, outbox_limit: int = 1_000) -> tuple[Folds, Outbox]:
    """Folds at the kept cursors and the unsent commands in order; empty ones if it was another account's."""
    outbox = Outbox(limit=outbox_limit)
    if memory.account != account:
        return Folds(), outbox
    for frame in memory.outbox:
        outbox.add(frame)
    return Folds(memory.epoch, memory.cursors), outbox
