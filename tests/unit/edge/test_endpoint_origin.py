"""Whose pages may open a socket, and whose token a header carries."""

from __future__ import annotations

import pytest

from edge.socket.endpoint import bearer_of, origin_allowed

ALLOWED = ("https://app.example", "http://localhost:3000")


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (None, "parley.example"),
        (None, ""),
        ("https://parley.example", "parley.example"),
        ("http://parley.example", "parley.example"),
        ("https://parley.example:8443", "parley.example:8443"),
        ("http://127.0.0.1:8000", "127.0.0.1:8000"),
        ("http://[::1]:8000", "[::1]:8000"),
        ("https://PARLEY.example ", " parley.EXAMPLE"),
        ("https://app.example", "parley.example"),
        ("HTTPS://App.Example", "parley.example"),
        ("http://localhost:3000", "parley.example"),
    ],
)
def test_a_page_of_ours_a_listed_one_and_who_is_no_page_may(origin: str | None, host: str):
    assert origin_allowed(origin, host, ALLOWED)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("null", "null"),
        ("", ""),
        ("https://evil.example", "parley.example"),
        ("https://parley.example.evil.example", "parley.example"),
        ("https://evil.example/parley.example", "parley.example"),
        ("https://parley.example@evil.example", "parley.example"),
        ("https://evil.example#parley.example", "parley.example"),
        ("https://parley.example:8443", "parley.example"),
        ("http://app.example", "parley.example"),
        ("https://app.example:443", "parley.example"),
        ("https://app.example.evil.example", "parley.example"),
        ("file://", ""),
        ("ftp://parley.example", "parley.example"),
        ("chrome-extension://parley.example", "parley.example"),
        ("http://", ""),
        ("parley.example", "parley.example"),
        ("//parley.example", "parley.example"),
        ("http://[", "["),
        ("http://]", "]"),
        ("http://parley.example\u2100", "parley.example\u2100"),
    ],
)
def test_any_other_page_may_not(origin: str, host: str):
    assert not origin_allowed(origin, host, ALLOWED)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_scheme_of_our_own_page_does_not_matter_since_a_proxy_may_have_ended_tls(scheme: str):
    assert origin_allowed(f"{scheme}://parley.example", "parley.example", ())
    assert not origin_allowed(f"{scheme}://parley.example:444", "parley.example", ())
    assert not origin_allowed(f"{scheme}://parley.example", "parley.example:444", ())


@pytest.mark.parametrize(
    ("header", "token"),
    [
        (None, None),
        ("", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("Basic abc", None),
        ("abc", None),
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
    ],
)
def test_a_bearer_token_is_taken_from_its_header(header: str | None, token: str | None):
    assert bearer_of(header) == token
