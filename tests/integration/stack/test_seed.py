"""The demo users' documents: there at the first start, never touched again, and good."""

import base64

import psycopg
import pytest

from dev.seed import SampleDocument, first_document, sample_documents, seed
from dev.tokens import DEMO_USERS
from resumepair_renderer import parse_document
from tests.conftest import Database


def test_each_demo_user_begins_with_three_documents(database: Database) -> None:
    assert seed(database.admin_url) == 6
    with psycopg.connect(database.admin_url) as connection:
        rows = connection.execute("select user_id, count(*) from resumepair.documents group by 1").fetchall()
    assert dict(rows) == {DEMO_USERS["alice"].id: 3, DEMO_USERS["bob"].id: 3}


def test_second_start_leaves_documents_as_their_user_left_them(database: Database) -> None:
    seed(database.admin_url)
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        connection.execute("delete from resumepair.documents where title not like 'Staff%'")
        connection.execute("update resumepair.documents set title = 'Mine now'")
    assert seed(database.admin_url) == 3  # bob had none left
    with psycopg.connect(database.admin_url) as connection:
        titles = connection.execute(
            "select title from resumepair.documents where user_id = %s", [DEMO_USERS["alice"].id]
        ).fetchall()
    assert titles == [("Mine now",)]


def test_first_document_is_the_one_that_lists_begin_with(database: Database) -> None:
    assert first_document(database.admin_url, "alice") is None
    seed(database.admin_url)
    found = first_document(database.admin_url, "alice")
    assert found is not None
    assert base64.b64decode(found).decode() == f"Document:{sample_documents()[0].id}"


@pytest.mark.parametrize("owner", ["alice", "bob"])
def test_samples_hold_a_json_resume_and_another_script(owner: str) -> None:
    own = [sample for sample in sample_documents() if sample.owner == owner]
    assert len([sample for sample in own if "basics" in sample.data]) == 1
    assert len([sample for sample in own if not sample.title.isascii()]) == 1


@pytest.mark.parametrize("sample", sample_documents(), ids=lambda sample: sample.title)
def test_sample_is_a_valid_document(sample: SampleDocument) -> None:
    parse_document(sample.data)
