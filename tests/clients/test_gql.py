"""The follower of the Python page, where the network breaks and the token expires under it."""

import gc
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from socket import SHUT_RDWR, create_connection, create_server, socket
from typing import Any

import pytest

from tests.clients.conftest import ROOT, Author
from tests.clients.test_snippets import ADDRESS

PAGE = (ROOT / "docs" / "clients" / "python.md").read_text()
CLOCK_SKEW_SECONDS = 10
SHORT_SECONDS = 2 - CLOCK_SKEW_SECONDS


class Proxy:
    """A way to the product that can break under its users."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server = create_server(("127.0.0.1", 0))
        self._open: list[socket] = []
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                near, _ = self._server.accept()
                far = create_connection(("127.0.0.1", self._target))
                self._open += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=(source, sink), daemon=True).start()

    def cut(self) -> None:
        """End every connection, without a word."""
        for end in self._open:
            _shut(end)
        self._open.clear()

    def close(self) -> None:
        _shut(self._server)
        self.cut()


def _pump(source: socket, sink: socket) -> None:
    with suppress(OSError):  # cut
        while data := source.recv(65536):
            sink.sendall(data)
    _shut(sink)


def _shut(end: socket) -> None:
    with suppress(OSError):  # it was ended from the other side
        end.shutdown(SHUT_RDWR)
    end.close()


@pytest.fixture
def proxy(author: Author) -> Iterator[Proxy]:
    proxy = Proxy(author.product.port)
    yield proxy
    proxy.close()


def follower(port: int, token: Callable[[], str]) -> Callable[[str], Iterator[dict[str, Any]]]:
    """`follow` as the page has it, with these tokens and without its pause."""
    scope: dict[str, Any] = {}
    for heading in ("Set up", "Follow it"):
        section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
        (code,) = re.findall(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
        code = code.partition("\n\n\nfor state in")[0]
        exec(code.replace(ADDRESS, f"127.0.0.1:{port}"), scope)  # the page's own code
    scope |= {"token": token, "sleep": lambda _: None}
    follow: Callable[[str], Iterator[dict[str, Any]]] = scope["follow"]
    return follow


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # gql's own, of loops that its synchronous client left open
def test_following_survives_a_cut_connection_and_an_expired_token(author: Author, proxy: Proxy) -> None:
    with ThreadPoolExecutor() as threads:  # which take gql's event loops with them
        states = threads.submit(follow_through_trouble, author, proxy).result()
    gc.collect()  # now, that nothing is found open in a later test
    sequences = [state["progress"]["sequence"] for state in states]
    assert sequences[0] == 1
    assert sequences == sorted(set(sequences)), "nothing is told twice"
    assert states[-1]["status"] == "COMPLETED"


def follow_through_trouble(author: Author, proxy: Proxy) -> list[dict[str, Any]]:
    """What the follower gives: its first connection is cut, the second ends with its token, then work goes on."""
    person = author.person()
    document = person.save()
    with author.waiting() as release:
        tokens = iter([author.token(), author.token(SHORT_SECONDS)])

        def token() -> str:
            try:
                return next(tokens)
            except StopIteration:
                release()
                return author.token()

        states: list[dict[str, Any]] = []
        for state in follower(proxy.port, token)(person.export(document)):
            if not states:
                proxy.cut()
            states.append(state)
    return states
