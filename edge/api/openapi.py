"""The HTTP API as an OpenAPI 3.1 document, made from the table of routes and the types that it names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from edge.api.operations import PATH_PARAMETERS, Answer, Operation, kinds_of, parameters_in
from edge.api.schemas import Schema, fields_of, schemas_of
from edge.codes import MESSAGES
from edge.problems import STATUS, Problem, ProblemDocument, problem_body
from edge.socket.frames import AnyId

Table = Mapping[str, Mapping[str, Operation]]

TAGS = {
    "auth": "Sign in with e-mail and password, keep the session, end it.",
    "me": "The account that asks.",
    "conversations": "Conversations, their members, their messages and their logs.",
    "accounts": "Other people.",
    "files": "Uploads (tus 1.0, or a form), what became of them, and addresses to have them from.",
    "scanner": "What checks files.",
    "projects": "What clients and staff work on together, and who does.",
    "admin": "For administrators: accounts, everybody's conversations (each look is noted), figures.",
    "csp-reports": "For browsers, which tell what the policy of a page stopped.",
    "health": "For whoever watches over the processes.",
}
"""What the first part of a path below /api/v1 stands for; `health` is what lies at the root."""

ABOUT = """\
Messaging between clients and staff. What is acknowledged is stored for good, once, in order.

Errors are RFC 9457 problem documents with a `code`. A write takes an `Idempotency-Key`: the same key is the same write,
for ever, over HTTP and WebSocket alike. What happens comes live over the WebSocket, which `/api/asyncapi.json`
describes. Both documents as pages, with a walk-through: `/api/docs`.
"""

KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A UUID. The same key is the same write, for ever; without one a retry is another write.",
    "example": "b7f4d2c1-6a5e-4b3c-8d9f-1e2a3b4c5d6e",
}


def document(table: Table) -> dict[str, Any]:
    """The document, as JSON decodes it."""
    operations = [operation for methods in table.values() for operation in methods.values()]
    schemas = schemas_of([ProblemDocument, *(kind for one in operations for kind in one.structs)])[1]
    refusals = {_codes_by_status(path, one) for path, methods in table.items() for one in methods.values()}
    found = {
        "openapi": "3.1.0",
        "info": {"title": "Parley", "version": "1.0.0", "description": ABOUT, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/", "description": "This edge; any other answers the same."}],
        "tags": [{"name": name, "description": words} for name, words in TAGS.items()],
        "paths": {path: _path(path, methods) for path, methods in table.items()},
        "components": {
            "schemas": schemas,
            "responses": {
                _name(status, codes): _problem(status, codes)
                for status, codes in sorted({pair for one in refusals for pair in one})
            },
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "An access token of `auth/login`, or one that the host application made.",
                }
            },
        },
    }
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(found))
    return plain


def tag_of(path: str) -> str:
    """Under which heading a path is shown."""
    parts = path.split("/")
    return parts[3] if path.startswith("/api/") else "health"


def _path(path: str, methods: Mapping[str, Operation]) -> dict[str, Any]:
    item: dict[str, Any] = {method.lower(): _operation(path, operation) for method, operation in methods.items()}
    if names := parameters_in(path):
        item["parameters"] = [
            {"name": name, "in": "path", "required": True, **_described(schemas_of([PATH_PARAMETERS[name]])[0][0])}
            for name in names
        ]
    return item


def _operation(path: str, operation: Operation) -> dict[str, Any]:
    module = operation.handler.__module__.rpartition(".")[2]
    found: dict[str, Any] = {
        "operationId": f"{module}_{operation.handler.__name__}",
        "tags": [tag_of(path)],
        "summary": operation.summary,
        "description": operation.description + _callers(operation),
        "security": [] if operation.by == "anyone" else [{"token": []}],
    }
    parameters = [
        {"name": name, "in": "query", "required": required, **_described(schema)}
        for name, schema, required in (fields_of(operation.query) if operation.query else ())
    ]
    if operation.keyed:
        parameters.append({**KEY, "schema": schemas_of([AnyId])[0][0] | {"format": "uuid"}})
    parameters += [
        {"name": name, "in": "header", "required": False, "description": words, "schema": {"type": "string"}}
        for name, words in operation.headers.items()
    ]
    if parameters:
        found["parameters"] = parameters
    if operation.raw:
        octets = {"schema": {"type": "string", "format": "binary"}}
        found["requestBody"] = {"required": False, "content": dict.fromkeys(operation.raw, octets)}
    if operation.takes is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": _media(operation.takes)}}
    found["responses"] = {
        **{str(status): _answer(status, kind) for status, kind in operation.gives.items()},
        **{
            str(status): {"$ref": f"#/components/responses/{_name(status, codes)}"}
            for status, codes in _codes_by_status(path, operation)
        },
    }
    return found


def _callers(operation: Operation) -> str:
    if operation.by == "anyone":
        return "\n\nWithout a token."
    return f"\n\nFor {'admins' if operation.by == 'admin' else 'staff'} only." if operation.by != "client" else ""


def _described(schema: Schema) -> dict[str, Any]:
    """A parameter's schema, with its words and examples where OpenAPI wants them."""
    plain = dict(schema)
    words = {"description": plain.pop("description")} if "description" in plain else {}
    return {**words, "schema": plain}


def _media(*kinds: type[msgspec.Struct]) -> dict[str, Any]:
    found, _ = schemas_of(kinds)
    return {
        "schema": found[0] if len(found) == 1 else {"anyOf": found},
        "examples": {kind.__name__: {"value": kind.EXAMPLE} for kind in kinds if hasattr(kind, "EXAMPLE")},
    }


def _answer(status: int, answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if answer is bytes:
        found["content"] = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
    elif answer is not None:
        found["content"] = {"application/json": _media(*kinds_of(answer))}
    return found


def _codes_by_status(path: str, operation: Operation) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """The statuses of the refusals, each with the codes that it may carry."""
    by_status: dict[int, list[str]] = defaultdict(list)
    for code in sorted(operation.codes(path)):
        by_status[STATUS[code]].append(code)
    return tuple((status, tuple(by_status[status])) for status in sorted(by_status))


def _name(status: int, codes: tuple[str, ...]) -> str:
    return ".".join((str(status), *codes))


def _problem(status: int, codes: tuple[str, ...]) -> dict[str, Any]:
    reference = {"$ref": "#/components/schemas/ProblemDocument"}
    found: dict[str, Any] = {
        "description": " ".join(f"`{code}`: {MESSAGES[code]}" for code in codes),
        "content": {
            "application/problem+json": {
                "schema": {"allOf": [reference, {"properties": {"code": {"enum": codes}}}]},
                "examples": {code: {"value": problem_body(Problem(code))} for code in codes},
            }
        },
    }
    if status in (429, 503):
        found["headers"] = {"Retry-After": {"description": "Whole seconds.", "schema": {"type": "integer"}}}
    if status == 401:
        found["headers"] = {"WWW-Authenticate": {"schema": {"const": "Bearer"}}}
    return found
