"""What a route is: its handler, and all that a caller must know of it.

Each handler is decorated with `operation(…)`, which names the structs that it takes and answers; its docstring is
what the API's documents say. `edge/api/__init__.py` gives it a path and a method. From the two come the routing, the
check of who may call it, and the OpenAPI document.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from inspect import cleandoc
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from edge.socket.frames import AnyId, Emoji, Seq

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]
Answer: TypeAlias = type[msgspec.Struct] | tuple[type[msgspec.Struct], ...] | type[bytes] | None
Caller: TypeAlias = Literal["anyone", "client", "agent", "admin"]

CALLERS: Final[tuple[Caller, ...]] = ("anyone", "client", "agent", "admin")
"""Who may call: without a token, or with one of at least this role."""

PATH_PARAMETERS: dict[str, Any] = {
    "id": Annotated[
        AnyId,
        msgspec.Meta(description="The id of what the path names.", examples=["5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10"]),
    ],
    "variant": Annotated[
        str, msgspec.Meta(description="`original`, or of images `shown`, `large`, `small`.", examples=["original"])
    ],
    "account": Annotated[
        AnyId, msgspec.Meta(description="The account's id.", examples=["9a1f2c3b-7d84-4e0a-b6f5-0c1d2e3f4a5b"])
    ],
    "seq": Annotated[Seq, msgspec.Meta(description="The message's seq.", examples=[43])],
    "emoji": Annotated[Emoji, msgspec.Meta(description="The emoji, percent-encoded.", examples=["👍"])],
}
"""What may stand in braces in a path."""

_IN_BRACES = re.compile(r"{(\w+)}")
_OF_WRITES = ("invalid", "forbidden", "id_conflict", "rate_limited", "overloaded", "unavailable", "disabled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A handler with its contract.

    `takes` is the struct of the body, `query` that of the query string (each field a parameter), `gives` the struct
    of the answer by status (several: one of them; None: no body; bytes: of a file). `by` is who may call it.
    `keyed`: it is a write that takes an `Idempotency-Key`. `refuses` are the error codes beside those that follow from
    the rest (`codes`). `raw` are the media types of a body that is no JSON, `headers` what it reads of the request's
    besides, with words.
    """

    handler: Handler
    gives: Mapping[int, Answer]
    takes: type[msgspec.Struct] | None
    query: type[msgspec.Struct] | None
    by: Caller
    keyed: bool
    refuses: tuple[str, ...]
    raw: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def structs(self) -> tuple[type[msgspec.Struct], ...]:
        """What it takes and answers."""
        taken = () if self.takes is None else (self.takes,)
        return taken + tuple(kind for answer in self.gives.values() for kind in kinds_of(answer))

    @property
    def summary(self) -> str:
        """The docstring's first line."""
        return cleandoc(self.handler.__doc__ or "").partition("\n")[0]

    @property
    def description(self) -> str:
        """The whole docstring."""
        return cleandoc(self.handler.__doc__ or "")

    def codes(self, path: str) -> frozenset[str]:
        """Every error code that it may answer at `path`."""
        found = {*self.refuses, "internal"}
        if self.by != "anyone":
            # Forbidden are also pages of others that would use the session of whoever reads them.
            found |= {"unauthenticated", "forbidden", "unavailable"}
        if parameters_in(path):
            found |= {"not_found"}
        if self.takes is not None:
            found |= {"bad_frame", "invalid", "too_large"}
        if self.raw:
            found |= {"invalid", "too_large", "unsupported_type", "overloaded", "unavailable"}
        if self.query is not None:
            found |= {"invalid"}
        if self.keyed:
            found.update(_OF_WRITES)
        return frozenset(found)


def operation(
    *,
    gives: Mapping[int, Answer],
    takes: type[msgspec.Struct] | None = None,
    query: type[msgspec.Struct] | None = None,
    by: Caller = "client",
    keyed: bool = False,
    refuses: tuple[str, ...] = (),
    raw: tuple[str, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> Callable[[Handler], Operation]:
    """Make an `Operation` of the handler below; its docstring's first line is the summary."""

    def described(handler: Handler) -> Operation:
        return Operation(
            handler=handler,
            gives=gives,
            takes=takes,
            query=query,
            by=by,
            keyed=keyed,
            refuses=refuses,
            raw=raw,
            headers=headers or {},
        )

    return described


def kinds_of(answer: Answer) -> tuple[type[msgspec.Struct], ...]:
    """The structs that an answer may be."""
    if isinstance(answer, tuple):
        return answer
    return (answer,) if answer is not None and issubclass(answer, msgspec.Struct) else ()


def parameters_in(path: str) -> list[str]:
    """The names in braces of a path."""
    return _IN_BRACES.findall(path)
