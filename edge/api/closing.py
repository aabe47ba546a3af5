"""How things end, for the documents: which errors are final, and what each close code asks of a client."""

from __future__ import annotations

from dataclasses import dataclass

from edge.socket.session import CloseCode

FINAL = frozenset({"invalid", "forbidden", "not_found", "closed", "id_conflict"})
"""The command was not stored, and never will be."""

NOT_FINAL = frozenset({"rate_limited", "overloaded", "disabled", "unavailable"})
"""This attempt came to nothing, or nobody knows: the same command may be sent again under the same id."""


@dataclass(frozen=True, slots=True)
class Close:
    """A close code of the WebSocket."""

    code: int
    name: str
    means: str
    then: str


CLOSES = (
    Close(
        CloseCode.BAD_FRAME,
        "BAD_FRAME",
        "A frame could not be decoded, no known subprotocol was asked for, or a header that decides came twice.",
        "Mend the encoder; reconnect after a pause.",
    ),
    Close(
        CloseCode.NOT_AUTHENTICATED,
        "NOT_AUTHENTICATED",
        "No hello within 5 s, or a token that is not valid, has expired or was revoked.",
        "Get a new token, then reconnect. After an error that names a field, or says hello comes first: mend hello.",
    ),
    Close(CloseCode.FORBIDDEN, "FORBIDDEN", "Not sent in this version.", "Do not reconnect."),
    Close(
        CloseCode.SLOW_CONSUMER,
        "SLOW_CONSUMER",
        "The client did not read: 1 MiB waited, or nothing moved for 10 s.",
        "Reconnect, and resume by cursor.",
    ),
    Close(CloseCode.TOO_LARGE, "TOO_LARGE", "A decoded frame was over its own limits.", "Mend the frame."),
    Close(
        CloseCode.RATE,
        "RATE",
        "Over 100 frames a second with 400 at once allowed, pings and fragments counted, or over 64 before ready.",
        "Reconnect after a pause.",
    ),
    Close(
        CloseCode.DRAINING,
        "DRAINING",
        "This edge stops, or could not read the database at hello.",
        "Reconnect to any edge after the seconds that bye named, else after a random pause.",
    ),
    Close(CloseCode.ORIGIN, "ORIGIN", "Pages of this origin are not allowed here.", "Do not reconnect."),
    Close(1002, "PROTOCOL_ERROR", "No frame of RFC 6455: reserved bits, no mask, …", "Mend the WebSocket library."),
    Close(1007, "INVALID_DATA", "A text message was no UTF-8.", "Mend the encoder."),
    Close(1009, "MESSAGE_TOO_BIG", "A message was over 64 KiB.", "Mend the frame."),
)
