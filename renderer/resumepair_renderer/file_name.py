"""The name a résumé is saved under: `ada-lovelace-resume.pdf`, safe on every file system."""

import re
from typing import Final

from anyascii import anyascii

MAX_LENGTH: Final = 80


def file_name(full_name: str, extension: str = "pdf") -> str:
    """The file name for the résumé of `full_name`, which may be in any script or empty."""
    suffix = f"resume.{extension}"
    words = re.findall(r"[a-z0-9]+", re.sub(r"['’`]", "", anyascii(full_name).lower()))
    stem = "-".join(words)[: MAX_LENGTH - len(suffix) - 1].strip("-")
    return f"{stem}-{suffix}" if stem else suffix
