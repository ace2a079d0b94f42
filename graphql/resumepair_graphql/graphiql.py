"""GraphiQL at `/graphql`, for development: a page whose parts all come from this package, so that it works offline.

`graphiql_page/vendor` is copied from npm packages by `make graphiql`; the rest of that folder is ours.
"""

from functools import cache
from pathlib import Path

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from graphql import OperationDefinitionNode, parse
from resumepair_graphql.negotiation import wants_html

FOLDER = Path(__file__).parent / "graphiql_page"
SEPARATOR = "\n# ---\n"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src data:; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def routes() -> list[BaseRoute]:
    """The page's scripts and styles."""
    return [Mount("/graphiql", StaticFiles(directory=FOLDER))]


def is_asked_for(request: Request) -> bool:
    """Whether somebody opens the endpoint in a browser, as opposed to sending it an operation."""
    has_operation = {"query", "extensions"} & request.query_params.keys()
    return request.method == "GET" and not has_operation and wants_html(request.headers.get("accept"))


def page() -> Response:
    """The page, with the examples as its first tabs."""
    return HTMLResponse(_html(), headers=HEADERS)


def read_examples() -> list[dict[str, str]]:
    """Each example's `query`, and its `variables` as JSON to be filled in."""
    return [
        {"query": text.strip() + "\n", "variables": _blank_variables(text)}
        for text in (FOLDER / "examples.graphql").read_text(encoding="utf-8").split(SEPARATOR)
    ]


@cache
def _html() -> str:
    examples = orjson.dumps(read_examples()).decode().replace("<", "\\u003c")
    return (FOLDER / "index.html").read_text(encoding="utf-8").replace("EXAMPLES", examples)


def _blank_variables(text: str) -> str:
    operations = (node for node in parse(text).definitions if isinstance(node, OperationDefinitionNode))
    names = [variable.variable.name.value for node in operations for variable in node.variable_definitions or ()]
    return orjson.dumps(dict.fromkeys(names, ""), option=orjson.OPT_INDENT_2).decode() if names else ""
