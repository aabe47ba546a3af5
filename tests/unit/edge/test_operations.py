"""Who may call a route, what its query means, and which codes follow from what it is."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import Response

from edge.api.operations import Caller, Operation, operation, parameters_in
from edge.api.requests import check_caller, query_of
from edge.auth.identity import Who
from edge.auth.tokens import Claims
from edge.problems import Problem
from storage.accounts import Account

pytestmark = pytest.mark.anyio

ID = "9a1f2c3b-7d84-4e0a-b6f5-0c1d2e3f4a5b"


class Body(msgspec.Struct):
    """What it takes."""


class Query(msgspec.Struct):
    """One parameter of each type."""

    number: Annotated[int, msgspec.Meta(ge=1, le=9)] | None = None
    text: Annotated[str, msgspec.Meta(max_length=5)] | None = None
    flag: bool = False
    kind: Literal["a", "b"] = "a"


@operation(takes=Body, gives={204: None}, by="admin", keyed=True, refuses=("closed",))
async def handler(request: Request) -> Response:
    """Do it.

    And more of it.
    """
    return Response(status_code=204)


def asking(query: str = "", *, role: str | None = None) -> Request:
    request = Request({"type": "http", "method": "GET", "query_string": query.encode(), "headers": []})
    if role is not None:
        claims = Claims(account=ID, name="Ann", email="ann@host.example", role=role, jti="x", expires_at=0.0, own=False)
        request.state.who = Who(Account(ID, "Ann", "ann@host.example", role, False), claims)
    return request


def test_a_decorated_handler_is_an_operation_that_says_what_its_docstring_says():
    assert isinstance(handler, Operation)
    assert handler.summary == "Do it."
    assert handler.description == "Do it.\n\nAnd more of it."


def test_the_codes_follow_from_what_an_operation_is():
    assert {"closed", "forbidden", "unauthenticated", "bad_frame", "id_conflict"} <= handler.codes("/x")
    assert "not_found" not in handler.codes("/x")
    assert "not_found" in handler.codes("/x/{id}")
    assert operation(gives={200: None}, by="anyone")(handler.handler).codes("/x") == {"internal"}
    assert "invalid" in operation(gives={200: None}, query=Query)(handler.handler).codes("/x")


def test_the_parameters_of_a_path_are_what_stands_in_braces():
    assert parameters_in("/a/{id}/b/{account}") == ["id", "account"]


@pytest.mark.parametrize(
    ("role", "by"),
    [("client", "client"), ("agent", "client"), ("agent", "agent"), ("admin", "agent"), ("admin", "admin")],
)
async def test_a_role_may_call_what_is_for_it_or_a_lower_one(role: str, by: Caller):
    await check_caller(asking(role=role), by)


@pytest.mark.parametrize(("role", "by"), [("client", "agent"), ("client", "admin"), ("agent", "admin")])
async def test_a_role_may_not_call_what_is_for_a_higher_one(role: str, by: Caller):
    with pytest.raises(Problem) as fault:
        await check_caller(asking(role=role), by)
    assert fault.value.code == "forbidden"


async def test_anyone_is_not_asked_for_a_token_and_nobody_else_goes_without():
    await check_caller(asking(), "anyone")
    with pytest.raises(Problem) as fault:
        await check_caller(asking(), "client")
    assert fault.value.code == "unauthenticated"


def test_a_query_is_read_by_the_types_of_its_struct():
    assert query_of(asking("number=7&text=12&flag=true&kind=b&other=1"), Query) == Query(7, "12", True, "b")
    assert query_of(asking(), Query) == Query()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("number=0", "number"),
        ("number=10", "number"),
        ("number=+1", "number"),
        ("number=1.0", "number"),
        ("number=null", "number"),
        ("number=", "number"),
        ("number=" + "1" * 30, "number"),
        ("number=%D9%A3", "number"),
        ("text=123456", "text"),
        ("flag=1", "flag"),
        ("kind=c", "kind"),
    ],
)
def test_a_query_that_says_nothing_of_the_kind_is_refused(query: str, field: str):
    with pytest.raises(Problem) as fault:
        query_of(asking(query), Query)
    assert (fault.value.code, fault.value.field) == ("invalid", field)
