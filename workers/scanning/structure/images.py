"""Images: whole, of a size that can be shown, nothing else besides; and pictures of them, drawn anew by Pillow. Pure.

What is shown is never what was sent: it is decoded and encoded again, so that neither metadata nor hidden bytes stay.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Mapping
from typing import BinaryIO

from PIL import Image, ImageOps, ImageSequence

from workers.scanning.findings import Limits, Refused

FORMATS = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "gif": "GIF", "webp": "WEBP"}
SIDES = {"shown": 2560, "large": 1280, "small": 320}
"""The longest side of each picture, in pixels."""
QUALITY, EFFORT = 82, 2
FOREIGN = (b"PK\x03\x04", b"PK\x05\x06", b"%PDF-", b"<html", b"<script", b"<?php", b"MZ\x90\x00", b"\x7fELF", b"Rar!")
"""What must not lie behind a JPEG. Other bytes may: cameras put previews, films and depth maps there."""

Image.MAX_IMAGE_PIXELS = None  # our own bound is checked before anything is decoded


def check(file: BinaryIO, size: int, ending: str, limits: Limits) -> Image.Image:
    """The image, its header read; raises `Refused`."""
    end = {"png": _end_of_png, "gif": _end_of_gif, "webp": _end_of_webp}.get(ending, _end_of_jpeg)(file, size)
    if end < size:
        file.seek(end)
        rest = file.read().lower() if ending in ("jpg", "jpeg") else b""
        if not rest or any(foreign.lower() in rest for foreign in FOREIGN):
            raise Refused("trailing_data", f"{size - end} bytes behind the image")
    file.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(file, formats=[FORMATS[ending]])
    except Exception as fault:
        raise Refused("damaged", f"{type(fault).__name__}: {fault}"[:200]) from fault
    width, height = image.size
    if width * height > limits.pixels or max(width, height) > 65_500:
        raise Refused("too_many_pixels", f"{width} by {height}")
    return image


def draw(image: Image.Image, outputs: Mapping[str, BinaryIO], limits: Limits) -> tuple[int, int]:
    """Decode all of the image, and draw the pictures: its size as it is shown. Raises `Refused`.

    A film of frames stays one as `shown` where it is short enough; else its first frame stands for it.
    """
    try:
        frames = int(getattr(image, "n_frames", 1))
        if frames > limits.frames:
            raise Refused("too_many_frames", str(frames))
        moving = frames > 1 and frames * image.width * image.height <= limits.animated_pixels
        film = [_plain(frame, "shown") for frame in ImageSequence.Iterator(image)] if moving else []
        image.seek(0)
        if not moving:
            image.load()
        first = _plain(ImageOps.exif_transpose(image), "shown")
    except Refused:
        raise
    except (MemoryError, RecursionError) as fault:
        raise Refused("too_hard", type(fault).__name__) from fault
    except Exception as fault:
        # Decoders of broken data raise OSError, SyntaxError, ValueError, EOFError, struct.error, and more.
        raise Refused("damaged", f"{type(fault).__name__}: {fault}"[:200]) from fault
    for variant, output in outputs.items():
        if variant == "shown" and film:
            durations = image.info.get("duration", 100)
            more = {"save_all": True, "append_images": film[1:], "duration": durations, "loop": 0}
            film[0].save(output, "WEBP", quality=QUALITY, method=EFFORT, **more)
        else:
            _plain(first, variant).save(output, "WEBP", quality=QUALITY, method=EFFORT)
        output.flush()
    return first.size


def warm() -> None:
    """Have everything loaded that decoding and drawing load when they first need it."""
    for kind in sorted(set(FORMATS.values())):
        file = io.BytesIO()
        frames = [Image.new("RGB", (1, 1), colour) for colour in ("red", "blue")]
        frames[0].save(file, kind, **({"save_all": True, "append_images": frames[1:]} if kind == "GIF" else {}))
        file.seek(0)
        with Image.open(file) as image:
            draw(image, {name: io.BytesIO() for name in SIDES}, Limits())


def _plain(image: Image.Image, variant: str) -> Image.Image:
    """A copy of nothing but the pixels, no larger than the variant is."""
    transparent = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    plain = image.convert("RGBA" if transparent else "RGB")
    if plain is image:
        plain = image.copy()
    plain.info.clear()
    plain.thumbnail((SIDES[variant], SIDES[variant]), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return plain


# Where each format ends -----------------------------------------------------------


def _end_of_png(file: BinaryIO, size: int) -> int:
    at = 8
    while at + 12 <= size:
        file.seek(at)
        length, kind = int.from_bytes(file.read(4), "big"), file.read(4)
        at += 12 + length
        if kind == b"IEND":
            return at
    raise Refused("damaged", "no end of a PNG")


def _end_of_webp(file: BinaryIO, size: int) -> int:
    file.seek(4)
    length = int.from_bytes(file.read(4), "little")
    if 8 + length > size:
        raise Refused("damaged", "a WebP that is cut off")
    return 8 + length + (length & 1 if 8 + length < size else 0)


def _end_of_gif(file: BinaryIO, size: int) -> int:
    """The blocks of a GIF (GIF89a specification, 12 to 26) up to its trailer."""
    file.seek(0)
    data = file.read()
    try:
        at = 13 + (3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
        while data[at] != 0x3B:
            if data[at] == 0x21:
                at += 2
            elif data[at] == 0x2C:
                flags = data[at + 9]
                at += 10 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0) + 1
            else:
                raise Refused("damaged", "no block of a GIF")
            while data[at]:
                at += data[at] + 1
            at += 1
    except IndexError:
        raise Refused("damaged", "no end of a GIF") from None
    return at + 1


def _end_of_jpeg(file: BinaryIO, size: int) -> int:
    """The segments of a JPEG (ITU-T T.81, B.1) up to the first end of an image that is not inside of one."""
    file.seek(0)
    data = file.read()
    at = 2
    try:
        while True:
            if data[at] != 0xFF:
                raise Refused("damaged", "no marker of a JPEG")
            while data[at] == 0xFF:
                at += 1
            marker = data[at]
            at += 1
            if marker == 0xD9:
                return at
            if 0xD0 <= marker <= 0xD7 or marker == 0x01:
                continue
            at += int(struct.unpack_from(">H", data, at)[0])
            if marker == 0xDA:
                while True:  # entropy-coded: 0xFF stands before 0 (stuffed) or a restart, else before a marker
                    at = data.index(b"\xff", at)
                    if data[at + 1] != 0 and not 0xD0 <= data[at + 1] <= 0xD7:
                        break
                    at += 2
    except (IndexError, ValueError, struct.error):
        raise Refused("damaged", "no end of a JPEG") from None
