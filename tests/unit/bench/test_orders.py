"""Lines that people type, as commands."""

from __future__ import annotations

from typing import Any

import pytest

from bench.orders import OrderFault, order


@pytest.mark.parametrize(
    ("line", "type", "fields"),
    [
        ("hello", "send", {"body": "hello"}),
        ("//slash", "send", {"body": "/slash"}),
        ("/reply 3 so it is", "send", {"reply_to": 3, "body": "so it is"}),
        ("/edit #12  two  words", "edit", {"seq": 12, "body": "two  words"}),
        ("/delete 7", "delete", {"seq": 7}),
        ("/react 7 👍", "react", {"seq": 7, "emoji": "👍", "on": True}),
        ("/unreact 7 👍", "react", {"seq": 7, "emoji": "👍", "on": False}),
    ],
)
def test_a_line_is_a_command(line: str, type: str, fields: dict[str, Any]):
    assert order(line) == (type, fields)


@pytest.mark.parametrize("line", ["/reply", "/reply 3", "/reply x y", "/edit ² y", "/delete 3 now", "/react 3"])
def test_what_lacks_something_is_answered_with_how_it_goes(line: str):
    with pytest.raises(OrderFault, match="it goes like this: /"):
        order(line)


def test_an_unknown_word_is_named():
    with pytest.raises(OrderFault, match="no such command: /nonsense"):
        order("/nonsense 3")
