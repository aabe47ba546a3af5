"""What an administrator does on one edge holds on the sockets of another within five seconds."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from tests.fixtures.rawsocket import RawSocket, raw_socket
from tests.fixtures.system import Person, System

pytestmark = pytest.mark.anyio

SECONDS = 5.0


class Signed(Person):
    """Somebody who signed in at Parley."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.id, self.name, self.role = (answer["account"][field] for field in ("id", "name", "role"))
        self._token: str = answer["access_token"]

    def token(self, **claims: Any) -> str:
        return self._token


async def signed_in(system: System, admin: Person, name: str, role: str) -> Signed:
    """A new account of that role, with a session."""
    wish = {"email": f"{name}@parley.example", "role": role, "password": "a long password"}
    status, _ = await system.http("POST", "/api/v1/admin/accounts", admin, json=wish)
    assert status == 201
    credentials = {"email": wish["email"], "password": wish["password"]}
    status, answer = await system.http("POST", "/api/v1/auth/login", None, json=credentials)
    assert status == 200
    return Signed(answer)


async def test_suspensions_ended_sessions_and_roles_hold_elsewhere_within_five_seconds(system: System):
    system.start("edge-2")
    await system.ready()
    elsewhere = f"http://127.0.0.1:{system.ports['edge-2']}"
    admin, guest = Person("Ada", "admin"), Person("Gus", "client")
    dora, amir = [await signed_in(system, admin, name, role) for name, role in (("dora", "client"), ("amir", "agent"))]
    talk = await system.conversation(amir, guest, dora)

    async def change(who: Person, **fields: Any) -> None:
        status, _ = await system.http("PATCH", f"/api/v1/admin/accounts/{who.id}", admin, json=fields)
        assert status == 200

    async def hears_its_end(socket: RawSocket) -> None:
        assert await asyncio.wait_for(socket.closed(), SECONDS) == 4401

    async with (
        raw_socket(elsewhere, token=guest.token()) as guests,
        raw_socket(elsewhere, token=dora.token()) as doras,
        raw_socket(elsewhere, token=amir.token()) as amirs,
    ):
        for socket in (guests, doras, amirs):
            await socket.hear_type("ready")
        await change(guest, suspended=True)
        status, _ = await system.http("DELETE", f"/api/v1/admin/accounts/{dora.id}/sessions", admin)
        assert status == 204
        await change(amir, role="client")
        seat = f"/api/v1/conversations/{talk}/members/{admin.id}"
        assert (await system.http("PUT", seat, amir))[0] == 403, "the log asks for the role itself"
        await asyncio.gather(hears_its_end(guests), hears_its_end(doras))
        await amirs.say({"type": "ping"})
        assert (await amirs.hear_type("pong"))["time"], "who has another role keeps the socket"

    async with asyncio.timeout(SECONDS), aiohttp.ClientSession() as http:
        headers = {"Authorization": f"Bearer {amir.token()}"}
        while True:
            async with http.get(f"{elsewhere}/api/v1/me", headers=headers) as answer:
                assert answer.status == 200
                if (await answer.json())["role"] == "client":
                    break
            await asyncio.sleep(0.05)
    async with raw_socket(elsewhere, token=amir.token()) as again:
        assert (await again.hear_type("ready"))["account"]["role"] == "client"
    async with raw_socket(elsewhere, token=dora.token()) as refused:
        assert (await refused.hear_type("error"))["code"] == "unauthenticated"
