"""Problem documents: every code has a status and words, and `Retry-After` is where it belongs."""

from __future__ import annotations

import orjson
import pytest

from edge.codes import MESSAGES
from edge.problems import STATUS, Problem, problem_response


@pytest.mark.parametrize("code", STATUS)
def test_every_code_becomes_a_whole_document(code: str):
    answer = problem_response(Problem(code))
    body = orjson.loads(answer.body)
    assert answer.media_type == "application/problem+json"
    assert answer.status_code == body["status"] == STATUS[code]
    assert (body["code"], body["title"], body["detail"]) == (code, MESSAGES[code], MESSAGES[code])
    assert "field" not in body
    assert ("retry_after" in body) == (answer.status_code == 503)


def test_codes_of_the_socket_alone_have_no_status():
    assert MESSAGES.keys() - STATUS.keys() == {"unknown_type"}


def test_what_the_refuser_knows_is_told():
    answer = problem_response(Problem("rate_limited", "Slower.", field="x", retry_after=1.2))
    body = orjson.loads(answer.body)
    assert (body["detail"], body["field"], body["retry_after"]) == ("Slower.", "x", 1.2)
    assert answer.headers["retry-after"] == "2"


def test_retry_after_is_never_zero():
    assert problem_response(Problem("rate_limited", retry_after=0.001)).headers["retry-after"] == "1"


def test_a_401_says_how_to_sign_in():
    assert problem_response(Problem("unauthenticated")).headers["www-authenticate"] == "Bearer"
    assert "www-authenticate" not in problem_response(Problem("forbidden")).headers
