"""The demo users' sample documents: fictional people, realistic two-page résumés.

One JSON file for each document in `dev/seed/`: its id, its owner, its title, its data.
"""

import base64
import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import psycopg
from psycopg.types.json import Jsonb

from dev.tokens import DEMO_USERS

FOLDER: Final = Path(__file__).with_name("seed")


@dataclass(frozen=True)
class SampleDocument:
    """A document that a demo user begins with."""

    id: uuid.UUID
    owner: str
    title: str
    data: dict[str, object]


def sample_documents() -> list[SampleDocument]:
    """Read the samples, in the order of their file names."""
    return [_read(path) for path in sorted(FOLDER.glob("*.json"))]


def seed(admin_url: str) -> int:
    """Give each demo user who has no document at all the samples; return how many were added.

    What a person changed or added stays as it is; deleting all of one's documents brings them back.

    Raises:
        psycopg.Error: the database cannot be reached or was not prepared.
    """
    added = 0
    with psycopg.connect(admin_url) as connection:
        for name, user in DEMO_USERS.items():
            found = connection.execute(
                "select from resumepair.documents where user_id = %s limit 1", [user.id]
            ).fetchone()
            own = [sample for sample in sample_documents() if sample.owner == name]
            if found is not None:
                continue
            for age, sample in enumerate(own):
                # The first one is the newest: lists begin with it.
                connection.execute(
                    "insert into resumepair.documents (id, user_id, title, data, created_at, updated_at)"
                    " select %s, %s, %s, %s, saved, saved"
                    " from (select now() - make_interval(mins => %s)) as age (saved)",
                    [sample.id, user.id, sample.title, Jsonb(sample.data), age],
                )
            added += len(own)
    return added


def first_document(admin_url: str, owner: str) -> str | None:
    """Return the global id of a demo user's first sample, or of the newest document once that is gone."""
    sample = next(sample for sample in sample_documents() if sample.owner == owner)
    with psycopg.connect(admin_url) as connection:
        row = connection.execute(
            "select id from resumepair.documents where user_id = %s order by id = %s desc, created_at desc limit 1",
            [DEMO_USERS[owner].id, sample.id],
        ).fetchone()
    return global_id("Document", row[0]) if row else None


def global_id(kind: str, identity: uuid.UUID) -> str:
    """Return the API's opaque id of an object (Relay's global id)."""
    return base64.b64encode(f"{kind}:{identity}".encode()).decode()


def _read(path: Path) -> SampleDocument:
    content = cast("dict[str, object]", json.loads(path.read_text(encoding="utf-8")))
    return SampleDocument(
        id=uuid.UUID(str(content["id"])),
        owner=str(content["owner"]),
        title=str(content["title"]),
        data=cast("dict[str, object]", content["data"]),
    )
