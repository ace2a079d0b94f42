"""Which web pages may use the API: those of its own address, and those of a list.

A browser names the page's origin itself; a request without one does not come from a page.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from strawberry.http.websocket_origin import is_same_origin, normalize_allowed_origins, normalize_origin

from resumepair_graphql.http_refusal import HttpCode, HttpRefusal

ANY = "*"


class Origins:
    """The allow-list of ALLOWED_ORIGINS, for HTTP and WebSocket alike."""

    def __init__(self, allowed: Iterable[str], public_url: str | None) -> None:
        self._allowed = frozenset(allowed)
        self._own = normalize_origin("{0.scheme}://{0.netloc}".format(urlsplit(public_url))) if public_url else None

    def check(self, headers: Headers) -> None:
        """Do nothing where the request may go on.

        Raises:
            HttpRefusal: 403, it comes from a page of a foreign origin.
        """
        origin = headers.get("origin")
        if origin is None or ANY in self._allowed:
            return
        normal = normalize_origin(origin)
        if normal is not None and (normal in self._allowed or normal == self._own):
            return
        # Any name can be made to lead here: what a page calls its own address counts only while ours is not known.
        is_own = headers.get("sec-fetch-site") == "same-origin" or is_same_origin(origin, headers.get("host"))
        if self._own or not is_own:
            message = "Pages of this origin may not use the API; the operator can add it to ALLOWED_ORIGINS."
            raise HttpRefusal(HttpCode.ORIGIN_NOT_ALLOWED, message)


def parse_origins(text: str) -> tuple[str, ...]:
    """A comma-separated list of origins (`https://app.example`), or `*`, as browsers write them.

    Raises:
        ValueError: One of them is no origin.
    """
    return tuple(sorted(normalize_allowed_origins(part.strip() for part in text.split(",") if part.strip())))
