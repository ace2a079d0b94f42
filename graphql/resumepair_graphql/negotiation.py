"""Which form an answer takes: the `Accept` header, read in the client's order."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class MediaType(Enum):
    """The forms in which `/graphql` answers."""

    RESPONSE = "application/graphql-response+json"
    JSON = "application/json"
    EVENTS = "text/event-stream"


NAMED = {media_type.value: media_type for media_type in MediaType}
# That of everything does not mean an event stream: nobody reads one by accident.
WILDCARDS = {"*/*": MediaType.JSON, "application/*": MediaType.JSON, "text/*": MediaType.EVENTS}


@dataclass(frozen=True)
class Acceptance:
    """What a client takes: the form it likes best, and whether an event stream is among the others."""

    best: MediaType
    takes_events: bool


def negotiate(accept: str | None) -> Acceptance | None:
    """The form that the client likes best; None when it takes none of ours.

    The highest `q` wins, then the place in the list: urql names `text/event-stream` last and does not want it.
    Without a header, and for a wildcard, the answer is `application/json` (GraphQL over HTTP, "Legacy watershed").
    """
    if not accept or not accept.strip():
        return Acceptance(MediaType.JSON, takes_events=False)
    ranges = sorted(((quality, name) for name, quality in _ranges(accept)), key=lambda item: -item[0])
    refused = {name for quality, name in ranges if quality <= 0}  # by name, whatever a wildcard says
    forms = (NAMED.get(name) or WILDCARDS.get(name) for quality, name in ranges if quality > 0)
    found = [form for form in forms if form and form.value not in refused]
    return Acceptance(found[0], takes_events=MediaType.EVENTS in found) if found else None


def wants_html(accept: str | None) -> bool:
    """Whether a browser asks for a page."""
    return any(name == "text/html" and quality > 0 for name, quality in _ranges(accept or ""))


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        yield name, next((_quality(piece[2:]) for piece in parameters if piece.startswith("q=")), 1.0)


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
