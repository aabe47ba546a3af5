"""`make screens`: every screen of the web app, with the demo data, at three widths and in both themes.

The pictures go to docs/screens as PNG of at most 128 colours, so that the whole set stays small.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

from bench.instance import Instance
from deploy import chromium, webapp, words
from tests.fixtures.pages import files
from tests.fixtures.system import ROOT

SCREENS = ROOT / "docs" / "screens"
MOST_BYTES = 40_000
COLOURS = (128, 64, 32, 16)


def small(picture: bytes) -> bytes:
    """The same as PNG with a palette, of as many colours as fit into the size that a picture may have."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    made = b""
    for colours in COLOURS:
        out = io.BytesIO()
        image.quantize(colours, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
        made = out.getvalue()
        if len(made) <= MOST_BYTES:
            break
    return made


def colourful() -> Image.Image:
    """A picture that is small as a PNG, too: a bridge at dusk, more or less."""
    sky = Image.linear_gradient("L").resize((1200, 800))
    picture = ImageOps.colorize(sky, "#1d3557", "#f4a261")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 560, 1200, 590), fill="#22303c")
    for at in range(0, 1201, 300):
        draw.rectangle((at - 14, 560, at + 14, 800), fill="#22303c")
        draw.line((at, 360, at + 150, 560), fill="#22303c", width=5)
        draw.line((at, 360, at - 150, 560), fill="#22303c", width=5)
    return picture


def shoot(instance: Instance, folder: Path) -> None:
    """Have the browser take the pictures."""
    browser = chromium.find()
    world = {
        "base": instance.urls[0],
        "chromium": browser.path,
        "libraries": browser.libraries,
        "client": ["client@demo.example", "demo"],
        "agent": ["agent@demo.example", "demo"],
        "admin": ["admin@demo.example", "demo"],
        "files": files(folder, colourful()),
        "folder": str(folder),
    }
    node = webapp.on_this_machine() or webapp.from_wheel()
    command = [str(node.folder / "node"), "e2e/screens.mjs"]
    subprocess.run(command, cwd=webapp.WEB, input=json.dumps(world).encode(), check=True, timeout=600)


def main() -> int:
    """Take all pictures anew; the status to exit with."""
    if webapp.main(["build"]) or webapp.main(["packages"]):
        return 1
    with tempfile.TemporaryDirectory(prefix="parley-screens-") as name, Instance(os.environ, demo=True) as instance:
        shoot(instance, Path(name))
        made = {path.name: small(path.read_bytes()) for path in sorted(Path(name).glob("*.png"))}
    SCREENS.mkdir(exist_ok=True)
    for old in SCREENS.glob("*.png"):
        old.unlink()
    for file, content in made.items():
        (SCREENS / file).write_bytes(content)
    largest = max(map(len, made.values()))
    words.say(f"{len(made)} pictures in docs/screens, the largest {largest / 1000:.0f} KB")
    return int(largest > MOST_BYTES)


if __name__ == "__main__":
    sys.exit(main())
