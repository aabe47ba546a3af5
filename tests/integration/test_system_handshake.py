"""The handshake of a WebSocket: where there is one, for whom, and what becomes of the socket when it ends."""

from __future__ import annotations

import aiohttp
import pytest

from tests.fixtures.backbone import until
from tests.fixtures.system import Person, System

pytestmark = pytest.mark.anyio


MSGPACK, JSON = "parley.v1.msgpack", "parley.v1.json"


@pytest.fixture
def system(shared_system: System) -> System:
    """The same for all: nobody here says more than hello."""
    return shared_system


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [((JSON,), JSON), ((MSGPACK,), MSGPACK), (("chat", JSON), JSON), (("chat", JSON, MSGPACK), MSGPACK)],
)
async def test_a_subprotocol_of_ours_is_agreed_on(system: System, offered, chosen):
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{system.url}/ws", protocols=offered) as socket:
        assert socket.protocol == chosen


@pytest.mark.parametrize(
    ("headers", "protocols", "code"),
    [
        ({}, (), 4400),
        ({}, ("chat",), 4400),
        ({"Origin": "https://evil.example"}, (JSON,), 1008),
        ({"Origin": "null"}, (JSON,), 1008),
    ],
)
async def test_who_asks_for_nothing_of_ours_or_comes_from_elsewhere_is_closed(system: System, headers, protocols, code):
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{system.url}/ws", protocols=protocols, headers=headers) as socket,
    ):
        assert (await socket.receive(10)).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == code


@pytest.mark.parametrize("path", ["/", "/ws/", "/wss", "/api/v1/me"])
async def test_there_is_no_websocket_elsewhere(system: System, path):
    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.WSServerHandshakeError) as fault:
            await http.ws_connect(f"{system.url}{path}", protocols=(JSON,))
    assert fault.value.status == 404


async def test_a_get_without_an_upgrade_is_not_found_and_a_crippled_one_a_bad_request(system: System):
    status, _ = await system.http("GET", "/ws", None)
    assert status == 404
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    async with aiohttp.ClientSession() as http, http.get(f"{system.url}/ws", headers=headers) as answer:
        assert answer.status == 400


@pytest.mark.parametrize("polite", [True, False], ids=["a close frame", "a broken connection"])
async def test_a_socket_that_is_gone_leaves_its_session(system: System, polite):
    ann = Person("Ann", "agent")
    async with aiohttp.ClientSession() as http:
        socket = await http.ws_connect(f"{system.url}/ws", protocols=(JSON,))
        await socket.send_json({"type": "hello", "token": ann.token(), "client": "test/1"})
        assert (await socket.receive_json())["type"] == "ready"
        if polite:
            await socket.close()
        else:
            transport = socket._response.connection.transport
            transport.abort()
        await until(lambda: f'"account":"{ann.id}"' in closings(system))


async def test_a_page_of_ours_opens_its_socket_with_the_cookie_that_it_signed_in_with(system: System):
    new = {"email": "dora@parley.example", "name": "Dora", "role": "client", "password": "a long password"}
    status, dora = await system.http("POST", "/api/v1/admin/accounts", Person("Ada", "admin"), json=new)
    assert status == 201, dora
    page = {"Origin": system.url}
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        who = {"email": new["email"], "password": new["password"], "cookie": True}
        async with http.post(f"{system.url}/api/v1/auth/login", json=who, headers=page) as answer:
            assert answer.status == 200, await answer.text()
        async with http.ws_connect(f"{system.url}/ws", protocols=(JSON,), headers=page) as socket:
            await socket.send_json({"type": "hello", "client": "test/1"})
            ready = await socket.receive_json()
            assert (ready["type"], ready["account"]["id"]) == ("ready", dora["account"]["id"])
        async with http.ws_connect(f"{system.url}/ws", protocols=(JSON,)) as socket:
            await socket.send_json({"type": "hello", "client": "test/1"})
            assert (await socket.receive_json())["code"] == "unauthenticated"
            assert (await socket.receive(10)).type is aiohttp.WSMsgType.CLOSE
            assert socket.close_code == 4401


def closings(system: System) -> str:
    """What the edge's log says of sockets that ended."""
    lines = (system.folder / "edge.log").read_text().splitlines()
    return "\n".join(line for line in lines if '"socket.closed"' in line)
