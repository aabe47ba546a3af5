"""The WebSocket as an AsyncAPI 3.0 document, made from the types of its frames.

Seen from the server, as AsyncAPI wants it: what it `receive`s are the frames of clients, what it `send`s its own.
"""

from __future__ import annotations

from typing import Any, get_args

import msgspec

from edge.api.closing import CLOSES, FINAL, NOT_FINAL
from edge.api.schemas import Schema, schemas_of
from edge.codes import MESSAGES
from edge.socket.events import LogEvent
from edge.socket.frames import FRAME_BYTES, JSON, MSGPACK, SUBPROTOCOLS, ClientFrame
from edge.socket.spoken import Spoken

CLIENT_FRAMES: dict[str, type[msgspec.Struct]] = {
    str(kind.__struct_config__.tag): kind for kind in get_args(ClientFrame)
}
"""What clients say, by `type`."""

SERVER_FRAMES: dict[str, type[msgspec.Struct]] = {str(kind.__struct_config__.tag): kind for kind in get_args(Spoken)}
"""What the server says, by `type`; events excepted."""

EVENTS: dict[str, type[msgspec.Struct]] = {str(kind.__struct_config__.tag): kind for kind in get_args(LogEvent)}
"""The frames of type `event`, by `kind`."""

ANSWERS: dict[str, tuple[str, ...]] = {
    "hello": ("server.ready", "server.error"),
    "read": ("server.receipt", "server.resync", "server.error"),
    "delivered": ("server.receipt", "server.resync", "server.error"),
    "watch": ("server.presence", "server.error"),
    "sync": (*(f"event.{kind}" for kind in EVENTS), "server.caught_up", "server.resync", "server.error"),
    "ping": (*(f"event.{kind}" for kind in EVENTS), "server.caught_up", "server.resync", "server.pong", "server.error"),
}
"""What may answer a frame of a client; one with an `id` is answered by one `ack` or `error`, any other by `error`."""

ABOUT = f"""\
One socket at `/ws` carries every conversation of an account, live. Every frame is a map with a `type`.

**Encodings.** The subprotocol chooses: `{MSGPACK}` (binary messages) or `{JSON}` (text messages). The maps are
the same. Another subprotocol, or none, is closed with 4400. A message has at most {FRAME_BYTES:,} bytes; compression is
off.

**Opening.** The client says `hello` within 5 s, with a token. The server says `ready`; then, for each cursor of hello,
the events behind it and `caught_up`, or `resync`. Up to 64 frames may follow hello without waiting for `ready`.

**Commands.** What has an `id` is answered by exactly one `ack` or `error` with that id. The id (a UUID that the client
makes) is the command's identity for ever: sent again, it is not stored again. What has no id is answered by what it
brings about, or not at all.

**How much at once.** `limits` in `ready` bounds commands: beyond it `rate_limited`, with `retry_after`. A socket takes
100 frames a second of any kind, 400 at a stroke: beyond it the close code is 4429.

**Order.** Live events of a conversation come in order of `seq`. An event may come twice; a client applies `seq` =
cursor + 1, drops what is at or below its cursor, and on a gap asks `sync`. Where it has no cursor yet it begins at the
`head` that `ready` names (of one that it joins later: before the first event that comes), and reads what is earlier
over HTTP, page by page with `before`; that is no gap.

**Later versions** add fields, types and kinds: an unknown field is ignored, an unknown `type` passed over, an unknown
`kind` of event passed over and counted in the cursor.
"""


def document() -> dict[str, Any]:
    """The document, as JSON decodes it."""
    messages = _messages()
    components = schemas_of([*CLIENT_FRAMES.values(), *SERVER_FRAMES.values(), *EVENTS.values()])[1]
    found = {
        "asyncapi": "3.0.0",
        "info": {"title": "Parley", "version": "1.0.0", "description": ABOUT, "license": {"name": "Apache-2.0"}},
        "defaultContentType": "application/json",
        "servers": {
            "edge": {
                "host": "{host}",
                "protocol": "ws",
                "description": "This edge; any other answers the same. Behind TLS the protocol is `wss`.",
                "variables": {"host": {"default": "localhost:8000", "description": "Host and port of an edge."}},
                "security": [{"$ref": "#/components/securitySchemes/token"}],
            }
        },
        "channels": {"socket": _channel(list(messages))},
        "operations": _operations(),
        "components": {
            "messages": messages,
            "schemas": components,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "In `hello`, or in the handshake's `Authorization` header; never in the URL.",
                }
            },
        },
        "x-close-codes": [
            {"code": close.code, "name": close.name, "means": close.means, "then": close.then} for close in CLOSES
        ],
        "x-error-codes": [
            {"code": code, "message": message, "final": code in FINAL if code in FINAL | NOT_FINAL else None}
            for code, message in MESSAGES.items()
            if code != "method_not_allowed"
        ],
    }
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(found))
    return plain


def messages() -> dict[str, type[msgspec.Struct]]:
    """Every frame by the name of its message: `client.` or `server.` and its type, or `event.` and its kind."""
    return {
        **{f"client.{type}": frame for type, frame in CLIENT_FRAMES.items()},
        **{f"server.{type}": frame for type, frame in SERVER_FRAMES.items()},
        **{f"event.{kind}": event for kind, event in EVENTS.items()},
    }


def _messages() -> dict[str, Any]:
    found = {}
    for name, kind in messages().items():
        (schema,), _ = schemas_of([kind])
        found[name] = {
            "name": name,
            "title": name.replace(".", " "),
            "summary": first_sentence(kind),
            "payload": schema,
            "examples": [{"name": name, "payload": kind.EXAMPLE}] if hasattr(kind, "EXAMPLE") else [],
        }
    return found


def first_sentence(kind: type[msgspec.Struct]) -> str:
    """Of a struct's docstring."""
    return " ".join((kind.__doc__ or "").split()).partition(". ")[0].rstrip(".") + "."


def _channel(names: list[str]) -> dict[str, Any]:
    headers: Schema = {
        "type": "object",
        "properties": {
            "Sec-WebSocket-Protocol": {"type": "string", "enum": list(SUBPROTOCOLS)},
            "Authorization": {"type": "string", "description": "`Bearer` and a token, when hello carries none."},
            "Origin": {"type": "string", "description": "A browser's must be the edge's own or an allowed one."},
        },
        "required": ["Sec-WebSocket-Protocol"],
    }
    return {
        "address": "/ws",
        "title": "The socket",
        "description": "Everything that one session says and hears.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {"ws": {"method": "GET", "headers": headers, "bindingVersion": "0.1.0"}},
    }


def _operations() -> dict[str, Any]:
    channel = {"$ref": "#/channels/socket"}
    found: dict[str, Any] = {}
    for name, kind in CLIENT_FRAMES.items():
        found[f"receive.{name}"] = {
            "action": "receive",
            "channel": channel,
            "summary": f"A client says `{name}`.",
            "messages": [_on_channel(f"client.{name}")],
            "reply": {"channel": channel, "messages": [_on_channel(one) for one in answers(name, kind)]},
        }
    events = [f"event.{kind}" for kind in EVENTS]
    for name in [*SERVER_FRAMES, "event"]:
        found[f"send.{name}"] = {
            "action": "send",
            "channel": channel,
            "summary": f"The server says `{name}`.",
            "messages": [_on_channel(one) for one in (events if name == "event" else [f"server.{name}"])],
        }
    return found


def answers(name: str, kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """The messages that may answer a client's frame."""
    return ANSWERS.get(name, ("server.ack", "server.error") if "id" in kind.__struct_fields__ else ("server.error",))


def _on_channel(name: str) -> dict[str, str]:
    return {"$ref": f"#/channels/socket/messages/{name}"}
