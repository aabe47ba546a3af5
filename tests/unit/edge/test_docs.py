"""The page for people: whole, true to both documents, and content with what this edge serves."""

from __future__ import annotations

import re
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette

from edge.api import TABLE, asyncapi, docs, documents, guide
from edge.api.markup import inline, type_of
from edge.codes import MESSAGES
from tests.fixtures.described import document

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).resolve().parents[3]
PAGE = docs.page(document(), asyncapi.document())


def test_every_link_within_the_page_leads_somewhere():
    ids = re.findall(r'\bid="([^"]+)"', PAGE)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', PAGE)) <= set(ids)


def test_every_route_and_frame_has_its_place_with_an_example():
    for path, methods in TABLE.items():
        for method in methods:
            assert f'<span class="method {method.lower()}">{method}</span> {path}</h3>' in PAGE
    for name in asyncapi.messages():
        section = PAGE.partition(f'<h3 id="frame-{name}">')[2].partition("<h3")[0]
        assert "<table>" in section
        assert "<pre>" in section


def test_every_code_is_explained():
    for code in MESSAGES.keys() - {"method_not_allowed"}:
        assert f'id="code-{code}"' in PAGE


def test_nothing_runs_and_nothing_comes_from_elsewhere():
    assert "<script" not in PAGE
    assert not re.search(r'\b(?:src|href)="(?!#|/api/)', PAGE)
    assert not re.search(r"\b(?:style|on\w+)=", PAGE)


def test_the_steps_of_a_client_that_loses_nothing_are_the_protocols():
    text = (ROOT / "docs" / "protocol.md").read_text()
    steps = text.partition("## A client that loses nothing")[2].partition("\n\n")[2].partition("\n\n")[0]
    written = [" ".join(step.split()) for step in re.split(r"^\d+\. ", steps, flags=re.MULTILINE)[1:]]
    assert tuple(written) == guide.STEPS


def test_what_is_shown_cannot_be_taken_for_markup():
    assert inline("a < `b & <i>` **c**") == "a &lt; <code>b &amp; &lt;i&gt;</code> <strong>c</strong>"


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "string", "minLength": 1, "maxLength": 10_000}, "text (1 to 10,000)"),
        ({"type": "string", "format": "uuid", "pattern": "^x"}, "uuid"),
        ({"type": "integer", "minimum": 1, "maximum": 2**53}, "integer (at least 1)"),
        ({"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, "integer (1 to 200; 50 if left out)"),
        ({"anyOf": [{"type": "boolean"}, {"type": "null"}]}, "true or false or null"),
        ({"enum": ["a", "b"]}, "<code>&quot;a&quot;</code> or <code>&quot;b&quot;</code>"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/X"}}, 'list of <a href="#type-X">X</a>'),
        ({"type": "object", "additionalProperties": {"type": "integer"}, "maxProperties": 5}, "map of text to integer"),
        ({}, "anything"),
    ],
)
def test_a_schema_is_told_in_few_words(schema, told):
    assert type_of(schema).startswith(told)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/docs", "text/html; charset=utf-8"),
        ("/api/docs/docs.css", "text/css; charset=utf-8"),
        ("/api/openapi.json", "application/json"),
        ("/api/asyncapi.json", "application/json"),
    ],
)
async def test_the_documents_are_served_to_anyone_and_may_run_nothing(path: str, kind: str):
    transport = httpx2.ASGITransport(Starlette(routes=documents.routes(TABLE)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://parley.test", trust_env=False) as http:
        answer = await http.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == kind
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
    assert answer.content
