"""Exports one of alice's documents through the public API and tells what happens (`make watch`).

An ordinary client: it knows the address, a token and the GraphQL schema.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import Any, Final

from gql import Client, gql
from gql.client import AsyncClientSession
from gql.transport.exceptions import TransportError
from gql.transport.websockets import WebsocketsTransport

from dev.environment import address, read_environment
from dev.errors import SetupError
from dev.seed import global_id, sample_documents
from dev.tokens import local_token

DOCUMENTS: Final = """
query($sample: ID!) {
  document(id: $sample) { id title }
  documents(first: 1) { edges { node { id title } } }
}
"""
EXPORT: Final = """
mutation($document: ID!) {
  exportPdf(input: {documentId: $document}) { job { id } errors { message } }
}
"""
WATCH: Final = """
subscription($job: ID!) {
  jobProgress(id: $job) {
    status progress { percent stage } artifact { url byteSize pageCount } failure { code message }
  }
}
"""


async def watch(environment: Mapping[str, str]) -> None:
    """Export a document and print its progress until the job has ended.

    Raises:
        SetupError: nothing answers, or the API refuses the export.
    """
    url = address(environment).url
    token = local_token("alice", environment)
    transport = WebsocketsTransport(
        url=f"{url.replace('http', 'ws', 1)}/graphql",
        init_payload={"authorization": f"Bearer {token}"},
        subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
    )
    try:
        async with Client(transport=transport) as session:
            document = await _document(session)
            print(f"exporting {document['title']!r}")
            job = await _export(session, document["id"])
            request = gql(WATCH)
            request.variable_values = {"job": job}
            async for event in session.subscribe(request):
                _tell(event["jobProgress"])
    except (OSError, TransportError) as error:
        raise SetupError(f"no answer from {url} (is `make run` running?): {error}") from error


async def _document(session: AsyncClientSession) -> dict[str, str]:
    """Alice's first sample; her newest document once that is gone."""
    request = gql(DOCUMENTS)
    request.variable_values = {"sample": global_id("Document", sample_documents()[0].id)}
    found = await session.execute(request)
    newest = [edge["node"] for edge in found["documents"]["edges"]]
    if document := found["document"] or next(iter(newest), None):
        return dict(document)
    raise SetupError("alice has no document")


async def _export(session: AsyncClientSession, document: str) -> str:
    request = gql(EXPORT)
    request.variable_values = {"document": document}
    payload = (await session.execute(request))["exportPdf"]
    if payload["errors"]:
        raise SetupError("; ".join(error["message"] for error in payload["errors"]))
    return str(payload["job"]["id"])


def _tell(job: dict[str, Any]) -> None:
    progress = job["progress"]
    print(f"{progress['percent']:>4} %  {job['status'].lower():<10}  {progress['stage'] or ''}")
    if artifact := job["artifact"]:
        pages = "1 page" if artifact["pageCount"] == 1 else f"{artifact['pageCount']} pages"
        print(f"{pages}, {artifact['byteSize']} bytes: {artifact['url']}")
    if failure := job["failure"]:
        print(f"{failure['code']}: {failure['message']}")


def main() -> int:
    """Run the export; 1 when there is no product to talk to."""
    try:
        asyncio.run(watch(read_environment(os.environ)))
    except SetupError as error:
        print(f"make watch: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
