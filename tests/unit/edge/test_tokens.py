"""Tokens: which are believed, and each way in which one may be wrong."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from broker.node.environment import SettingError
from edge.auth.tokens import LAST_SECOND, LEEWAY_SECONDS, AuthError, Tokens
from edge.settings import EdgeSettings

SECRET = "a secret for tests only, 32 bytes or more"
SUB = "0123abcd-0123-4567-89ab-0123456789ab"
ED, EC, RSA = OKPKey.generate_key("Ed25519"), ECKey.generate_key("P-256"), RSAKey.generate_key(2048)


def tokens(jwks: Path | None = None) -> Tokens:
    return Tokens(EdgeSettings(auth_jwt_secret=SECRET, broker_addresses="ipc:///b.ipc", auth_jwks_file=str(jwks or "")))


def claims(**changed: Any) -> dict[str, Any]:
    """Claims that hold, with some changed; None leaves one out."""
    now = time.time()
    whole = {
        "sub": SUB, "name": "Ann", "email": "ann@host.example", "role": "client", "aud": "parley",
        "exp": now + 60, "jti": "t-1", **changed,
    }  # fmt: skip
    return {name: value for name, value in whole.items() if value is not None}


def signed(payload: dict[str, Any] | bytes, *, secret: str = SECRET, **header: Any) -> str:
    """A token signed by hand, so that it may hold what no library would sign."""

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    text = f"{part(json.dumps({'alg': 'HS256', **header}).encode())}.{part(body)}"
    return f"{text}.{part(hmac.digest(secret.encode(), text.encode(), hashlib.sha256))}"


@pytest.fixture
def jwks(tmp_path: Path) -> Path:
    """A key set with one key of each kind."""
    keys = [{**key.as_dict(private=False), "kid": kid} for kid, key in (("ed", ED), ("ec", EC), ("rsa", RSA))]
    return written(tmp_path, *keys, {**RSAKey.generate_key(2048).as_dict(private=False), "use": "enc", "kid": "enc"})


def written(folder: Path, *keys: dict[str, Any]) -> Path:
    path = folder / "jwks.json"
    path.write_text(json.dumps({"keys": keys}))
    return path


def test_our_own_token_holds_and_is_known_as_ours():
    made = tokens().mint(SUB, "Ann", "ann@x.example", "agent", "session-1")
    found = tokens().verify(made)
    assert (found.account, found.name, found.email, found.role, found.jti) == (
        SUB,
        "Ann",
        "ann@x.example",
        "agent",
        "session-1",
    )
    assert found.own
    assert abs(found.expires_at - time.time() - 900) < 2


def test_two_tokens_of_one_second_differ():
    issuer = tokens()
    assert issuer.mint(SUB, "A", "a@b", "agent", "s") != issuer.mint(SUB, "A", "a@b", "agent", "s")


def test_a_token_of_the_host_holds_and_is_not_ours():
    found = tokens().verify(signed(claims(sub=SUB.upper(), aud=["other", "parley"], iss="parley", extra={})))
    assert (found.account, found.own) == (SUB, False)


WRONG: dict[str, Any] = {
    "another audience": claims(aud="other"),
    "no audience": claims(aud=None),
    "audience among others that are not us": claims(aud=["a", "b"]),
    "no end": claims(exp=None),
    "ended": claims(exp=time.time() - 1),
    "an end that is text": claims(exp="2100-01-01"),
    "an end that is true": claims(exp=True),
    "an end that is no number": claims(exp=float("nan")),
    "not yet": claims(nbf=time.time() + LEEWAY_SECONDS + 3600),
    "issued in the future": claims(iat=time.time() + LEEWAY_SECONDS + 3600),
    "nbf that is a list": claims(nbf=[]),
    "no sub": claims(sub=None),
    "sub that is no UUID": claims(sub="ann"),
    "sub that is a number": claims(sub=7),
    "no name": claims(name=None),
    "an empty name": claims(name=""),
    "a name with NUL": claims(name="a\x00"),
    "a name with half a surrogate": claims(name="\ud800"),
    "a very long name": claims(name="x" * 321),
    "no email": claims(email=None),
    "no jti": claims(jti=None),
    "an unknown role": claims(role="root"),
    "no role": claims(role=None),
}


@pytest.mark.parametrize("payload", WRONG.values(), ids=WRONG)
def test_claims_that_do_not_hold_are_refused(payload: dict[str, Any]):
    with pytest.raises(AuthError):
        tokens().verify(signed(payload))


@pytest.mark.parametrize("when", [float("inf"), 10**400, 1e300])
def test_an_end_beyond_all_calendars_is_the_end_of_the_calendar(when: float):
    assert tokens().verify(signed(claims(exp=when))).expires_at == LAST_SECOND


def test_clocks_may_differ_by_half_a_minute_where_it_does_no_harm():
    now = time.time()
    assert tokens().verify(signed(claims(nbf=now + 20, iat=now + 20)))


NO_TOKENS = {
    "nothing": "",
    "one part": "abc",
    "three parts of nothing": "..",
    "not base64": "é.é.é",
    "half a surrogate": "\ud800.x.y",
    "too long": "x" * 9000,
    "unsigned": signed(claims(), alg="none").rpartition(".")[0] + ".",
    "alg none, signed": signed(claims(), alg="none"),
    "another secret": signed(claims(), secret="x" * 40),
    "HS512 named": signed(claims(), alg="HS512"),
    "alg a list": signed(claims(), alg=["HS256"]),
    "a critical extension": signed(claims(), crit=["exp"], exp=1),
    "a payload that is a list": signed(b"[]"),
    "a payload that is no JSON": signed(b"{"),
    "a payload too deep": signed(b"[" * 5000),
}


@pytest.mark.parametrize("token", NO_TOKENS.values(), ids=NO_TOKENS)
@pytest.mark.parametrize("with_keys", [False, True], ids=["secret only", "with public keys"])
def test_what_is_no_token_of_ours_is_refused(token: str, with_keys: bool, jwks: Path):
    with pytest.raises(AuthError):
        tokens(jwks if with_keys else None).verify(token)


def test_a_changed_payload_is_refused():
    head, _, signature = signed(claims()).split(".")
    other = signed(claims(role="admin")).split(".")[1]
    with pytest.raises(AuthError):
        tokens().verify(f"{head}.{other}.{signature}")


@pytest.mark.parametrize("header", ["jku", "x5u"])
def test_headers_that_point_to_a_key_are_not_looked_at(header: str):
    assert tokens().verify(signed(claims(), **{header: "https://evil.example/keys.json"}))


def test_a_key_that_a_token_brings_along_is_not_used():
    brought = OctKey.import_key(b"y" * 40)
    with pytest.raises(AuthError):
        tokens().verify(signed(claims(), secret="y" * 40, jwk=brought.as_dict()))


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize(("kid", "alg", "key"), [("ed", "EdDSA", ED), ("ec", "ES256", EC), ("rsa", "RS256", RSA)])
def test_a_public_key_verifies_with_its_one_algorithm(jwks: Path, kid: str, alg: str, key: Any):
    token = jwt.encode({"alg": alg, "kid": kid, "typ": "parley+jwt"}, claims(), key, algorithms=[alg])
    found = tokens(jwks).verify(token)
    assert (found.account, found.own) == (SUB, False), "only the secret makes sessions of ours"


def test_the_secret_holds_beside_public_keys(jwks: Path):
    assert tokens(jwks).verify(signed(claims()))
    assert tokens(jwks).verify(tokens().mint(SUB, "Ann", "a@b", "client", "s")).own


@pytest.mark.parametrize(
    ("kid", "alg"),
    [("rsa", "RS512"), ("rsa", "PS256"), ("ec", "RS256"), ("nobody", "RS256"), (None, "RS256"), ("enc", "RS256")],
)
def test_another_algorithm_or_key_than_the_keys_own_is_refused(jwks: Path, kid: str | None, alg: str):
    token = jwt.encode({"alg": alg, **({"kid": kid} if kid else {})}, claims(), RSA, algorithms=[alg])
    with pytest.raises(AuthError):
        tokens(jwks).verify(token)


def test_a_public_key_is_never_taken_for_a_secret(jwks: Path):
    pem = RSA.as_pem(private=False).decode()
    for kid in ("rsa", "ed"):
        with pytest.raises(AuthError):
            tokens(jwks).verify(signed(claims(), secret=pem, kid=kid))


def test_a_single_key_needs_no_name(tmp_path: Path):
    path = written(tmp_path, EC.as_dict(private=False))
    assert tokens(path).verify(jwt.encode({"alg": "ES256"}, claims(), EC))


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [OctKey.generate_key(256).as_dict()],
        [ECKey.generate_key("P-384").as_dict(private=False)],
        [OKPKey.generate_key("X25519").as_dict(private=False)],
        [{**RSA.as_dict(private=False), "alg": "RS512"}],
        [{**RSA.as_dict(private=False), "use": "enc"}],
        [{**RSA.as_dict(private=False), "kid": "one"}, {**EC.as_dict(private=False), "kid": "one"}],
        [{"kty": "RSA"}],
        [7],
    ],
    ids=[
        "none",
        "a secret",
        "P-384",
        "X25519",
        "another algorithm",
        "encryption",
        "one name twice",
        "half a key",
        "no key",
    ],
)
def test_a_key_set_that_cannot_be_used_is_named(tmp_path: Path, keys: list[Any]):
    with pytest.raises(SettingError, match="AUTH_JWKS_FILE"):
        tokens(written(tmp_path, *keys))


@pytest.mark.filterwarnings("ignore:Key size")
def test_a_short_rsa_key_is_refused(tmp_path: Path):
    with pytest.raises(SettingError, match="2048"):
        tokens(written(tmp_path, RSAKey.generate_key(1024).as_dict(private=False)))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b'{"keys":7}', b"\xff"])
def test_a_key_file_that_is_none_is_named(tmp_path: Path, content: bytes):
    path = tmp_path / "jwks.json"
    path.write_bytes(content)
    with pytest.raises(SettingError, match="AUTH_JWKS_FILE"):
        tokens(path)


def test_a_key_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(SettingError, match="AUTH_JWKS_FILE"):
        tokens(tmp_path / "none.json")
