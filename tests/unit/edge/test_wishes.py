"""From what a client says to the act that enters the log: words, files, or both."""

from __future__ import annotations

import pytest

from edge.socket.frames import BadFrame, Send
from edge.socket.wishes import Unsayable, act_of, message_of

ID = "5d3c8a44-21c7-4f6e-9a8b-3f0c2f1d7e10"
FILE = "4b0f1c2d-3e4a-4f5b-8c6d-7e8f9a0b1c2d"


def test_files_may_come_without_words_and_are_named_in_lower_case():
    assert message_of("", None, (), (FILE.upper(),)).attachments == (FILE,)


@pytest.mark.parametrize(
    ("body", "files", "field"),
    [
        ("", (), "body"),
        (" \n", (), "body"),
        (" \n", (FILE,), "body"),
        ("a\x00", (FILE,), "body"),
        ("", (FILE, FILE.upper()), "attachments"),
    ],
)
def test_what_says_nothing_or_a_file_twice_is_refused_and_named(body, files, field):
    with pytest.raises(Unsayable) as fault:
        message_of(body, None, (), files)
    assert fault.value.field == field
    with pytest.raises(BadFrame) as refused:
        act_of(Send(ID, ID, body, attachments=files))
    assert (refused.value.code, refused.value.field, refused.value.id) == ("invalid", field, ID)
