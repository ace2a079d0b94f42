"""Which renderer it is: the same version makes the same file of the same document and options.

Nobody has to raise a number: the version is a hash of the package with its fonts and templates, of the libraries that
have a hand in the file, and of the browser.
"""

from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Final

LIBRARIES: Final = ("anyascii", "Babel", "jinja2", "pikepdf", "pillow", "playwright", "pypdfium2")
_PACKAGE: Final = Path(__file__).parent


def renderer_version(browser_version: str) -> str:
    """The version with this browser, such as `156.0.8078.73`: 64 hexadecimal digits."""
    return sha256(f"{_package_hash()} {browser_version}".encode()).hexdigest()


@cache
def _package_hash() -> str:
    """Takes a third of a second, for the fonts; they are read once."""
    found = sha256()
    for path in sorted(_PACKAGE.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            found.update(f"{path.relative_to(_PACKAGE).as_posix()} {sha256(path.read_bytes()).hexdigest()}\n".encode())
    for library in LIBRARIES:
        found.update(f"{library} {version(library)}\n".encode())
    return found.hexdigest()
