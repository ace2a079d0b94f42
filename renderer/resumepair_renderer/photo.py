"""The photo of a document, made safe to print: decoded here, drawn anew, and never fetched.

Whatever is wrong with it costs the photo and a warning, never the document. Pictures are hostile
input: the formats are four, sizes are checked before anything is decoded, and only pixels survive.
"""

import base64
import binascii
import io
import re
import threading
from typing import Final

from PIL import ExifTags, Image, ImageOps

from resumepair_renderer.errors import Problem
from resumepair_renderer.fields import Picture, quoted

MAX_SOURCE: Final = 5_000_000
MAX_PIXELS: Final = 12_000_000
MAX_JPEG_PIXELS: Final = 24_000_000
"""More than of the others: it can be decoded at a fraction of its size."""

MAX_SIDE: Final = 400
MAX_BYTES: Final = 40_000
MIN_SIDE: Final = 40

_TOO_MANY_PIXELS: Final = "more pixels than a photo needs"
_FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF")
_DATA_URI: Final = re.compile(r"data:image/(jpe?g|png|webp|gif)(?:;[\w.+-]+=[\w.+-]+)*;base64,", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"https?:", re.IGNORECASE)
# A progressive JPEG of a few bytes a pass can ask for thousands of passes over all of its pixels.
_SCAN: Final = b"\xff\xda"
_MAX_SCANS: Final = 64
# The face is above the middle of a picture that is taller than wide.
_CENTRE: Final = (0.5, 0.3)
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Tried in turn until the file is small enough: the longest side in pixels, the quality.
_ENCODINGS: Final = ((400, 88), (400, 80), (400, 70), (320, 70), (320, 55), (240, 55), (160, 50))
_ONE_AT_A_TIME: Final = threading.Lock()  # a decoded picture may take 100 MB


class _Unusable(Exception):
    """The picture is not printed; the message says why to its author."""


def embed(picture: Picture | None) -> tuple[str, Problem | None]:
    """`picture` as a data: URI of a small square JPEG, or nothing and the reason.

    The same picture gives the same URI. Takes milliseconds of a CPU: call it in a thread.
    """
    if picture is None:
        return "", None
    try:
        with _ONE_AT_A_TIME:
            jpeg = _encoded(_opened(_decoded(picture.source)))
    except _Unusable as reason:
        return "", Problem(picture.path, f"the picture is left out: {reason}")
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}", None


def _decoded(source: str) -> bytes:
    if len(source) > MAX_SOURCE:
        raise _Unusable(f"{len(source)} characters, at most {MAX_SOURCE} are possible")
    if _ADDRESS.match(source):
        raise _Unusable("addresses are not fetched; give the picture itself as a data: URI")
    head = _DATA_URI.match(source)
    if head is None:
        raise _Unusable(f"not a data: URI of a JPEG, PNG, WebP or GIF in base64: {quoted(source)}")
    try:
        return base64.b64decode("".join(source[head.end() :].split()), validate=True)
    except (binascii.Error, ValueError):
        raise _Unusable("not valid base64") from None


def _opened(content: bytes) -> Image.Image:
    """The picture's pixels, upright, cropped to a square, on white."""
    if content.count(_SCAN) > _MAX_SCANS:
        raise _Unusable("too many passes")
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            _check_size(image)
            image.draft("RGB", (MAX_SIDE * 2, MAX_SIDE * 2))
            square = _square(image)
    except _Unusable:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _Unusable(_TOO_MANY_PIXELS) from None
    except Exception as error:  # decoders raise whatever a hostile file makes them raise
        raise _Unusable("not a readable picture") from error
    square.info = {}  # comments and profiles would be written out again
    return square


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if width * height > (MAX_JPEG_PIXELS if image.format in {"JPEG", "MPO"} else MAX_PIXELS):
        raise _Unusable(_TOO_MANY_PIXELS)
    if min(width, height) < MIN_SIDE:
        raise _Unusable(f"{width} × {height} pixels are too few to print, at least {MIN_SIDE} are needed")


def _square(image: Image.Image) -> Image.Image:
    turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 0))
    has_alpha = image.has_transparency_data
    pixels = image if image.mode in {"RGB", "RGBA"} else image.convert("RGBA" if has_alpha else "RGB")
    # Small first: everything after this takes next to no memory.
    pixels = pixels.reduce(max(1, min(image.size) // (MAX_SIDE * 2)))
    upright = pixels if turn is None else pixels.transpose(turn)
    side = min(*upright.size, MAX_SIDE)
    fitted = ImageOps.fit(upright, (side, side), centering=_CENTRE)
    if not has_alpha:
        return fitted
    paper = Image.new("RGB", fitted.size, "white")
    paper.paste(fitted, mask=fitted.getchannel("A"))
    return paper


def _encoded(image: Image.Image) -> bytes:
    """A baseline JPEG without metadata, in the best quality that is small enough."""
    encoded = b""
    for side, quality in _ENCODINGS:
        shown = image if image.width <= side else ImageOps.contain(image, (side, side))
        file = io.BytesIO()
        shown.save(file, "JPEG", quality=quality, optimize=True)
        encoded = file.getvalue()
        if len(encoded) <= MAX_BYTES:
            break
    return encoded
