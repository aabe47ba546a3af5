"""The verdict on a history: seven counts, all of which must be 0. Pure.

Everything is compared with the log as it stands at the end, which is the only truth there is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.faults.history import FINAL, History, Id, Operation, Reader, Stored

KINDS = ("lost", "duplicated", "misordered", "diverged", "aborted", "unentitled", "stale")


@dataclass(slots=True)
class Verdict:
    """What is wrong, in words, by kind; and how much was looked at."""

    faults: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    acked: int = 0
    failed: int = 0
    open: int = 0
    stored: int = 0
    heard: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """How many of each kind."""
        return {kind: len(found) for kind, found in self.faults.items()}

    @property
    def sound(self) -> bool:
        """Is everything 0?"""
        return not any(self.faults.values())


def judge(history: History) -> Verdict:
    """Look at everything; `history.logs`, `truth` and the readers' folds must be filled in."""
    verdict = Verdict(stale_of(history))
    by_id: dict[tuple[Id, Id, Id], list[int]] = defaultdict(list)
    for conversation, log in history.logs.items():
        verdict.stored += len(log)
        verdict.faults["misordered"] += holes(conversation, log)
        for event in log:
            by_id[conversation, event.actor, event.id].append(event.seq)
    for (conversation, actor, id), seqs in by_id.items():
        if len(seqs) > 1:
            verdict.faults["duplicated"].append(f"{id} of {conversation} is stored at {seqs}")
        if id not in history.operations and seqs != [1]:
            verdict.faults["duplicated"].append(f"{conversation}:{seqs[0]} of {actor} is a wish that nobody had")
    for operation in history.operations.values():
        seqs = by_id.get((operation.conversation, operation.actor, operation.id), [])
        verdict.acked += bool(operation.acks)
        verdict.failed += operation.failed
        verdict.open += not operation.acks and not operation.failed
        fates(operation, seqs, verdict)
    verdict.faults["misordered"] += inversions(history)
    for reader in history.readers.values():
        verdict.heard += sum(map(len, reader.heard.values()))
        verdict.faults["misordered"] += disagreements(reader, history)
        verdict.faults["unentitled"] += trespasses(reader, history)
        verdict.faults["diverged"] += divergences(reader, history)
    return verdict


def stale_of(history: History) -> dict[str, list[str]]:
    """The verdict's faults, with what the run itself noticed already in them."""
    faults: dict[str, list[str]] = {kind: [] for kind in KINDS}
    faults["stale"] += history.stale
    return faults


def holes(conversation: Id, log: list[Stored]) -> Iterator[str]:
    """Seqs are 1, 2, 3, …"""
    seqs = [event.seq for event in log]
    if seqs != list(range(1, len(log) + 1)):
        missing = sorted(set(range(1, max(seqs, default=0) + 1)) - set(seqs))
        yield f"{conversation} has holes at {missing[:5]}" if missing else f"{conversation} is numbered {seqs[:9]}…"


def fates(operation: Operation, seqs: list[int], verdict: Verdict) -> None:
    """Compare what was said of a command with what the log says."""
    said = {seq for seq, _ in operation.acks if seq is not None}
    if operation.acks and not seqs:
        verdict.faults["lost"].append(f"{operation.kind} {operation.id} was acknowledged at {sorted(said)}")
    elif len(said) > 1 or (said and said != {seqs[0]}):
        verdict.faults["duplicated"].append(f"{operation.id} was acknowledged at {sorted(said)}, is at {seqs}")
    if operation.failed and seqs:
        code = next(code for code, _ in operation.refusals if code in FINAL)
        verdict.faults["aborted"].append(f"{operation.kind} {operation.id} was refused ({code}), is at {seqs}")


def inversions(history: History) -> Iterator[str]:
    """What one client sent to one conversation lies in the log as sent.

    A command that was sent again counts as sent then (promise 4): so a pair is judged only if the last copy of the
    one left before the first copy of the other.
    """
    lanes: dict[tuple[str, Id], list[Operation]] = defaultdict(list)
    seqs: dict[Id, int] = {}
    for operation in history.operations.values():
        if operation.sends and operation.acks and operation.acks[0][0] is not None:
            seqs[operation.id] = operation.acks[0][0]
            lanes[operation.client, operation.conversation].append(operation)
    for (client, conversation), operations in lanes.items():
        ended = sorted(operations, key=lambda operation: operation.sends[-1])
        highest, at = 0, 0
        for operation in sorted(operations, key=lambda operation: operation.sends[0]):
            while at < len(ended) and ended[at].sends[-1] < operation.sends[0]:
                highest = max(highest, seqs[ended[at].id])
                at += 1
            if seqs[operation.id] < highest:
                told = f"{operation.id} is at {seqs[operation.id]}, one sent before it at {highest}"
                yield f"{client} in {conversation}: {told}"


def disagreements(reader: Reader, history: History) -> Iterator[str]:
    """What a reader was handed is what the log holds there, and its client handed on each seq once, in order."""
    for conversation, heard in reader.heard.items():
        log = {event.seq: event for event in history.logs.get(conversation, ())}
        before = 0
        for seq, kind, actor, id, _ in heard:
            event = log.get(seq)
            if event is None:
                yield f"{reader.name} heard {conversation}:{seq}, which is not in the log"
            elif (event.kind, event.actor) != (kind, actor) or (id is not None and event.id != id):
                yield f"{reader.name} heard {kind} {id} at {conversation}:{seq}, the log has {event.kind} {event.id}"
            if seq <= before:
                yield f"{reader.name} was handed {conversation}:{seq} behind {before}"
            before = seq


def trespasses(reader: Reader, history: History) -> Iterator[str]:
    """Nothing reaches who never was a member; nothing later than a removal, until the account is a member again.

    A member may read the whole log, so what lies between a removal and a return is fair as soon as the return was
    *called* (it cannot have committed earlier).
    """
    for conversation, heard in reader.heard.items():
        away: list[tuple[int, int | None, float]] = []
        member = ever = False
        for event in history.logs.get(conversation, ()):
            if event.kind == "created" and reader.account in event.members:
                member = ever = True
            elif event.kind == "member_joined" and event.account == reader.account and not member:
                member = ever = True
                if away:
                    called = history.operations.get(event.id)
                    away[-1] = (away[-1][0], event.seq, called.called if called is not None else 0.0)
            elif event.kind == "member_left" and event.account == reader.account and member:
                member = False
                away.append((event.seq, None, float("inf")))
        if not ever:
            yield f"{reader.name} heard {len(heard)} events of {conversation}, and never was a member"
            continue
        for seq, _, _, _, at in heard:
            for left, back, called_back in away:
                if seq > left and (back is None or seq < back) and at < called_back:
                    yield f"{reader.name} heard {conversation}:{seq} after its removal at {left}"


def divergences(reader: Reader, history: History) -> Iterator[str]:
    """At the end a reader shows what one shows that reads the whole log then, as far back as both remember."""
    for conversation, shown in reader.folds.items():
        truth = history.truth.get(conversation, {})
        oldest = max(shown.oldest, min(truth, default=0))
        expected = {seq: message for seq, message in truth.items() if seq >= oldest}
        found = {seq: message for seq, message in shown.messages.items() if seq >= oldest}
        if found != expected:
            seqs = sorted(seq for seq in expected.keys() | found.keys() if expected.get(seq) != found.get(seq))
            yield f"{reader.name} shows another {conversation} at {seqs[:5]}"
