"""`python -m deploy.icons`: the app's icons in edge/web/public/icons, from one drawing: a P that is a speech bubble.

Drawn by Pillow, which is there where tests are; the pictures are kept, since a build has no Pillow.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

FOLDER = Path(__file__).resolve().parent.parent / "edge" / "web" / "public" / "icons"
SIZE = 512
GROUND, MARK = "#00688b", "#ffffff"
CORNER = 112
STROKE = 56
STEM = (168, 404)
"""Where the stem is, and where it ends."""
CENTRE, RADIUS = (272, 232), 104
TAIL = 232
"""How far the bow comes back towards the stem, below."""
FINER = 4
PICTURES = {"parley-32": 32, "parley-180": 180, "parley-192": 192, "parley-512": 512}
SAFE = 0.8
"""Of a maskable icon, what no mask cuts off (W3C, Web Application Manifest, "Icon masks and safe zone")."""


def drawing() -> str:
    """The mark as SVG."""
    (x, y), (left, bottom) = CENTRE, STEM
    bow = f"M{left} {bottom}V{y}a{RADIUS} {RADIUS} 0 1 1 {x - left} {RADIUS}H{TAIL}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}">'
        f'<rect width="{SIZE}" height="{SIZE}" rx="{CORNER}" fill="{GROUND}"/>'
        f'<path d="{bow}" fill="none" stroke="{MARK}" stroke-width="{STROKE}" stroke-linecap="round"/></svg>\n'
    )


def picture(size: int, *, corner: int = CORNER, scale: float = 1.0) -> Image.Image:
    """The same as pixels; `scale` draws the mark smaller, in the middle."""
    side = SIZE * FINER
    image = Image.new("RGBA", (side, side))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((0, 0, side - 1, side - 1), corner * FINER, GROUND)

    def placed(value: float) -> float:
        return (SIZE / 2 + (value - SIZE / 2) * scale) * FINER

    def at(x: float, y: float) -> tuple[float, float]:
        return placed(x), placed(y)

    half = STROKE / 2
    (x, y), (left, bottom) = CENTRE, STEM
    for ends in (((left, bottom), (left, y)), ((x, y + RADIUS), (TAIL, y + RADIUS))):
        draw.line([at(*end) for end in ends], MARK, round(STROKE * scale * FINER))
    for px, py in ((left, bottom), (TAIL, y + RADIUS)):
        draw.ellipse((*at(px - half, py - half), *at(px + half, py + half)), MARK)
    box = (*at(x - RADIUS - half, y - RADIUS - half), *at(x + RADIUS + half, y + RADIUS + half))
    draw.arc(box, 180, 450, MARK, round(STROKE * scale * FINER))
    return image.resize((size, size), Image.Resampling.LANCZOS)


def main() -> None:
    """Draw them all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "parley.svg").write_text(drawing())
    for name, size in PICTURES.items():
        picture(size).save(FOLDER / f"{name}.png", optimize=True)
    picture(SIZE, corner=0, scale=SAFE).save(FOLDER / "parley-maskable.png", optimize=True)


if __name__ == "__main__":
    main()
