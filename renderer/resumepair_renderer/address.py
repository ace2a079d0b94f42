"""How browsers spell an address (WHATWG URL): two are the same when they are spelled the same."""

import re
from typing import Final
from unicodedata import normalize
from urllib.parse import quote

# Of everything else it does not matter how a browser writes it: here it is always percent-encoded.
_KEPT: Final = "%/:?#[]@!$&()*+,;=-._~"
_WEB: Final = re.compile(r"(https?):[/\\]{2}([^/\\?#]*)([^?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_PORTS: Final = {"http": re.compile(":(?:80)?$"), "https": re.compile(":(?:443)?$")}
_DOT: Final = re.compile("[.\u3002]")
_HERE: Final = frozenset({".", "%2e"})
_ABOVE: Final = frozenset({"..", ".%2e", "%2e.", "%2e%2e"})


def browser_spelling(address: str) -> str:
    """`address` as browsers write it: host in small letters and ASCII, path without dots, the rest percent-encoded."""
    web = _WEB.fullmatch(address)
    if web is None:
        scheme, colon, rest = address.partition(":")
        return f"{scheme.lower()}{colon}{quote(rest, safe=_KEPT)}"
    scheme = web[1].lower()
    user, at, host = web[2].rpartition("@")
    host = _PORTS[scheme].sub("", _host(host))
    path = quote(_path(web[3].replace("\\", "/")), safe=_KEPT)
    return f"{scheme}://{quote(user, safe=_KEPT)}{at}{host}{path}{quote(web[4], safe=_KEPT)}"


def _host(host: str) -> str:
    return ".".join(map(_label, _DOT.split(normalize("NFKC", host).lower())))


def _label(label: str) -> str:
    return label if label.isascii() else f"xn--{label.encode('punycode').decode()}"


def _path(path: str) -> str:
    """`path` with its steps taken: `/a/../b` is `/b`."""
    steps: list[str] = []
    segments = path.split("/")[1:] or [""]
    for segment in segments:
        step = segment.lower()
        if step in _ABOVE:
            del steps[-1:]
        elif step not in _HERE:
            steps.append(segment)
    if segments[-1].lower() in _HERE | _ABOVE:
        steps.append("")
    return "/" + "/".join(steps)
