"""Which addresses of a document become links, and how they are printed. All others stay text."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

ALLOWED_SCHEMES: Final = frozenset({"http", "https", "mailto", "tel"})

_BARE_ADDRESS: Final = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,24}(?::\d{1,5})?(?:[/?#]\S*)?", re.IGNORECASE)
_EMAIL: Final = re.compile(r"[^\s@<>\"'?&%:/]+@[^\s@<>\"'?&%:/]+\.[^\s@<>\"'?&%:/]+")
_SHOWN_PREFIX: Final = re.compile(r"^(?:https?://(?:www\.)?|mailto:|tel:)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Anchor:
    """Text that may lead somewhere; `href` is empty when it does not."""

    text: str
    href: str = ""


def web(address: str, text: str = "") -> Anchor:
    """A page; printed as `text`, or as its own address without what everybody knows."""
    shown = text or _SHOWN_PREFIX.sub("", address).removesuffix("/")
    return Anchor(shown or address, safe_href(address))


def email(address: str) -> Anchor:
    """An e-mail address."""
    return Anchor(address, f"mailto:{address}" if _EMAIL.fullmatch(address) else "")


def phone(number: str) -> Anchor:
    """A telephone number, as it was written; dialled without its punctuation (RFC 3966)."""
    digits = re.sub(r"[^\d+]", "", number, flags=re.ASCII)
    return Anchor(number, f"tel:{digits}" if re.fullmatch(r"\+?\d{5,15}", digits) else "")


def safe_href(address: str) -> str:
    """`address` if its scheme is allowed, with https where it has none; else nothing."""
    if re.search(r"\s", address):
        return ""
    if _BARE_ADDRESS.fullmatch(address):
        return f"https://{address}"
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    if parts.scheme not in ALLOWED_SCHEMES or (parts.scheme.startswith("http") and not parts.netloc):
        return ""
    return address
