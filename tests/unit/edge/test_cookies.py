"""When the cookies of a session count, what they are called, and what the browser is told of them."""

from __future__ import annotations

from http.cookies import SimpleCookie

import pytest
from starlette.responses import Response

from edge.auth.cookies import Asked, Cookies, Foreign, keep, names, of_page, of_request, scheme_of_page
from edge.socket.endpoint import token_of

SECURE = "__Host-parley=a; __Secure-parley-refresh=r"
PLAIN = "parley-8000=a; parley-refresh-8000=r"
BOTH = Cookies("a", "r")
LOCAL, PUBLIC = "localhost:8000", "chat.example"


def asked(
    method: str = "POST",
    host: str = PUBLIC,
    origin: str | None = None,
    site: str | None = None,
    cookies: str | None = SECURE,
) -> Asked:
    return Asked(method, host, origin, site, cookies)


@pytest.mark.parametrize(
    ("origin", "host", "scheme"),
    [
        ("https://chat.example", "chat.example", "https"),
        ("http://chat.example", "chat.example", "http"),
        ("HTTPS://Chat.Example ", " chat.example", "https"),
        ("http://[::1]:8000", "[::1]:8000", "http"),
        ("https://chat.example:444", "chat.example", None),
        ("https://evil.example", "chat.example", None),
        ("https://chat.example.evil.example", "chat.example", None),
        ("ftp://chat.example", "chat.example", None),
        ("null", "null", None),
        ("null", "chat.example", None),
        ("http://[", "[", None),
        ("http://", "", None),
        ("", "", None),
        (None, "chat.example", None),
    ],
)
def test_a_page_of_this_server_is_one_of_its_host_and_port(origin: str | None, host: str, scheme: str | None):
    assert scheme_of_page(origin, host) == scheme


@pytest.mark.parametrize(
    ("host", "scheme", "expected"),
    [
        (PUBLIC, "https", ("__Host-parley", "__Secure-parley-refresh")),
        ("chat.example:8443", "https", ("__Host-parley", "__Secure-parley-refresh")),
        (PUBLIC, "http", ("parley", "parley-refresh")),
        (LOCAL, "http", ("parley-8000", "parley-refresh-8000")),
        ("[::1]:8001", "http", ("parley-8001", "parley-refresh-8001")),
        ("[::1]", "http", ("parley", "parley-refresh")),
    ],
)
def test_without_tls_the_names_carry_the_port_which_cookies_do_not_know(host, scheme, expected):
    assert names(host, scheme) == expected


@pytest.mark.parametrize(
    "request_",
    [
        asked(origin="https://chat.example"),
        asked(host=LOCAL, origin="http://localhost:8000", cookies=PLAIN),
        asked("GET", origin="https://chat.example"),
        asked("GET"),
        asked("GET", site="same-origin"),
        asked("HEAD", site="none"),
        asked("GET", host=LOCAL, cookies=PLAIN),
        asked("DELETE", site="same-origin"),
    ],
)
def test_they_count_for_a_page_of_this_server(request_: Asked):
    assert of_request(request_) == BOTH


@pytest.mark.parametrize(
    "request_",
    [
        asked(origin="https://evil.example"),
        asked(origin="null"),
        asked(origin="https://app.chat.example", site="same-site"),
        asked(host=LOCAL, origin="http://localhost:8001", cookies=PLAIN),
        asked("GET", origin="https://evil.example"),
        asked("GET", site="cross-site"),
        asked("GET", site="same-site"),
        asked(),
        asked("PATCH", site="none"),
        asked("DELETE", site="cross-site"),
    ],
)
def test_they_count_for_no_other_page_nor_for_a_write_of_nobody_knows_whom(request_: Asked):
    with pytest.raises(Foreign):
        of_request(request_)


def test_a_page_without_tls_has_nothing_of_the_cookies_that_were_set_with_it():
    """Somebody on the way may be that page."""
    assert of_request(asked(origin="http://chat.example")) == Cookies()
    assert of_request(asked(origin="https://chat.example", cookies="parley=a; parley-refresh=r")) == Cookies()


def test_where_both_were_set_the_ones_that_need_tls_win():
    assert of_request(asked("GET", cookies=f"parley=planted; {SECURE}")) == BOTH


@pytest.mark.parametrize("cookies", [None, "", "theme=dark", "parley=; x", ";;==\x00", "__Host-parley="])
def test_who_sends_none_of_ours_is_nobody_and_not_foreign(cookies: str | None):
    for origin in ("https://evil.example", "https://chat.example", None):
        assert of_request(asked(origin=origin, cookies=cookies)) == Cookies()


def test_a_browser_keeps_them_out_of_every_scripts_reach_and_the_refresh_token_off_every_other_path():
    answer = Response()
    keep(answer, PUBLIC, "https", BOTH, (900, 86_400))
    access, refresh = (_only(line) for line in answer.headers.getlist("set-cookie"))
    for cookie in (access, refresh):
        assert cookie["httponly"] and cookie["secure"] and cookie["samesite"] == "lax" and cookie["domain"] == ""
    assert (access.key, access.value, access["path"], access["max-age"]) == ("__Host-parley", "a", "/", "900")
    assert refresh.key == "__Secure-parley-refresh"
    assert (refresh.value, refresh["path"], refresh["max-age"]) == ("r", "/api/v1/auth", "86400")


def test_without_tls_they_are_not_marked_secure_or_no_browser_would_keep_them():
    answer = Response()
    keep(answer, LOCAL, "http", BOTH, (900, 86_400))
    for cookie in map(_only, answer.headers.getlist("set-cookie")):
        assert not cookie["secure"] and cookie["httponly"]


def test_none_has_the_browser_forget_them_under_the_same_names_and_paths():
    kept, gone = Response(), Response()
    keep(kept, PUBLIC, "https", BOTH, (900, 86_400))
    keep(gone, PUBLIC, "https", Cookies(), (900, 86_400))
    before, after = ([_only(line) for line in answer.headers.getlist("set-cookie")] for answer in (kept, gone))
    assert [(one.key, one["path"]) for one in after] == [(one.key, one["path"]) for one in before]
    assert all(one["max-age"] == "0" and one.value == "" for one in after)


def test_a_socket_is_opened_by_the_cookie_of_our_own_page_alone():
    assert of_page(SECURE, PUBLIC, "https") == BOTH
    assert token_of(None, "https://chat.example", PUBLIC, SECURE) == "a"
    assert token_of(None, "http://localhost:8000", LOCAL, PLAIN) == "a"
    assert token_of("Bearer t", "https://chat.example", PUBLIC, SECURE) == "t"
    for origin in (None, "https://listed.example", "null", "http://chat.example"):
        assert token_of(None, origin, PUBLIC, SECURE) is None


def _only(line: str):
    (cookie,) = SimpleCookie(line).values()
    return cookie
