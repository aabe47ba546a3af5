"""Every hostile file is refused for its reason within its memory, every honest one is clean; nothing else is left."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tests.fixtures.good_files import good_files, image, package, photo
from tests.fixtures.hostile_files import EICAR, HOSTILE, Hostile
from workers.scanning.engines.yara import Yara
from workers.scanning.findings import Finding, Limits
from workers.scanning.inspection import inspect, reinspect, vouched_for

pytestmark = pytest.mark.anyio

MOST_BYTES = 64 * 1024 * 1024
GOOD = good_files()


async def found(tmp_path, name: str, content: bytes, limits: Limits | None = None) -> Finding:
    (tmp_path / "file").write_bytes(content)
    return await inspect(tmp_path / "file", name, Yara(), limits or Limits(), tmp_path)


@pytest.mark.parametrize("hostile", HOSTILE, ids=[hostile.name for hostile in HOSTILE])
async def test_a_hostile_file_is_refused(tmp_path, hostile: Hostile):
    finding = await found(tmp_path, hostile.name, hostile.content())
    assert ("infected" if finding.verdict == "infected" else finding.reason) == hostile.reason, finding
    assert finding.grown_bytes <= MOST_BYTES
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


@pytest.mark.parametrize("name", GOOD)
async def test_an_honest_file_is_clean(tmp_path, name: str):
    finding = await found(tmp_path, name, GOOD[name])
    assert finding.verdict == "clean", finding
    pictures = name.endswith((".png", ".jpg", ".jpeg", ".gif", ".webp"))
    assert (finding.variants != ()) == pictures


async def test_what_is_shown_of_a_photo_is_drawn_anew_upright_and_without_its_place(tmp_path):
    finding = await found(tmp_path, "photo.jpg", photo())
    assert (finding.width, finding.height) == (40, 60)
    for variant in finding.variants:
        data = (tmp_path / variant).read_bytes()
        with Image.open(io.BytesIO(data)) as picture:
            assert (picture.format, picture.size, dict(picture.getexif())) == ("WEBP", (40, 60), {})
        assert int.from_bytes(data[4:8], "little") + 8 == len(data)


async def test_pictures_are_as_large_as_they_are_called(tmp_path):
    await found(tmp_path, "wide.png", image("PNG", (3000, 300)))
    sizes = {}
    for variant in ("shown", "large", "small"):
        with Image.open(tmp_path / variant) as picture:
            sizes[variant] = picture.size
    assert sizes == {"shown": (2560, 256), "large": (1280, 128), "small": (320, 32)}


async def test_a_short_film_stays_one_and_a_long_one_is_its_first_frame(tmp_path):
    await found(tmp_path, "moving.gif", GOOD["moving.gif"])
    with Image.open(tmp_path / "shown") as picture:
        assert getattr(picture, "n_frames", 1) == 2
    await found(tmp_path, "moving.gif", GOOD["moving.gif"], Limits(animated_pixels=100))
    with Image.open(tmp_path / "shown") as picture:
        assert getattr(picture, "n_frames", 1) == 1


async def test_a_picture_stays_transparent(tmp_path):
    file = io.BytesIO()
    Image.new("RGBA", (10, 10), (255, 0, 0, 0)).save(file, "PNG")
    await found(tmp_path, "clear.png", file.getvalue())
    with Image.open(tmp_path / "small") as picture:
        assert picture.mode == "RGBA"


async def test_what_needs_more_memory_or_time_than_there_is_is_too_hard(tmp_path):
    large = image("PNG", (4000, 3000))
    assert (await found(tmp_path, "a.png", large, Limits(memory_bytes=4 * 1024 * 1024))).reason == "too_hard"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


async def test_a_clean_file_is_asked_about_again_without_its_structure(tmp_path):
    (tmp_path / "file").write_bytes(b"no pdf at all")
    assert (await reinspect(tmp_path / "file", "a.pdf", Yara(), Limits())).verdict == "clean"
    (tmp_path / "file").write_bytes(EICAR)
    assert (await reinspect(tmp_path / "file", "a.pdf", Yara(), Limits())).signature == "Parley.Eicar_Test_File"


async def test_what_somebody_vouches_for_is_clean_and_drawn_if_it_can_be(tmp_path):
    (tmp_path / "file").write_bytes(package("docx", {"word/vbaProject.bin": b"x"}))
    vouched = await vouched_for(tmp_path / "file", "a.docx", Limits(), tmp_path)
    assert (vouched.verdict, vouched.variants) == ("clean", ())
    (tmp_path / "file").write_bytes(image("PNG"))
    assert (await vouched_for(tmp_path / "file", "a.png", Limits(), tmp_path)).variants == ("shown", "large", "small")
