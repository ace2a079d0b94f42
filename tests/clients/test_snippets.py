"""The documentation for client authors works as it stands: each page is run as one program, as a new user."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dev.npm import CLIENTS
from tests.acceptance.conftest import HISTORY, Product
from tests.clients.conftest import ANSWER_SECONDS, ROOT, Author, Node

DOCS = ROOT / "docs" / "clients"
README = ROOT / "README.md"
ADDRESS = "127.0.0.1:8000"
# Where the packages of the pages are found; written anew by each run.
SNIPPETS = CLIENTS / "snippets"
RESUMABLE = CLIENTS / "resumable.ts"
TYPESCRIPT = ("urql", "apollo")
# In the history of somebody who had two and has run a page.
EXPORTS = 3


def program(page: str, language: str) -> str:
    """All blocks of a page, but for what it installs."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)
    return "\n".join(block for block in blocks if not block.startswith("npm install"))


def at(author: Author, code: str) -> str:
    """For the running product, and with pages so small that there are several."""
    assert ADDRESS in code
    return re.sub(r"\bfirst(: |=)20\b", r"first\g<1>1", code.replace(ADDRESS, f"127.0.0.1:{author.product.port}"))


def run(*command: str, author: Author, folder: Path) -> str:
    """What a program printed; it has to end well."""
    done = subprocess.run(
        command, check=False, cwd=folder, env={**os.environ, "TOKEN": author.token()},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=ANSWER_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def assert_done(author: Author) -> None:
    """What a page says was done."""
    person = author.person()
    documents = [edge["node"] for edge in person.ask("{ documents { edges { node { id title } } } }")["edges"]]
    (document,) = (document["id"] for document in documents if document["title"] == "CV")
    exports = person.ask(HISTORY, filter={"documentId": document})["edges"]
    assert exports[-1]["node"]["downloadCount"] == 1
    assert person.ask("{ schedules { edges { node { id } } } }")["edges"] == []


@pytest.fixture
async def author(product: Product) -> Author:
    """Somebody with a history of two exports, so that there is something to page through."""
    author = Author(product)
    person = author.person()
    document = person.save(title="Earlier")
    for job in [person.export(document), person.export(document)]:
        await person.follow(job)
    return author


def test_curl(author: Author, tmp_path: Path) -> None:
    # `make token` would give a token of the stack in this checkout; the page's is somebody else's.
    make = f"make() {{ echo {author.token()}; }}"
    script = f"set -euo pipefail\n{make}\n{at(author, program('curl.md', 'sh'))}"
    printed = run("bash", "-c", script, author=author, folder=tmp_path)
    assert_done(author)
    assert (tmp_path / "cv.pdf").read_bytes().startswith(b"%PDF-")
    assert '"status":"COMPLETED"' in printed
    *_, refusal = printed.splitlines()
    assert '"code":"NOT_FOUND"' in refusal


def test_python(author: Author, tmp_path: Path) -> None:
    code = at(author, program("python.md", "python"))
    printed = run(sys.executable, "-c", code, author=author, folder=tmp_path)
    assert_done(author)
    assert (tmp_path / "cv.pdf").read_bytes().startswith(b"%PDF-")
    assert "COMPLETED 100\n" in printed
    assert printed.count("resume.pdf ") >= EXPORTS
    assert printed.endswith("NOT_FOUND ['input', 'documentId']\nINVALID_INPUT\n")


def test_the_pages_one_after_the_other_and_one_of_them_twice(author: Author, tmp_path: Path) -> None:
    """As somebody has them who tries one, and then the next, with the demo user of all of them."""
    make = f"make() {{ echo {author.token()}; }}"
    curl = f"set -euo pipefail\n{make}\n{at(author, program('curl.md', 'sh'))}"
    python = at(author, program("python.md", "python"))
    printed = [
        *readme(author, make, tmp_path),
        *(run("bash", "-c", curl, author=author, folder=tmp_path) for _ in range(2)),
        run(sys.executable, "-c", python, author=author, folder=tmp_path),
    ]
    for page in printed:
        assert "IDEMPOTENCY_KEY_REUSED" not in page
        assert "COMPLETED" in page or '"status":"P' in page


def readme(author: Author, make: str, folder: Path) -> list[str]:
    """What the README's example printed, twice; the ids are put in as it says."""
    (block,) = (text for text in re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL) if "exportPdf" in text)
    setup, *steps = at(author, block).split("\n\n")
    printed: list[str] = []
    for _ in range(2):
        said, id_ = "", ""
        for step in steps:
            code = f"set -euo pipefail\n{make}\n{setup}\n{re.sub('<(document|job) id>', id_, step)}"
            said = run("bash", "-c", code, author=author, folder=folder)
            if found := re.search(r'"id":"([^"]+)"', said):
                id_ = found[1]
        printed.append(said)
    return printed


def write_typescript(page: str, code: str) -> Path:
    """Where the page's packages are found, beside the module that it takes from the guide to watching a job."""
    SNIPPETS.mkdir(exist_ok=True)
    (SNIPPETS / "resumable.ts").write_text(RESUMABLE.read_text())
    path = SNIPPETS / f"{page}.ts"
    path.write_text(code)
    return path


@pytest.mark.parametrize("page", TYPESCRIPT)
def test_typescript(node: Node, author: Author, page: str) -> None:
    path = write_typescript(page, at(author, program(f"{page}.md", "ts")))
    printed = node.run(str(path), TOKEN=author.token())
    assert_done(author)
    assert "COMPLETED 100\n" in printed, "the query shows what the subscription brought"
    assert printed.count("resume.pdf ") >= EXPORTS
    assert printed.endswith("NOT_FOUND [ 'input', 'documentId' ]\nINVALID_INPUT\n")


def test_typescript_is_sound(node: Node) -> None:
    for page in TYPESCRIPT:
        write_typescript(page, program(f"{page}.md", "ts"))
    node.run("node_modules/typescript/bin/tsc", "--project", ".")


def test_the_module_that_resumes_is_the_tested_one() -> None:
    assert f"```ts\n{RESUMABLE.read_text()}```" in (ROOT / "docs" / "how-to" / "watch-a-job.md").read_text()
