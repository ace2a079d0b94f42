import pytest

from resumepair_graphql.negotiation import MediaType, negotiate, wants_html

RESPONSE, JSON, EVENTS = MediaType.RESPONSE, MediaType.JSON, MediaType.EVENTS


@pytest.mark.parametrize(
    ("accept", "best", "takes_events"),
    [
        (None, JSON, False),
        (" ", JSON, False),
        ("*/*", JSON, False),
        ("Application/JSON", JSON, False),
        ("text/event-stream", EVENTS, True),
        ("text/event-stream, multipart/mixed", EVENTS, True),
        ("application/json, text/event-stream", JSON, True),
        ("text/event-stream;q=0.1, application/json;q=0.2", JSON, True),
        ("text/event-stream;q=0, */*", JSON, False),
        ("text/*", EVENTS, True),
        ("application/json, text/*", JSON, True),
        ("text/event-stream;q=0, text/*, application/json;q=0.5", JSON, False),
        ("text/event-stream;q=x, */*", JSON, False),
        ("text/html, */*;q=0.1", JSON, False),
        ("application/json;q=0.9, application/graphql-response+json; charset=utf-8", RESPONSE, False),
    ],
)
def test_the_best_form(accept: str | None, best: MediaType, takes_events: bool) -> None:
    accepted = negotiate(accept)
    assert accepted
    assert (accepted.best, accepted.takes_events) == (best, takes_events)


@pytest.mark.parametrize("accept", ["text/html", "image/*", ",", "text/*, text/event-stream;q=0"])
def test_no_form_at_all(accept: str) -> None:
    assert negotiate(accept) is None


def test_a_browser_asks_for_a_page_by_name() -> None:
    assert wants_html("text/html,application/xhtml+xml,*/*;q=0.8")
    assert not wants_html("*/*")
    assert not wants_html(None)
