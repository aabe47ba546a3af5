"""HTML for the pages of the API: elements, and JSON Schema as tables that people can read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

import msgspec

_INLINE = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")


def words(text: str) -> str:
    """Text with `code` and **strong** as HTML; paragraphs are what empty lines part."""
    return "".join(f"<p>{inline(part)}</p>" for part in text.strip().split("\n\n"))


def inline(text: str) -> str:
    """One line of text, `code` and **strong** marked up."""

    def marked(match: re.Match[str]) -> str:
        return f"<code>{match[1]}</code>" if match[1] else f"<strong>{match[2]}</strong>"

    return _INLINE.sub(marked, escape(text, quote=False))


def block(text: str) -> str:
    """Text that a reader types or receives, as it is."""
    return f"<pre><code>{escape(text.rstrip(), quote=False)}</code></pre>"


def shown(value: Any) -> str:
    """A JSON value as a reader wants it."""
    return block(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Rows of HTML under a head."""
    top = "".join(f'<th scope="col">{one}</th>' for one in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def fields(schema: Mapping[str, Any]) -> str:
    """An object's fields: name, whether it must be there, type, words."""
    required = schema.get("required", ())
    rows = [
        (
            f"<code>{escape(name)}</code>",
            "" if name in required else '<span class="optional">optional</span>',
            type_of(field),
            inline(words_of(field)),
        )
        for name, field in schema.get("properties", {}).items()
    ]
    return table(("field", "", "type", ""), rows) if rows else "<p>An empty map.</p>"


def words_of(schema: Mapping[str, Any]) -> str:
    """A schema's description, also where it stands in one of its options."""
    if "description" in schema:
        return str(schema["description"])
    return next((str(one["description"]) for one in schema.get("anyOf", ()) if "description" in one), "")


def type_of(schema: Mapping[str, Any]) -> str:
    """A schema in few words, with links to the types that it names."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#type-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(type_of(one) for one in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " or ".join(f"<code>{escape(msgspec.json.encode(one).decode())}</code>" for one in values)
    kind = schema.get("type")
    if kind == "array":
        return f"list of {type_of(schema.get('items', {}))}{_limits(schema, 'Items')}"
    if kind == "object" and "additionalProperties" in schema:
        key = type_of({"type": "string", **schema.get("propertyNames", {})})
        return f"map of {key} to {type_of(schema['additionalProperties'])}{_limits(schema, 'Properties')}"
    if kind == "string":
        return escape(schema.get("format") or "text") + _limits(schema, "Length")
    if kind in ("integer", "number"):
        return f"{kind}{_bounds(schema)}"
    return escape(str(kind or "anything")).replace("boolean", "true or false")


def _limits(schema: Mapping[str, Any], of: str) -> str:
    least, most = schema.get(f"min{of}"), schema.get(f"max{of}")
    return f" ({_range(least, most)})" if least is not None or most is not None else ""


def _bounds(schema: Mapping[str, Any]) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if most == 2**53:
        most = None  # how far JavaScript counts exactly: true, and of no use to a reader
    told = [_range(least, most)] if least is not None or most is not None else []
    if "default" in schema:
        told.append(f"{schema['default']} if left out")
    return f" ({'; '.join(told)})" if told else ""


def _range(least: Any, most: Any) -> str:
    if most is None:
        return f"at least {least}"
    return f"at most {most:,}" if not least else f"{least} to {most:,}"
