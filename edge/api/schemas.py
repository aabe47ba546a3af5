"""Types as JSON Schema (2020-12), the same for both documents of the API; and examples beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from inspect import cleandoc
from typing import Any

import msgspec

Schema = dict[str, Any]
REFERENCE = "#/components/schemas/{name}"


def schemas_of(kinds: Sequence[Any]) -> tuple[list[Schema], dict[str, Schema]]:
    """A schema for each of the types, and the components that they refer to.

    Each struct becomes a component with its docstring as description and its `EXAMPLE` as example.
    """
    found, components = msgspec.json.schema_components(kinds, ref_template=REFERENCE)
    examples = {kind.__name__: kind.EXAMPLE for kind in structs_in(kinds) if hasattr(kind, "EXAMPLE")}
    for name, schema in components.items():
        if "description" in schema:
            schema["description"] = cleandoc(schema["description"])
        if name in examples:
            schema["examples"] = [examples[name]]
    return list(found), dict(sorted(components.items()))


def structs_in(kinds: Sequence[Any]) -> Iterator[type[msgspec.Struct]]:
    """Every struct in the types: themselves, in unions and lists, and in the fields of others; each once."""
    seen: set[Any] = set()
    waiting = list(reversed(kinds))
    while waiting:
        kind = waiting.pop()
        waiting += reversed(getattr(kind, "__args__", ()))
        if not isinstance(kind, type) or not issubclass(kind, msgspec.Struct) or kind in seen:
            continue
        seen.add(kind)
        yield kind
        waiting += reversed([field.type for field in msgspec.structs.fields(kind)])


def fields_of(kind: type[msgspec.Struct]) -> list[tuple[str, Schema, bool]]:
    """Each field of a flat struct: its name, its schema without null (which leaving it out says), if it is required."""
    (_,), components = schemas_of([kind])
    schema = components[kind.__name__]
    required = schema.get("required", ())
    return [(name, _without_null(field), name in required) for name, field in schema["properties"].items()]


def _without_null(schema: Schema) -> Schema:
    plain = {name: value for name, value in schema.items() if (name, value) != ("default", None)}
    options = [option for option in plain.pop("anyOf", []) if option != {"type": "null"}]
    for option in options:
        plain = {**option, **plain}
    return plain
