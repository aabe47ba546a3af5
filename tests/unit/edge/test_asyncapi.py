"""The AsyncAPI document: whole, with a description, an example and an operation for each frame."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from edge.api import asyncapi
from edge.api.closing import CLOSES, FINAL, NOT_FINAL
from edge.codes import MESSAGES
from edge.socket.frames import FRAME_TYPES, ClientFrame, decode
from edge.socket.session import CloseCode
from tests.fixtures.frames import faults, of_message

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = asyncapi.document()
FRAMES = asyncapi.messages()

each = pytest.mark.parametrize("name", FRAMES)


def references(node: Any) -> Iterator[str]:
    """Every `$ref` of the document."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for part in node.values():
            yield from references(part)
    elif isinstance(node, list):
        for part in node:
            yield from references(part)


def test_every_reference_leads_somewhere():
    for reference in references(DOCUMENT):
        node = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def test_the_document_has_what_the_specification_requires():
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    for server in DOCUMENT["servers"].values():
        assert {"host", "protocol"} <= server.keys()
    for operation in DOCUMENT["operations"].values():
        assert operation["action"] in ("send", "receive")
        on_channel = [*operation["messages"], *operation.get("reply", {}).get("messages", [])]
        assert all(message["$ref"].startswith("#/channels/socket/messages/") for message in on_channel)


def test_every_type_of_the_sockets_decoder_is_in_it():
    assert asyncapi.CLIENT_FRAMES.keys() == FRAME_TYPES
    assert len(get_args(ClientFrame)) == len(FRAME_TYPES)


@each
def test_a_frame_has_words_and_an_operation(name: str):
    assert FRAMES[name].__doc__
    assert len(DOCUMENT["components"]["messages"][name]["summary"]) > 10
    told = {one["$ref"].rpartition("/")[2] for one in references_of_operations()}
    assert name in told


def references_of_operations() -> list[dict[str, str]]:
    return [message for operation in DOCUMENT["operations"].values() for message in operation["messages"]]


@each
def test_a_frame_has_an_example_that_is_one(name: str):
    (example,) = DOCUMENT["components"]["messages"][name]["examples"]
    assert faults(example["payload"], of_client=name.startswith("client.")) == []
    assert of_message(name).is_valid(example["payload"])


@pytest.mark.parametrize("name", asyncapi.CLIENT_FRAMES)
@pytest.mark.parametrize("binary", [True, False], ids=["msgpack", "json"])
def test_what_a_client_is_shown_the_server_takes(name: str, binary: bool):
    example = asyncapi.CLIENT_FRAMES[name].EXAMPLE  # type: ignore[attr-defined]  # the test above says that it has one
    data = (msgspec.msgpack if binary else msgspec.json).encode(example)
    assert type(decode(data, binary=binary)) is asyncapi.CLIENT_FRAMES[name]


@each
def test_a_frame_is_in_the_protocols_tables(name: str):
    text = (ROOT / "docs" / "protocol.md").read_text()
    rows = "\n".join(line.split("|")[1] for line in text.splitlines() if line.startswith("| `"))
    assert f"`{name.partition('.')[2]}`" in rows


def test_every_close_code_of_ours_says_what_to_do():
    told = {close.code: close.name for close in CLOSES}
    assert {code.value: code.name for code in CloseCode}.items() <= told.items()
    assert all(close.means and close.then for close in CLOSES)


def test_final_codes_are_those_of_the_protocol():
    rows = [line.split("|") for line in (ROOT / "docs" / "protocol.md").read_text().splitlines() if "| `" in line[:3]]
    said = {row[1].strip(" `"): row[3].strip() for row in rows if len(row) > 4 and row[3].strip() in ("yes", "no")}
    assert {code for code, final in said.items() if final == "yes"} == FINAL
    assert {code for code, final in said.items() if final == "no"} == NOT_FINAL
    assert MESSAGES.keys() >= FINAL | NOT_FINAL


@pytest.mark.parametrize(
    ("frame", "of_client"),
    [
        ({"type": "weather"}, False),
        ({"type": "pong"}, False),
        ({"type": "pong", "time": "yesterday"}, False),
        ({"type": "pong", "time": "2026-11-23T09:00:25.004Z", "more": 1}, False),
        ({"type": "pong", "time": "2026-11-23T09:00:25.004Z"}, True),
        ({"type": "event", "kind": "weather"}, False),
        ({"type": "ping"}, False),
        ({"type": "ping", "heads": {"x": 1}}, True),
        (["pong"], False),
    ],
)
def test_a_frame_that_the_document_does_not_tell_of_is_noticed(frame: Any, of_client: bool):
    assert faults(frame, of_client=of_client)
