"""GraphQL over HTTP, as npm's graphql-http audits it."""

import asyncio
import json

from dev.npm import NODE, install
from dev.state import PROJECT
from tests.integration.transports.conftest import Server

AUDIT = PROJECT / "tests" / "clients" / "audit"
CHECKS = 61


async def test_every_check_of_the_audit_passes(server: Server) -> None:
    install(AUDIT)
    process = await asyncio.create_subprocess_exec(
        NODE, "audit.js", server.graphql, cwd=AUDIT, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    results = [json.loads(line) for line in output.splitlines()]
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == CHECKS
