"""What a person reads when the local stack is ready: where it is and what to try first."""

import json
from typing import Final
from urllib.parse import urlsplit

from dev.environment import DEFAULT_PORT

EXPORT: Final = (
    "mutation($document: ID!) { exportPdf(input: {documentId: $document})"
    " { job { id status } errors { code message } } }"
)


def welcome(*, url: str, token: str, document: str | None) -> str:
    """Return the text; `document` is the global id of one of alice's documents, if she has any."""
    lines = [
        "",
        f"ResumePair Export is running: {url}/graphql",
        "",
        "In a browser, signed in as alice:",
        "",
        f"  {url}/graphql#token={token}",
        "",
        *(_first_steps(url, token, document) if document else []),
        "Tokens: make token USER=alice|bob|admin     Stop: Ctrl-C (the data stays)",
        "",
    ]
    return "\n".join(lines)


def export_command(url: str, token: str, document: str) -> str:
    """Return a `curl` that exports the document, ready to be pasted into a shell."""
    body = json.dumps({"query": EXPORT, "variables": {"document": document}})
    return (
        f"curl -sS {url}/graphql \\\n"
        f"  -H 'Content-Type: application/json' \\\n"
        f"  -H 'Authorization: Bearer {token}' \\\n"
        f"  -d '{body}' -w '\\n'"
    )


def _first_steps(url: str, token: str, document: str) -> list[str]:
    given = urlsplit(url).port
    port = "" if given == DEFAULT_PORT else f" PORT={given}"
    return [
        "Export one of alice's résumés:",
        "",
        export_command(url, token, document),
        "",
        f"Do the same and watch it happen, in another terminal:  make watch{port}",
        "",
    ]
