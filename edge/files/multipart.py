"""A form with one file in it (RFC 7578), read as it streams: its name first, then its bytes, chunk by chunk.

`python_multipart` reads the form; nothing of the file is kept here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

FORM = "multipart/form-data"
FIELD = "file"
HEAD_BYTES = 16 * 1024
"""What may come before the file begins: its headers, and other parts, which are ignored."""


class BadForm(ValueError):
    """No form with a file in it."""


class Form:
    """Feed it with the body: `opened` gives the name of the file, `content` what it holds."""

    def __init__(self, content_type: str, body: AsyncIterator[bytes]) -> None:
        """Raises `BadForm` for what is no form."""
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if kind != FORM.encode() or not 1 <= len(boundary) <= 70:
            raise BadForm("It is no multipart/form-data with a boundary.")
        self._body = body
        self._name: str | None = None
        self._chunks: deque[bytes] = deque()
        self._headers: dict[str, str] = {}
        self._field = self._value = ""
        self._inside = self._over = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._field_came,
                "on_header_value": self._value_came,
                "on_header_end": self._header,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._data,
                "on_part_end": self._end,
            },
        )

    async def opened(self) -> str:
        """The name of the file, as it was given; raises `BadForm` when the form has none."""
        seen = 0
        while self._name is None:
            chunk = await anext(self._body, None)
            if chunk is None or seen > HEAD_BYTES:
                raise BadForm(f"The form has no file in a field called {FIELD}.")
            seen += len(chunk)
            self._feed(chunk)
        return self._name

    async def content(self) -> AsyncIterator[bytes]:
        """The bytes of the file; raises `BadForm` if the form breaks off before its end."""
        while True:
            while self._chunks:
                yield self._chunks.popleft()
            if self._over:
                return
            chunk = await anext(self._body, None)
            if chunk is None:
                raise BadForm("The form broke off inside of the file.")
            self._feed(chunk)

    def _feed(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except MultipartParseError:
            raise BadForm("The body is not what its boundary says.") from None

    # What the parser calls ----------------------------------------------------

    def _begin(self) -> None:
        self._headers = {}

    def _field_came(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end].decode("latin-1").lower()

    def _value_came(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end].decode("latin-1")

    def _header(self) -> None:
        self._headers[self._field] = self._value
        self._field = self._value = ""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition", ""))
        if options.get(b"name") == FIELD.encode() and b"filename" in options and self._name is None:
            self._name = _unescaped(options[b"filename"].decode("utf-8", "replace"))
            self._inside = True

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._inside:
            self._chunks.append(bytes(data[start:end]))

    def _end(self) -> None:
        if self._inside:
            self._inside, self._over = False, True


def _unescaped(name: str) -> str:
    """What browsers escape in a name that goes into a form, and nothing else (HTML Living Standard, 4.10.22.8)."""
    return name.replace("%0D", "\r").replace("%0A", "\n").replace("%22", '"')
