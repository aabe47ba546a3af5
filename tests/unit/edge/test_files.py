"""What of files is pure: headers of tus, ranges, addresses, forms."""

from __future__ import annotations

import pytest

from edge.files import ranges, tus
from edge.files.multipart import BadForm, Form
from edge.files.signing import LIFE_SECONDS, PERIOD_SECONDS, Address, Signer

pytestmark = pytest.mark.anyio
FILE, ANN = "4b0f1c2d-3e4a-4f5b-8c6d-7e8f9a0b1c2d", "9a1f2c3b-7d84-4e0a-b6f5-0c1d2e3f4a5b"


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, None),
        ("", None),
        ("bytes=0-4", (0, 5)),
        ("bytes=5-", (5, 10)),
        ("bytes=5-99", (5, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-99", (0, 10)),
        ("BYTES= 1-1 ", (1, 2)),
        ("bytes=4-3", None),
        ("bytes=0-1,3-4", None),
        ("lines=0-4", None),
        ("bytes=a-b", None),
        ("bytes=-", None),
        ("bytes=\u0660-\u0664", None),
    ],
)
def test_the_one_range_that_is_asked_for_is_read_and_any_other_asks_for_all(header, part):
    assert ranges.asked(header, 10) == part


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99999-"])
def test_bytes_that_are_not_there_cannot_be_had(header):
    with pytest.raises(ranges.Unsatisfiable):
        ranges.asked(header, 10)


def test_metadata_says_keys_with_values_in_base64():
    assert tus.metadata("filename YS5wZGY=, empty") == {"filename": "a.pdf", "empty": ""}
    assert tus.metadata(None) == tus.metadata("") == {}


@pytest.mark.parametrize("text", ["filename !", "filename YS5wZGY=,filename YS5wZGY=", "é YQ==", "a,,b", "x /w=="])
def test_metadata_that_says_nothing_is_refused(text):
    with pytest.raises(tus.BadHeader):
        tus.metadata(text)


def test_a_moment_is_written_as_http_writes_it():
    assert tus.expires("2026-11-23T09:00:00.000+00:00") == "Mon, 23 Nov 2026 09:00:00 GMT"


def test_an_address_is_good_for_its_time_and_for_nothing_else():
    signer = Signer("a secret")
    path, expires = signer.address(FILE, "small", ANN, 1000.0)
    signature = path.partition("signature=")[2]
    asked = Address(FILE, "small", ANN, expires)
    assert LIFE_SECONDS <= expires - 1000 <= LIFE_SECONDS + PERIOD_SECONDS
    assert signer.believes(asked, signature, 1000.0)
    assert not signer.believes(asked, signature, float(expires))
    assert not Signer("another").believes(asked, signature, 1000.0)
    for other in (asked._replace(file=ANN), asked._replace(variant="original"), asked._replace(account=FILE)):
        assert not signer.believes(other, signature, 1000.0)
    assert not signer.believes(asked, "é\ud800", 1000.0)
    assert signer.address(FILE, "small", ANN, 1001.0)[0] == path


async def pieces(data: bytes, size: int):
    for start in range(0, len(data), size):
        yield data[start : start + size]


@pytest.mark.parametrize("size", [1, 7, 4096])
async def test_a_form_is_read_however_it_is_cut(size):
    body = (
        b'--b\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a%22b.txt"\r\nContent-Type: text/html\r\n\r\n'
        b"one\r\n--two\r\n\r\n--b--\r\n"
    )
    form = Form("multipart/form-data; boundary=b", pieces(body, size))
    assert await form.opened() == 'a"b.txt'
    assert b"".join([chunk async for chunk in form.content()]) == b"one\r\n--two\r\n"


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data", f"multipart/form-data; boundary={'x' * 71}"])
def test_what_is_no_form_is_refused(kind):
    with pytest.raises(BadForm):
        Form(kind, pieces(b"", 1))
