"""Tokens that somebody made up, altered, kept too long or took from elsewhere: refused over HTTP and at hello alike.

The server knows a secret and a public key here, so that one can be tried in the place of the other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from storage import embedded
from tests.fixtures.postgres import fresh_database
from tests.fixtures.rawsocket import raw_socket
from tests.fixtures.system import SECRET, Person, System, running_system

pytestmark = pytest.mark.anyio

HOST, ATTACKER = RSAKey.generate_key(2048), RSAKey.generate_key(2048)
CURVE = ECKey.generate_key("P-256")
ANN = Person("Ann", "client")
THEIRS = "y" * 40


@pytest.fixture(scope="module")
async def whole(postgres: embedded.Server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """One Parley for all tests here, which believes a secret and a key."""
    jwks = tmp_path_factory.mktemp("keys") / "jwks.json"
    jwks.write_text(json.dumps({"keys": [{**HOST.as_dict(private=False), "kid": "host"}]}))
    with fresh_database(postgres) as url:
        async with running_system(url, AUTH_JWKS_FILE=str(jwks)) as system:
            yield system


def claims(**changed: Any) -> dict[str, Any]:
    """Claims that hold, with some changed."""
    whole = {
        "sub": ANN.id, "name": "Ann", "email": "ann@host.example", "role": "client", "aud": "parley",
        "exp": time.time() + 60, "jti": "t-1",
    }  # fmt: skip
    return {**whole, **changed}


def coded(part: dict[str, Any] | bytes) -> str:
    data = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(payload: dict[str, Any], secret: bytes | str = SECRET, **header: Any) -> str:
    """A token with any header, its signature by HMAC-SHA256."""
    text = f"{coded({'alg': 'HS256', 'typ': 'JWT', **header})}.{coded(payload)}"
    key = secret.encode() if isinstance(secret, str) else secret
    return f"{text}.{coded(hmac.digest(key, text.encode(), hashlib.sha256))}"


def unsigned(**header: Any) -> str:
    return f"{coded(header)}.{coded(claims(role='admin'))}."


def altered() -> str:
    head, _, signature = signed(claims()).split(".")
    return f"{head}.{coded(claims(role='admin'))}.{signature}"


def by_key(key: Any, alg: str, **header: Any) -> str:
    return jwt.encode({"alg": alg, **header}, claims(), key, algorithms=[alg])


PUBLIC = HOST.as_pem(private=False)
ELSEWHERE = "https://evil.example/keys.json"
HOSTILE: dict[str, Callable[[], str]] = {
    "alg none": lambda: unsigned(alg="none"),
    "alg None": lambda: unsigned(alg="None"),
    "alg nOnE": lambda: unsigned(alg="nOnE"),
    "no alg": lambda: unsigned(typ="JWT"),
    "alg none, signed": lambda: signed(claims(), alg="none"),
    "alg none, with the key's name": lambda: unsigned(alg="none", kid="host"),
    "the public key as a secret": lambda: signed(claims(), PUBLIC),
    "the public key as a secret, by its name": lambda: signed(claims(), PUBLIC, kid="host"),
    "the public key as a secret, as JSON": lambda: signed(claims(), json.dumps(HOST.as_dict(private=False))),
    "RS256 named, signed with the secret": lambda: signed(claims(), alg="RS256", kid="host"),
    "HS512 named": lambda: signed(claims(), alg="HS512"),
    "PS256 by the right key": lambda: by_key(HOST, "PS256", kid="host"),
    "ES256 by another's key": lambda: by_key(CURVE, "ES256", kid="host"),
    "RS256 by another's key": lambda: by_key(ATTACKER, "RS256", kid="host"),
    "jku": lambda: by_key(ATTACKER, "RS256", jku=ELSEWHERE),
    "jku, with the key's name": lambda: by_key(ATTACKER, "RS256", jku=ELSEWHERE, kid="host"),
    "x5u": lambda: by_key(ATTACKER, "RS256", x5u=ELSEWHERE),
    "a key that it brings along": lambda: by_key(ATTACKER, "RS256", jwk=ATTACKER.as_dict(private=False)),
    "a secret that it brings along": lambda: signed(claims(), THEIRS, jwk=OctKey.import_key(THEIRS).as_dict()),
    "kid that is a path": lambda: signed(claims(), b"\x00", kid="../../../../dev/null"),
    "kid that is SQL": lambda: signed(claims(), "x", kid="' UNION SELECT 'x"),
    "kid that is a list": lambda: signed(claims(), THEIRS, kid=["host"]),
    "kid of nobody": lambda: by_key(ATTACKER, "RS256", kid="nobody"),
    "another secret": lambda: signed(claims(), THEIRS),
    "an empty secret": lambda: signed(claims(), ""),
    "our name as issuer, another's key": lambda: signed(claims(iss="parley"), THEIRS, typ="parley+jwt"),
    "another role written in": altered,
    "the signature left out": lambda: signed(claims()).rpartition(".")[0] + ".",
    "another audience": lambda: signed(claims(aud="other")),
    "no audience": lambda: signed({name: value for name, value in claims().items() if name != "aud"}),
    "ended": lambda: signed(claims(exp=time.time() - 1)),
    "never ending": lambda: signed({name: value for name, value in claims().items() if name != "exp"}),
    "not yet": lambda: signed(claims(nbf=time.time() + 3600)),
    "issued in the future": lambda: signed(claims(iat=time.time() + 3600)),
    "a role that there is not": lambda: signed(claims(role="root")),
}


async def refused(system: System, token: str) -> None:
    """Over HTTP, at hello, and in the header of the handshake: the same answer."""
    answered = await system.http("GET", "/api/v1/me", None, headers={"Authorization": f"Bearer {token}"})
    assert (answered[0], answered[1]["code"]) == (401, "unauthenticated")
    for hello, headers in (({"token": token}, {}), ({}, {"Authorization": f"Bearer {token}"})):
        async with raw_socket(system.url, headers=headers) as socket:
            await socket.say({"type": "hello", **hello})
            assert (await socket.hear())["code"] == "unauthenticated"
            assert await socket.closed() == 4401


async def believed(system: System, token: str) -> None:
    """Over HTTP and at hello."""
    assert (await system.http("GET", "/api/v1/me", None, headers={"Authorization": f"Bearer {token}"}))[0] == 200
    async with raw_socket(system.url, token=token) as socket:
        assert (await socket.hear())["type"] == "ready"


@pytest.mark.parametrize("made", HOSTILE.values(), ids=HOSTILE)
async def test_a_token_that_does_not_hold_is_refused_everywhere(whole: System, made: Callable[[], str]):
    await refused(whole, made())


async def test_a_token_that_holds_is_believed_whoever_it_names_as_issuer(whole: System):
    for token in (signed(claims()), signed(claims(iss="https://host.example"), jku=ELSEWHERE), by_key(HOST, "RS256")):
        await believed(whole, token)


async def test_a_token_that_was_revoked_is_refused_everywhere(whole: System):
    token = signed(claims(jti="revoked"))
    await believed(whole, token)
    async with raw_socket(whole.url, token=token) as socket:
        await socket.hear_type("ready")
        headers = {"Authorization": f"Bearer {token}"}
        assert (await whole.http("POST", "/api/v1/auth/logout", None, headers=headers))[0] == 204
        assert await socket.closed() == 4401
    await refused(whole, token)


async def test_a_refresh_token_is_no_access_token_and_the_other_way_round(whole: System):
    root = Person("Root", "admin")
    account = {"email": "dora@parley.example", "role": "client", "password": "a long password"}
    assert (await whole.http("POST", "/api/v1/admin/accounts", root, json=account))[0] == 201
    del account["role"]
    status, session = await whole.http("POST", "/api/v1/auth/login", None, json=account)
    assert status == 200
    await believed(whole, session["access_token"])
    await refused(whole, session["refresh_token"])
    wrong = {"refresh_token": session["access_token"]}
    assert (await whole.http("POST", "/api/v1/auth/refresh", None, json=wrong))[0] in (401, 422)
