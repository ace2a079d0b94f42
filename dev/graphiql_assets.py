"""Copies what the GraphiQL page is made of from npm packages into the API's package: `make graphiql`.

`dev/graphiql/package-lock.json` pins the packages. The copies are committed, so that neither `make run` nor the wheel
needs npm; a test compares them with the packages.
"""

from pathlib import Path
from typing import Final

from dev.npm import install
from dev.state import PROJECT

PACKAGES: Final = PROJECT / "dev" / "graphiql"
VENDOR: Final = PROJECT / "graphql" / "resumepair_graphql" / "graphiql_page" / "vendor"
# Where each file comes from, and each package's licence.
FILES: Final = {
    "graphiql.min.js": "graphiql/graphiql.min.js",
    "graphiql.min.css": "graphiql/graphiql.min.css",
    "graphiql.LICENSE.txt": "graphiql/LICENSE",
    "graphql-ws.min.js": "graphql-ws/umd/graphql-ws.min.js",
    "graphql-ws.LICENSE.txt": "graphql-ws/LICENSE.md",
    "react.production.min.js": "react/umd/react.production.min.js",
    "react-dom.production.min.js": "react-dom/umd/react-dom.production.min.js",
    "react.LICENSE.txt": "react/LICENSE",
}


def contents(packages: Path) -> dict[str, bytes]:
    """Return each file as the installed packages have it; without the pointer to a source map that is not copied."""
    found: dict[str, bytes] = {}
    for name, source in FILES.items():
        content = (packages / "node_modules" / source).read_bytes()
        found[name] = content.partition(b"//# sourceMappingURL=")[0].rstrip() + b"\n"
    return found


def main() -> None:
    """Install and copy."""
    install(PACKAGES)
    VENDOR.mkdir(exist_ok=True)
    for name, content in contents(PACKAGES).items():
        (VENDOR / name).write_bytes(content)


if __name__ == "__main__":
    main()
