"""What an inspection finds, and how far it may go."""

from __future__ import annotations

import msgspec

VARIANTS = ("shown", "large", "small")
"""Pictures of an image, drawn anew: as it is shown, at most 1,280 and at most 320 pixels wide and high."""


class Refused(Exception):
    """The file is not what it should be; the message is the reason's code, `detail` is for logs."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How far one inspection goes, which is far beyond what honest files need.

    Of archives: `entries`, their `unpacked_bytes` in all, how deep they may lie in one another. Of images: `pixels` of
    one frame, `frames`, and `animated_pixels` of all frames up to which a film stays one. Of the process that looks:
    `seconds` of time, and `memory_bytes` beyond what it begins with.
    """

    entries: int = 2_000
    unpacked_bytes: int = 100 * 1024 * 1024
    depth: int = 2
    pixels: int = 40_000_000
    frames: int = 500
    animated_pixels: int = 30_000_000
    seconds: float = 5.0
    memory_bytes: int = 320 * 1024 * 1024


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """`verdict`: clean, infected (`signature`), rejected (`reason`) or error: it could not be judged, so try again.

    Of a clean image: its size in pixels as it is shown, and the `variants` that lie in the folder that was given.
    `grown_bytes` is by how much the process that looked grew.
    """

    verdict: str
    reason: str | None = None
    signature: str | None = None
    detail: str = ""
    width: int | None = None
    height: int | None = None
    variants: tuple[str, ...] = ()
    grown_bytes: int = 0
