"""Photos: what comes out is small, square and ours; what goes in may be anything."""

import base64
import io
import random
import struct
import zlib

import pytest
from PIL import ExifTags, Image

from resumepair_renderer import Problem, parse_document
from resumepair_renderer.fields import Picture
from resumepair_renderer.photo import MAX_BYTES, embed

RED, BLUE = (200, 20, 20), (20, 20, 200)


def encoded(image: Image.Image, form: str = "PNG", **how: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **how)
    return file.getvalue()


def picture(content: bytes, media_type: str = "image/png") -> Picture:
    return Picture(f"data:{media_type};base64,{base64.b64encode(content).decode()}", "profile.photo")


def printed(content: bytes, media_type: str = "image/png") -> Image.Image:
    uri, problem = embed(picture(content, media_type))
    assert problem is None
    assert uri.startswith("data:image/jpeg;base64,")
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


def reason(source: str) -> str:
    uri, problem = embed(Picture(source, "basics.image"))
    assert uri == ""
    assert problem is not None
    assert problem.path == "basics.image"
    return problem.message


def is_near(found: object, color: tuple[int, int, int]) -> bool:
    assert isinstance(found, tuple)
    return all(abs(a - b) < 30 for a, b in zip(found, color, strict=True))


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png_bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that decodes to `width` × `height` pixels."""
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + width // 8)) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF"])
def test_every_allowed_format_becomes_a_square_jpeg(form: str) -> None:
    image = printed(encoded(Image.new("RGB", (900, 600), RED), form), f"image/{form.lower()}")
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (400, 400))
    assert is_near(image.getpixel((200, 200)), RED)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_every_kind_of_pixel_is_understood(mode: str) -> None:
    form = "JPEG" if mode == "CMYK" else "PNG"
    assert printed(encoded(Image.new(mode, (64, 48)), form), f"image/{form.lower()}").size == (48, 48)


def test_small_pictures_are_not_blown_up() -> None:
    assert printed(encoded(Image.new("RGB", (90, 120), RED))).size == (90, 90)


def test_even_noise_is_below_forty_kilobytes() -> None:
    noise = Image.frombytes("RGB", (800, 800), random.Random(7).randbytes(800 * 800 * 3))
    uri, _ = embed(picture(encoded(noise, "JPEG", quality=95), "image/jpeg"))
    assert len(base64.b64decode(uri.partition(",")[2])) <= MAX_BYTES


def test_the_camera_was_held_sideways() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    lying = Image.new("RGB", (200, 200), RED)
    lying.paste(BLUE, (0, 0, 100, 200))  # blue on the left is blue on top once it is turned
    image = printed(encoded(lying, "JPEG", exif=exif), "image/jpeg")
    assert is_near(image.getpixel((100, 20)), BLUE)
    assert is_near(image.getpixel((100, 180)), RED)


def test_what_is_see_through_becomes_white() -> None:
    assert is_near(printed(encoded(Image.new("RGBA", (80, 80), (0, 0, 0, 0)))).getpixel((40, 40)), (255, 255, 255))


def test_only_the_first_frame_of_an_animation_is_printed() -> None:
    frames = [Image.new("RGB", (60, 60), color) for color in (RED, BLUE)]
    animation = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert is_near(printed(animation, "image/gif").getpixel((30, 30)), RED)


def test_nothing_but_pixels_survives() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "secret-of-the-camera"
    content = encoded(Image.new("RGB", (64, 64), RED), "JPEG", exif=exif, comment=b"secret-comment")
    uri, _ = embed(picture(content, "image/jpeg"))
    jpeg = base64.b64decode(uri.partition(",")[2])
    assert b"secret" not in jpeg
    assert b"Exif" not in jpeg


def test_the_same_picture_gives_the_same_bytes() -> None:
    gradient = picture(encoded(Image.radial_gradient("L").resize((500, 700))))
    assert embed(gradient) == embed(gradient)


def test_addresses_are_not_fetched() -> None:
    assert reason("https://127.0.0.1/me.png") == (
        "the picture is left out: addresses are not fetched; give the picture itself as a data: URI"
    )


@pytest.mark.parametrize(
    "source",
    [
        "me.jpg",
        "file:///etc/passwd",
        "data:text/html;base64,PGI+",
        "data:image/svg+xml;base64,PHN2Zz48L3N2Zz4=",
        "data:image/png,plain",
        "javascript:alert(1)",
    ],
)
def test_what_is_no_picture_in_base64_is_left_out(source: str) -> None:
    assert "not a data: URI of a JPEG, PNG, WebP or GIF in base64" in reason(source)


@pytest.mark.parametrize("payload", ["", "====", "!!!!", "é", "AAAA", base64.b64encode(b"<svg/>").decode()])
def test_garbage_is_left_out(payload: str) -> None:
    assert reason(f"data:image/png;base64,{payload}")


@pytest.mark.parametrize("form", ["BMP", "TIFF", "ICO", "PPM"])
def test_other_formats_are_not_decoded_whatever_they_are_called(form: str) -> None:
    assert "not a readable picture" in reason(picture(encoded(Image.new("RGB", (64, 64)), form)).source)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF"])
def test_half_a_picture_is_left_out(form: str) -> None:
    noise = Image.frombytes("RGB", (100, 100), random.Random(3).randbytes(30_000))
    content = encoded(noise, form)
    assert "not a readable picture" in reason(picture(content[: len(content) // 2]).source)


@pytest.mark.parametrize("side", [4_000, 30_000])
def test_a_bomb_is_not_decoded(side: int) -> None:
    bomb = png_bomb(side, side)
    assert len(bomb) < 200_000
    assert "more pixels than a photo needs" in reason(picture(bomb).source)


def test_a_jpeg_of_a_thousand_passes_is_not_decoded() -> None:
    jpeg = encoded(Image.new("RGB", (64, 64), RED), "JPEG", progressive=True)
    start, end = jpeg.rfind(b"\xff\xda"), jpeg.rfind(b"\xff\xd9")
    assert "too many passes" in reason(picture(jpeg[:end] + jpeg[start:end] * 1_000 + jpeg[end:], "image/jpeg").source)


def test_an_endless_source_is_not_decoded() -> None:
    assert "at most 5000000 are possible" in reason("data:image/png;base64," + "A" * 5_000_000)


def test_a_spy_pixel_is_no_photo() -> None:
    assert "too few to print" in reason(picture(encoded(Image.new("RGB", (1, 1)))).source)


def test_no_photo_is_no_problem() -> None:
    assert embed(None) == ("", None)


def test_problems_are_named_by_the_path_the_author_knows() -> None:
    address = "https://example.org/me.jpg"
    canonical = parse_document(
        {"profile": {"fullName": "Bo", "photo": address}, "work": [], "education": [], "skills": []}
    )
    theirs = parse_document({"basics": {"name": "Bo", "image": address}})
    older = parse_document({"basics": {"name": "Bo", "picture": address}})
    problems = [embed(document.profile.photo)[1] for document in (canonical, theirs, older)]
    assert [problem.path for problem in problems if isinstance(problem, Problem)] == [
        "profile.photo",
        "basics.image",
        "basics.image",
    ]
