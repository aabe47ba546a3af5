"""A server of one's own making: it speaks the protocol properly until a test tells it to misbehave.

It keeps logs in memory and answers on a real socket, so that a client can be shown what a real server does
only rarely: an ack that never comes, an event left out, a heartbeat unanswered, a `bye`, another epoch.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Self

import aiohttp
import msgspec
from aiohttp import web

ACCOUNT = "00000000-0000-4000-8000-000000000001"
OTHER = "00000000-0000-4000-8000-000000000002"
AT = "2026-11-23T04:05:06.789Z"

Frame = dict[str, Any]


def message(conversation: str, seq: int, body: str, *, actor: str = OTHER, id: str = "") -> Frame:
    """A message event as the protocol shapes it."""
    return {
        "type": "event",
        "conversation": conversation,
        "seq": seq,
        "kind": "message",
        "actor": actor,
        "at": AT,
        "id": id or f"{seq:08x}-0000-4000-8000-000000000000",
        "body": body,
        "attachments": [],
    }


class Connection:
    """One client's WebSocket, as the server sees it."""

    def __init__(self, ws: web.WebSocketResponse) -> None:
        self.ws = ws
        self.packed = ws.ws_protocol == "parley.v1.msgpack"

    async def tell(self, frame: Frame) -> None:
        """Write one frame, unless the client is gone."""
        try:
            if self.packed:
                await self.ws.send_bytes(msgspec.msgpack.encode(frame))
            else:
                await self.ws.send_str(msgspec.json.encode(frame).decode())
        except ConnectionError:
            pass


class ScriptedServer:
    """Knobs: `refusals` answer the next sends, `swallow_acks` acks are kept back though stored, `swallow_marks`
    markers get lost, events in `omit` are not sent live, `mute` answers no ping, `close_with` closes instead of
    `ready`."""

    def __init__(self) -> None:
        self.epoch = "e1"
        self.heartbeat = 25.0
        self.logs: dict[str, list[Frame]] = {}
        self.heard: list[Frame] = []
        self.requests: list[str] = []
        self.connections: list[Connection] = []
        self.refusals: deque[Frame] = deque()
        self.swallow_acks = 0
        self.swallow_marks = 0
        self.marks: dict[tuple[str, str], dict[str, int]] = {}
        self.omit: set[int] = set()
        self.mute = False
        self.close_with: int | None = None
        self.sync_limit = 200
        self.not_found: set[str] = set()
        self.alone: set[str] = set()
        self.fail_http = 0
        self.password = "demo"
        self.expires_in = 900
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen, on the port of before when there was one."""
        app = web.Application()
        app.router.add_get("/ws", self._socket)
        app.router.add_post("/api/v1/auth/login", self._login)
        app.router.add_post("/api/v1/auth/refresh", self._login)
        app.router.add_get("/api/v1/conversations", self._conversations)
        app.router.add_post("/api/v1/conversations", self._create)
        app.router.add_put("/api/v1/conversations/{id}/read", self._read)
        app.router.add_get("/api/v1/conversations/{id}", self._conversation)
        app.router.add_get("/api/v1/conversations/{id}/events", self._events)
        self._runner = web.AppRunner(app, shutdown_timeout=0.05)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Vanish: every connection breaks, the port is closed."""
        self.cut()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def cut(self) -> None:
        """Break all connections without a word."""
        for connection in self.connections:
            transport = connection.ws._req and connection.ws._req.transport
            if transport is not None:
                transport.abort()
        self.connections.clear()

    def heard_of(self, type: str) -> list[Frame]:
        """Frames of one type, in the order heard."""
        return [frame for frame in self.heard if frame["type"] == type]

    def read(self, conversation: str) -> int:
        """How far the client has read, as far as was said."""
        return self.marks.get((conversation, ACCOUNT), {"read": 0})["read"]

    async def say(
        self, conversation: str, body: str, *, actor: str = OTHER, id: str = "", reply_to: int | None = None
    ) -> Frame:
        """Somebody says something: it is logged, and sent to everybody unless its seq is in `omit`."""
        log = self.logs.setdefault(conversation, [])
        event = message(conversation, len(log) + 1, body, actor=actor, id=id)
        event |= {} if reply_to is None else {"reply_to": reply_to}
        log.append(event)
        if event["seq"] not in self.omit:
            await self.tell(event)
        return event

    async def tell(self, frame: Frame) -> None:
        """Write a frame to every client."""
        for connection in list(self.connections):
            await connection.tell(frame)

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(protocols=("parley.v1.msgpack", "parley.v1.json"), compress=False)
        await ws.prepare(request)
        connection = Connection(ws)
        async for raw in ws:
            if raw.type not in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
                break
            frame = (msgspec.msgpack if connection.packed else msgspec.json).decode(raw.data)
            self.heard.append(frame)
            if frame["type"] == "hello" and self.close_with is not None:
                await ws.close(code=self.close_with)
                break
            await getattr(self, f"_on_{frame['type']}")(connection, frame)
        if connection in self.connections:
            self.connections.remove(connection)
        return ws

    async def _on_hello(self, connection: Connection, frame: Frame) -> None:
        self.connections.append(connection)
        conversations = [{"id": c, "head": len(log), "read": 0, "unread": 0} for c, log in self.logs.items()]
        await connection.tell(
            {
                "type": "ready",
                "session": "s",
                "account": {"id": ACCOUNT, "name": "Ada", "role": "client"},
                "epoch": self.epoch,
                "time": AT,
                "heartbeat": self.heartbeat,
                "limits": {"frame": 65_536, "body": 10_000, "rate": 0.0, "burst": 30, "file": 1_000, "attachments": 10},
                "conversations": conversations,
            }
        )
        for conversation, after in frame.get("cursors", {}).items():
            if frame.get("epoch") != self.epoch:
                await connection.tell({"type": "resync", "conversation": conversation, "reason": "epoch"})
                continue
            for event in self.logs[conversation][after:]:
                await connection.tell(event)
            seq = len(self.logs[conversation])
            await connection.tell({"type": "caught_up", "conversation": conversation, "seq": seq, "head": seq})

    async def _on_send(self, connection: Connection, frame: Frame) -> None:
        if self.refusals:
            await connection.tell({"type": "error", "id": frame["id"], **self.refusals.popleft()})
            return
        conversation, log = frame["conversation"], self.logs.setdefault(frame["conversation"], [])
        event = next((e for e in log if e["id"] == frame["id"] and e["actor"] == ACCOUNT), None)
        if event is None:
            about = frame.get("reply_to")
            event = await self.say(conversation, frame["body"], actor=ACCOUNT, id=frame["id"], reply_to=about)
        if self.swallow_acks > 0:
            self.swallow_acks -= 1
            return
        await connection.tell(
            {"type": "ack", "id": frame["id"], "conversation": conversation, "seq": event["seq"], "at": AT}
        )

    async def _on_edit(self, connection: Connection, frame: Frame) -> None:
        await self._change(connection, frame, "edited", body=frame["body"])

    async def _on_delete(self, connection: Connection, frame: Frame) -> None:
        await self._change(connection, frame, "deleted")

    async def _on_react(self, connection: Connection, frame: Frame) -> None:
        await self._change(connection, frame, "reaction", emoji=frame["emoji"], on=frame["on"])

    async def _change(self, connection: Connection, frame: Frame, kind: str, **more: Any) -> None:
        log = self.logs[frame["conversation"]]
        said = {"type": "event", "conversation": frame["conversation"], "seq": len(log) + 1, "kind": kind}
        event = {**said, "actor": ACCOUNT, "at": AT, "target": frame["seq"], **more}
        log.append(event)
        await self.tell(event)
        answer = {"type": "ack", "id": frame["id"], "conversation": frame["conversation"], "seq": event["seq"]}
        await connection.tell({**answer, "at": AT})

    async def _on_sync(self, connection: Connection, frame: Frame) -> None:
        log = self.logs[frame["conversation"]]
        page = log[frame["after"] :][: min(frame["limit"], self.sync_limit)]
        for event in page:
            await connection.tell(event)
        seq = frame["after"] + len(page)
        await connection.tell(
            {"type": "caught_up", "conversation": frame["conversation"], "seq": seq, "head": len(log)}
        )

    async def _on_ping(self, connection: Connection, frame: Frame) -> None:
        if self.mute:
            return
        for conversation, seq in frame["heads"].items():
            for event in self.logs[conversation][seq:]:
                await connection.tell(event)
        await connection.tell({"type": "pong", "time": AT})

    async def _on_typing(self, connection: Connection, frame: Frame) -> None:
        await self.tell({**frame, "account": OTHER})

    async def _on_watch(self, connection: Connection, frame: Frame) -> None:
        """Nobody is there but what `tell` says."""

    async def _on_unwatch(self, connection: Connection, frame: Frame) -> None:
        """As `watch`."""

    async def _on_read(self, connection: Connection, frame: Frame) -> None:
        await self._mark(frame, read=frame["seq"], delivered=frame["seq"])

    async def _on_delivered(self, connection: Connection, frame: Frame) -> None:
        await self._mark(frame, read=0, delivered=frame["seq"])

    async def _mark(self, frame: Frame, **wish: int) -> None:
        if self.swallow_marks > 0:
            self.swallow_marks -= 1
            return
        head = len(self.logs[frame["conversation"]])
        known = self.marks.setdefault((frame["conversation"], ACCOUNT), {"read": 0, "delivered": 0})
        known.update({kind: max(known[kind], min(seq, head)) for kind, seq in wish.items()})
        await self.tell({"type": "receipt", "conversation": frame["conversation"], "account": ACCOUNT, **known})

    def _problem(self, request: web.Request) -> web.Response | None:
        self.requests.append(request.path)
        if self.fail_http > 0:
            self.fail_http -= 1
            return web.Response(status=503, text="down")
        if request.match_info.get("id") in self.not_found:
            return web.json_response({"status": 404, "code": "not_found", "title": "Not found"}, status=404)
        return None

    async def _login(self, request: web.Request) -> web.Response:
        if (problem := self._problem(request)) is not None:
            return problem
        wish = await request.json()
        if wish.get("refresh_token", f"r-{self.password}") != f"r-{self.password}" or (
            "email" in wish and wish["password"] != self.password
        ):
            problem = {"status": 401, "code": "unauthenticated", "title": "E-mail or password is wrong."}
            return web.json_response(problem, status=401)
        session = {
            "access_token": f"a{len(self.requests)}",
            "refresh_token": f"r-{self.password}",
            "expires_in": self.expires_in,
            "account": {"id": ACCOUNT, "name": "Ada", "email": "ada@example.org", "role": "client"},
        }
        return web.json_response(session)

    async def _conversations(self, request: web.Request) -> web.Response:
        items = [
            {"id": id, "subject": f"Talk {id[0]}", "head": len(log), "unread": len(log) - self.read(id)}
            for id, log in self.logs.items()
        ]
        after = int(request.query.get("after", 0))
        page = {"items": items[after : after + 1], "next": str(after + 1) if items[after + 1 :] else None}
        return self._problem(request) or web.json_response(page)

    async def _create(self, request: web.Request) -> web.Response:
        if (problem := self._problem(request)) is not None:
            return problem
        id = request.headers["Idempotency-Key"]
        wish = await request.json()
        self.logs[id] = [{"seq": 1, "kind": "created", "conversation": id, "id": id, "actor": ACCOUNT, **wish}]
        return web.json_response({"id": id, "head": 1, "subject": wish["subject"]}, status=201)

    async def _read(self, request: web.Request) -> web.Response:
        seq = (await request.json())["seq"]
        await self._mark({"conversation": request.match_info["id"]}, read=seq, delivered=seq)
        return self._problem(request) or web.Response(status=204)

    async def _conversation(self, request: web.Request) -> web.Response:
        id = request.match_info["id"]
        if (problem := self._problem(request)) is not None:
            return problem
        members = [{"account": ACCOUNT, "name": "Ada", "role": "client"}]
        if id not in self.alone:
            members.append({"account": OTHER, "name": "Bob", "role": "agent"})
        nothing = {"read": 0, "delivered": 0}
        members = [{**member, **self.marks.get((id, member["account"]), nothing)} for member in members]
        details = {"id": id, "subject": f"Talk {id[0]}", "head": len(self.logs[id]), "members": members}
        details |= {"read": members[0]["read"], "unread": 0}
        return web.json_response(details)

    async def _events(self, request: web.Request) -> web.Response:
        log = self.logs[request.match_info["id"]]
        before, limit = int(request.query["before"]), int(request.query["limit"])
        items = [event for event in log if event["seq"] < before][-limit:]
        await asyncio.sleep(0.01)
        page = {"epoch": self.epoch, "items": items, "head": len(log), "next": None}
        return self._problem(request) or web.json_response(page)
