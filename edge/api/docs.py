"""`/api/docs`: both documents of the API as one page, rendered here: no scripts, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from edge.api import guide
from edge.api.markup import block, fields, inline, shown, table, type_of, words

Document = Mapping[str, Any]

METHODS = ("get", "head", "options", "post", "put", "patch", "delete")
SIDES = (
    ("client", "Frames of the client"),
    ("server", "Frames of the server"),
    ("event", "Events, by kind"),
)
PARTS = [
    ("start", "Getting started"),
    ("steps", "Losing nothing"),
    ("http", "HTTP"),
    ("socket", "WebSocket"),
    ("errors", "Error codes"),
    ("closes", "Close codes"),
    ("types", "Types"),
]
"""Anchors and titles; they stand first, since the list of routes behind them is long."""


def page(http: Document, socket: Document) -> str:
    """The page for these OpenAPI and AsyncAPI documents."""
    parts = [*_guide(socket), *_http(http), *_socket(socket), *_endings(http, socket), *_types(http, socket)]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Parley: the API</title>'
        '<link rel="stylesheet" href="/api/docs/docs.css"></head><body>'
        f"<nav>{_contents(http, socket)}</nav><main>{''.join(parts)}</main></body></html>"
    )


def _contents(http: Document, socket: Document) -> str:
    routes = [(_anchor(one), f"{_method(one[0])} {_short(one[1])}") for one in _operations(http)]
    frames = [(f"frame-{name}", f"<code>{escape(name)}</code>") for name in socket["components"]["messages"]]
    groups = [
        ("Parts", PARTS),
        ("HTTP", routes),
        ("Frames", frames),
        ("For programs", []),
    ]
    listed = "".join(f"<h4>{title}</h4><ul>{''.join(map(_entry, items))}</ul>" for title, items in groups)
    files = "".join(f'<li><a href="/api/{name}.json">{name}.json</a></li>' for name in ("openapi", "asyncapi"))
    return f"{listed}<ul>{files}</ul>"


def _entry(item: tuple[str, str]) -> str:
    return f'<li><a href="#{escape(item[0])}">{item[1]}</a></li>'


def _guide(socket: Document) -> Iterator[str]:
    messages = socket["components"]["messages"]
    yield '<h1>Parley: the API</h1><h2 id="start">Getting started</h2>'
    yield words(
        "**Sign in.** An access token opens everything else, here and on the WebSocket. `auth/refresh` renews it; a"
        " socket lives as long as the token that opened it: then it closes with 4401, and one connects with the next."
        " For `localhost:8000` write the address of your edge."
    )
    yield block(guide.SIGN_IN)
    yield words(
        "**Begin a conversation.** With whom, and in which project (staff may leave it out). The `Idempotency-Key`"
        " makes a repeated request harmless."
    )
    yield block(guide.BEGIN)
    yield words(
        "**Connect.** Any client of WebSockets will do; this one is typed into. Each line is a frame, so write"
        " each of the following on one line."
    )
    yield block(guide.CONNECT)
    for name, said in guide.DIALOGUE:
        who = "You say" if name.startswith("client.") else "The server says"
        link = f'<a href="#frame-{name}"><code>{escape(name)}</code></a>'
        yield f"<h4>{who} {link}</h4><p>{inline(said)}</p>{shown(messages[name]['examples'][0]['payload'])}"
    steps = "".join(f"<li>{inline(step)}</li>" for step in guide.STEPS)
    yield f'<h2 id="steps">A client that loses nothing</h2><ol>{steps}</ol>'


def _http(http: Document) -> Iterator[str]:
    yield f'<h2 id="http">HTTP</h2>{words(http["info"]["description"])}'
    for tag in http["tags"]:
        yield f"<h2>{escape(tag['name'])}</h2>{words(tag['description'])}"
        for method, path, operation in _operations(http):
            if tag["name"] in operation["tags"]:
                yield from _route(http, method, path, operation)


def _operations(http: Document) -> list[tuple[str, str, Document]]:
    return [
        (method, path, item[method]) for path, item in http["paths"].items() for method in METHODS if method in item
    ]


def _route(http: Document, method: str, path: str, operation: Document) -> Iterator[str]:
    yield f'<h3 id="{_anchor((method, path, operation))}">{_method(method)} {escape(path)}</h3>'
    yield words(operation["description"])
    parameters = [*http["paths"][path].get("parameters", []), *operation.get("parameters", [])]
    if parameters:
        rows = [
            (
                f"<code>{escape(one['name'])}</code>",
                escape(one["in"]) + ("" if one["required"] else ', <span class="optional">optional</span>'),
                type_of(one["schema"]),
                inline(one.get("description", "")),
            )
            for one in parameters
        ]
        yield f"<h4>Parameters</h4>{table(('name', 'in', 'type', ''), rows)}"
    if "requestBody" in operation:
        yield f"<h4>Body</h4>{_content(http, operation['requestBody']['content'])}"
    for status, answer in operation["responses"].items():
        if "$ref" not in answer:
            yield f"<h4>{status} {escape(answer['description'])}</h4>{_content(http, answer.get('content', {}))}"
    refusals = [
        f"<li>{one.partition('.')[0]}: {', '.join(_code(code) for code in one.split('.')[1:])}</li>"
        for one in (answer["$ref"].rpartition("/")[2] for answer in operation["responses"].values() if "$ref" in answer)
    ]
    if refusals:
        yield f"<h4>Refusals</h4><ul>{''.join(refusals)}</ul>"


def _content(http: Document, content: Document) -> str:
    found = []
    for kind, media in content.items():
        if media["schema"].get("format") == "binary":
            found.append(f"<p>Bytes: <code>{escape(kind)}</code></p>")
            continue
        for one in media["schema"].get("anyOf", [media["schema"]]):
            name = one["$ref"].rpartition("/")[2]
            found.append(f"<p>{type_of(one)}</p>{fields(http['components']['schemas'][name])}")
        found += [
            f"<details><summary>Example</summary>{shown(one['value'])}</details>" for one in media["examples"].values()
        ]
    return "".join(found)


def _socket(socket: Document) -> Iterator[str]:
    yield f'<h2 id="socket">WebSocket</h2>{words(socket["info"]["description"])}'
    messages, schemas = socket["components"]["messages"], socket["components"]["schemas"]
    replies = {
        _names(operation["messages"])[0]: _names(operation["reply"]["messages"])
        for operation in socket["operations"].values()
        if "reply" in operation
    }
    for side, title in SIDES:
        yield f"<h2>{title}</h2>"
        for name, message in messages.items():
            if name.startswith(f"{side}."):
                schema = schemas[message["payload"]["$ref"].rpartition("/")[2]]
                yield f'<h3 id="frame-{name}"><code>{escape(name)}</code></h3>{words(schema["description"])}'
                yield fields(schema)
                if name in replies:
                    links = [f'<a href="#frame-{one}"><code>{escape(one)}</code></a>' for one in replies[name]]
                    yield f"<p>What may answer it: {', '.join(links)}</p>"
                yield shown(message["examples"][0]["payload"])


def _names(references: list[dict[str, str]]) -> list[str]:
    return [one["$ref"].rpartition("/")[2] for one in references]


def _endings(http: Document, socket: Document) -> Iterator[str]:
    statuses = {
        code: name.partition(".")[0] for name in http["components"]["responses"] for code in name.split(".")[1:]
    }
    final = {True: "yes", False: "no", None: ""}
    yield '<h2 id="errors">Error codes</h2>'
    yield words(
        "**Final:** it was not stored and never will be. **Not final:** send the same again, under the same id."
        " **Neither:** it speaks of a frame, a token or a request, and of no command: mend it, and ask again what was"
        " not answered."
    )
    yield table(
        ("code", "HTTP", "final", "means"),
        [
            (
                f'<code id="code-{one["code"]}">{one["code"]}</code>',
                statuses.get(one["code"], ""),
                final[one["final"]],
                inline(one["message"]),
            )
            for one in socket["x-error-codes"]
        ],
    )
    yield '<h2 id="closes">Close codes</h2>'
    yield words("A reconnect waits a random time between 0 and a bound that doubles from 0.5 s to 30 s (full jitter).")
    rows = [
        (f"<code>{one['code']}</code>", escape(one["name"]), inline(one["means"]), inline(one["then"]))
        for one in socket["x-close-codes"]
    ]
    yield table(("code", "name", "means", "the client then"), rows)


def _types(http: Document, socket: Document) -> Iterator[str]:
    yield '<h2 id="types">Types</h2>'
    for name, schema in sorted({**socket["components"]["schemas"], **http["components"]["schemas"]}.items()):
        yield f'<h3 id="type-{escape(name)}">{escape(name)}</h3>{words(schema.get("description", ""))}{fields(schema)}'


def _short(path: str) -> str:
    """A path for a narrow column: without what all begin with, and broken before slashes only."""
    return escape(path.removeprefix("/api/v1")).replace("/", "<wbr>/")


def _anchor(one: tuple[str, str, Document]) -> str:
    return escape(str(one[2]["operationId"]))


def _method(method: str) -> str:
    return f'<span class="method {method}">{method.upper()}</span>'


def _code(code: str) -> str:
    return f'<a href="#code-{code}"><code>{code}</code></a>'
