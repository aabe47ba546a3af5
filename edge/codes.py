"""What an error code says to a person, on the WebSocket and over HTTP alike (docs/protocol.md has the list)."""

from __future__ import annotations

MESSAGES: dict[str, str] = {
    "bad_frame": "The frame cannot be understood.",
    "unknown_type": "No frame has this type.",
    "invalid": "Something in it is not valid; it was not stored.",
    "not_found": "There is no such thing, or not for you.",
    "forbidden": "You may not do this.",
    "id_conflict": "This id was used before, for something else.",
    "too_large": "It is larger than allowed.",
    "rate_limited": "Too much at once; try again shortly.",
    "overloaded": "The system is busy; try again shortly.",
    "unavailable": "It is not known whether this was stored; send it again under the same id.",
    "closed": "The conversation takes no messages.",
    "disabled": "Messaging is switched off.",
    "unauthenticated": "Sign in first.",
    "method_not_allowed": "This cannot be done here in this way.",
    "conflict": "It does not fit to how things stand; look again.",
    "quota_exceeded": "There is no room for this among the files of this account.",
    "unsupported_type": "A body of this type is not taken here.",
    "unsupported_version": "This version of the protocol is not spoken here.",
    "internal": "Something went wrong on our side.",
}
