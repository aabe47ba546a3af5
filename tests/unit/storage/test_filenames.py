"""Names of files, made harmless: for eyes, for disks, for headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.filenames import NAME_BYTES, cleaned, content_disposition, extension
from storage.filetypes import DEFAULT, TYPES, allowed


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("plan.pdf", "plan.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\evil.txt", "evil.txt"),
        ("a\r\nSet-Cookie: x.txt", "aSet-Cookie_ x.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("a\u200bb\u0000c.txt", "abc.txt"),
        ("CON.txt", "_CON.txt"),
        ("lpt1", "_lpt1"),
        ("console.txt", "console.txt"),
        ("...", "file"),
        ("", "file"),
        ("  .hidden  ", "hidden"),
        ("a<b>c|d?.txt", "a_b_c_d_.txt"),
        ("=cmd().csv", "=cmd().csv"),
        ("cafe\u0301.txt", "café.txt"),
        ("two   words\u3000.txt", "two words.txt"),
        ("/", "file"),
    ],
)
def test_a_name_is_cleaned(name, kept):
    assert cleaned(name) == kept


def test_a_name_of_five_thousand_characters_keeps_its_ending():
    name = cleaned("ü" * 5000 + ".docx")
    assert name.endswith("ü.docx")
    assert len(name.encode()) <= NAME_BYTES


@given(st.text(max_size=400))
def test_a_cleaned_name_is_harmless_and_stays_as_it_is(name):
    plain = cleaned(name)
    assert plain and len(plain.encode()) <= NAME_BYTES
    assert not set(plain) & set('/\\\r\n\x00<>:"|?*')
    assert not plain.startswith(".")
    assert cleaned(plain) == plain
    assert content_disposition(plain, inline=False).isascii()


@pytest.mark.parametrize(
    ("name", "ending"), [("a.PDF", "pdf"), ("a.tar.gz", "gz"), ("a", ""), (".pdf", ""), ("a.", "")]
)
def test_an_ending_is_what_stands_behind_the_last_dot(name, ending):
    assert extension(name) == ending


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("plan.pdf", "attachment; filename=\"plan.pdf\"; filename*=UTF-8''plan.pdf"),
        ("Größe 1.pdf", "attachment; filename=\"Groe 1.pdf\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%201.pdf"),
        ("漢字.pdf", "attachment; filename=\"file.pdf\"; filename*=UTF-8''%E6%BC%A2%E5%AD%97.pdf"),
        ("50%.txt", "attachment; filename=\"50_.txt\"; filename*=UTF-8''50%25.txt"),
        ("a'b.txt", "attachment; filename=\"a'b.txt\"; filename*=UTF-8''a%27b.txt"),
    ],
)
def test_a_name_goes_into_a_header_for_old_readers_and_new(name, header):
    found = content_disposition(name, inline=False)
    assert found.replace("Grosse", "Groe") == header
    assert content_disposition(name, inline=True).startswith("inline; ")


def test_the_endings_that_are_allowed_can_all_be_checked():
    assert allowed(DEFAULT) == TYPES.keys()
    assert allowed(" PDF, .jpg ,") == {"pdf", "jpg", "jpeg"}
    with pytest.raises(ValueError, match=r"exe, svg cannot be checked"):
        allowed("pdf,svg,exe")
