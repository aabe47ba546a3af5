"""What a stranger reads first at `/api/docs`: how to sign in, to connect, and to lose nothing."""

from __future__ import annotations

SIGN_IN = """\
curl -s http://localhost:8000/api/v1/auth/login \\
  -H 'Content-Type: application/json' \\
  -d '{"email": "clara@parley.example", "password": "…"}'
# {"access_token": "eyJ…", "refresh_token": "…", "token_type": "Bearer", "expires_in": 900, "account": {…}}

TOKEN=eyJ…
curl -s http://localhost:8000/api/v1/me -H "Authorization: Bearer $TOKEN"
"""

BEGIN = """\
curl -s 'http://localhost:8000/api/v1/accounts?query=ann' -H "Authorization: Bearer $TOKEN"
# {"items": [{"id": "77b0e6d5-…", "name": "Ann Okafor", …}], "next": null}
WHOM=77b0e6d5-…
curl -s http://localhost:8000/api/v1/projects -H "Authorization: Bearer $TOKEN"
# {"items": [{"id": "c2b1a0f9-…", "name": "Harbour Bridge", …}], "next": null}
PROJECT=c2b1a0f9-…

KEY=$(uuidgen)  # a new UUID for each wish; the same one when the wish is repeated
curl -s http://localhost:8000/api/v1/conversations \\
  -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
  -H "Idempotency-Key: $KEY" \\
  -d '{"subject": "Harbour Bridge", "members": ["'$WHOM'"], "project": "'$PROJECT'"}'
"""

CONNECT = """\
websocat --protocol parley.v1.json ws://localhost:8000/ws
"""

DIALOGUE: tuple[tuple[str, str], ...] = (
    (
        "client.hello",
        "Said within 5 s. `cursors` say how far each log was applied; without them only what is new comes. The first"
        " time there are none: leave out `epoch` and `cursors`, or those of this example are answered with `resync`.",
    ),
    ("server.ready", "You are in. It names your conversations, the epoch of all seqs, and how often to ping."),
    (
        "server.caught_up",
        "For each cursor: the events behind it, here none, and then this: the live stream goes on behind `seq`.",
    ),
    (
        "client.send",
        "A command. The `id` is yours, a new UUID in lower case; put it into an outbox before it is sent. `reply_to`"
        " only where it answers a message that is there.",
    ),
    ("server.ack", "It is stored, for good, at this seq."),
    ("event.message", "The event comes to every member, and to you, before or after the ack. All others look alike."),
    ("client.ping", "Every `heartbeat` seconds, with your cursors: what you lack is sent, then comes the pong."),
    ("server.pong", "No pong within 8 s: reconnect."),
)
"""The frames of a first session, in order."""

STEPS: tuple[str, ...] = (
    "Keep per conversation a cursor: the last seq applied. Keep the `epoch` they belong to.",
    "Give every command a UUID and put it into an outbox before it is sent.",
    "Connect, say `hello` with token, epoch and cursors.",
    "Apply an event if its seq is cursor + 1. At or below the cursor: drop it. Beyond: hold it, and `sync` from the"
    " cursor.",
    "On `caught_up` after a `sync` with `seq` < `head`: ask again.",
    "On `resync`: forget that conversation (or all), load it over HTTP, go on from its head; with `not_member` only"
    " forget it.",
    "On `ack`: take the command out of the outbox. On a final error: take it out and say so. On any other, or none"
    " within 10 s: send it again under the same id, after `retry_after` or a jittered pause, before what was said after"
    " it in that conversation.",
    "Every 25 s `ping` with your cursors. No `pong` within 8 s: reconnect.",
    "On any close, reconnect as the table says, and send what is in the outbox again, in order.",
    "On `bye`: finish reading, reconnect after its seconds, to any edge.",
)
"""A client that loses nothing; docs/protocol.md says the same."""
