"""The receivers of the guide to webhooks work as they stand: what is signed is taken once, and nothing else is."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from standardwebhooks import Webhook

from tests.acceptance.conftest import free_port
from tests.clients.conftest import ANSWER_SECONDS, ROOT

PAGE = ROOT / "docs" / "how-to" / "receive-webhooks.md"
SECRET = "whsec_" + "c2VjcmV0" * 5
BODY = (
    '{"type": "export.completed", "timestamp": "2030-01-31T08:00:00.000Z", "data": {"jobId": "x", "fileName": "é.pdf"}}'
)


@contextmanager
def receiver(
    language: str, folder: Path, request: pytest.FixtureRequest
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The guide's receiver as a process of its own, and its address."""
    (code,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    port = free_port()
    path = folder / f"receiver.{'py' if language == 'python' else 'mts'}"
    path.write_text(code.replace("9000", str(port)))
    program = sys.executable if language == "python" else request.getfixturevalue("node").program
    with subprocess.Popen(
        [program, str(path)],
        env={"WEBHOOK_SECRET": SECRET}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True,
    ) as process:  # fmt: skip
        try:
            until_listening(port, process)
            yield f"http://127.0.0.1:{port}/", process
        finally:
            process.kill()


def until_listening(port: int, process: subprocess.Popen[str]) -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            continue
        return
    pytest.fail("it ended")


def signed(secret: str = SECRET, at: datetime | None = None) -> dict[str, str]:
    at = at or datetime.now(UTC)
    return {
        "webhook-id": "8b0c", "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": f"v1,AAAA {Webhook(secret).sign('8b0c', at, BODY)}",
    }  # fmt: skip


@pytest.mark.parametrize("language", ["python", "ts"])
def test_receivers(language: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    forged = [
        (BODY, signed("whsec_" + "b3RoZXI=" * 5)),
        (BODY + " ", signed()),
        (BODY, signed(at=datetime(2020, 1, 1, tzinfo=UTC))),
        (BODY, {}),
    ]
    with receiver(language, tmp_path, request) as (url, process), httpx.Client(timeout=ANSWER_SECONDS) as client:
        refused = [client.post(url, content=body, headers=headers).status_code for body, headers in forged]
        taken = [client.post(url, content=BODY, headers=signed()).status_code for _ in range(2)]
        process.kill()
        printed, _ = process.communicate()
    assert (refused, taken) == ([400] * 4, [204, 204])
    assert printed.count("export.completed") == 1
