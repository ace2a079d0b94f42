"""The name a résumé is saved under: `ada-lovelace-resume.pdf`, safe on every file system."""

import re
from typing import Final

from anyascii import anyascii

MAX_LENGTH: Final = 80
_SUFFIX: Final = "resume.pdf"


def file_name(full_name: str) -> str:
    """The file name for the résumé of `full_name`, which may be in any script or empty."""
    words = re.findall(r"[a-z0-9]+", re.sub(r"['’`]", "", anyascii(full_name).lower()))
    stem = "-".join(words)[: MAX_LENGTH - len(_SUFFIX) - 1].strip("-")
    return f"{stem}-{_SUFFIX}" if stem else _SUFFIX
