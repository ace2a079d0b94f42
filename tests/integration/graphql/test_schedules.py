"""`scheduleExport`, `schedules` and `deleteSchedule`, as a client meets them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from strawberry.relay import to_base64

from resumepair_graphql.auth import Identity
from resumepair_graphql.context import Services
from tests.integration.conftest import Connection, Person, WorkerVoice
from tests.integration.graphql.conftest import Ask, Execute

FIELDS = """id at cron timeZone fresh nextRunAt lastRunAt createdAt document { id title } lastJob { id status }
    lastRefusal { code message }"""
SCHEDULE = f"""mutation ($input: ScheduleExportInput!) {{ scheduleExport(input: $input) {{
    schedule {{ {FIELDS} }} replayed errors {{ code message path ... on RateLimited {{ active limit }} }} }} }}"""
SCHEDULES = f"""query ($first: Int, $after: String) {{ schedules(first: $first, after: $after) {{
    edges {{ node {{ {FIELDS} }} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
DELETE = "mutation ($id: ID!) { deleteSchedule(input: {scheduleId: $id}) { deletedId errors { code message path } } }"
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)


def new_document(person: Person, title: str = "CV") -> str:
    return to_base64("Document", person.save_document(title))


async def listed(ask: Ask, person: Person) -> list[dict[str, Any]]:
    return [edge["node"] for edge in (await ask(person, SCHEDULES, first=100))["edges"]]


def ran(worker: WorkerVoice, following: str | None = None) -> None:
    (due,) = worker.due_schedules()
    assert worker.run_schedule(due, following)


async def test_an_export_is_scheduled_once_at_a_time(ask: Ask, alice: Person, admin: Connection) -> None:
    document = new_document(alice)
    request = {"documentId": document, "at": TOMORROW.isoformat(), "options": {"template": "modern", "pageSize": "A4"}}

    payload = await ask(alice, SCHEDULE, input=request)

    schedule = payload["schedule"]
    assert (payload["errors"], payload["replayed"]) == ([], False)
    assert schedule["at"] == schedule["nextRunAt"] == TOMORROW.isoformat()
    assert schedule["document"] == {"id": document, "title": "CV"}
    nothing = ("cron", "lastRunAt", "lastJob", "lastRefusal")
    assert [schedule[name] for name in nothing] == [None] * 4
    assert await listed(ask, alice) == [schedule]
    (row,) = admin.execute("select options from resumepair.export_schedules").fetchall()
    assert row["options"] == {"template": "modern", "pageSize": "A4"}


async def test_a_schedule_can_ask_for_fresh_exports(ask: Ask, alice: Person) -> None:
    document = new_document(alice)
    for given, fresh in (({"fresh": True}, True), ({}, False)):
        request = {"documentId": document, "at": TOMORROW.isoformat(), "idempotencyKey": f"fresh {fresh}"}
        schedule = (await ask(alice, SCHEDULE, input=request | given))["schedule"]
        assert schedule["fresh"] is fresh
        payload = await ask(alice, SCHEDULE, input=request | {"fresh": not fresh})
        assert [error["code"] for error in payload["errors"]] == ["IDEMPOTENCY_KEY_REUSED"]
    assert [schedule["fresh"] for schedule in await listed(ask, alice)] == [False, True]


async def test_a_cron_expression_is_read_in_its_time_zone(ask: Ask, alice: Person) -> None:
    request = {"documentId": new_document(alice), "cron": "30 8 * * *", "timeZone": "Asia/Kolkata"}
    schedule = (await ask(alice, SCHEDULE, input=request))["schedule"]
    assert (schedule["at"], schedule["cron"], schedule["timeZone"]) == (None, "30 8 * * *", "Asia/Kolkata")
    next_run = datetime.fromisoformat(schedule["nextRunAt"])
    assert (next_run.hour, next_run.minute, next_run.utcoffset()) == (3, 0, timedelta())
    assert next_run > datetime.now(UTC)


async def test_what_became_of_the_last_run_is_told(ask: Ask, alice: Person, worker: WorkerVoice) -> None:
    alice.schedule(cron="0 * * * *", at="0 seconds")

    ran(worker, following="0 seconds")

    (schedule,) = await listed(ask, alice)
    job = schedule["lastJob"]
    assert (job["status"], schedule["lastRefusal"]) == ("PENDING", None)
    assert schedule["lastRunAt"]
    alice.export()
    alice.export()

    ran(worker, following="1 hour")

    (schedule,) = await listed(ask, alice)
    assert schedule["lastRefusal"]["code"] == "RATE_LIMITED"
    assert "3 of 3 export requests are active" in schedule["lastRefusal"]["message"]
    assert schedule["lastJob"] == job


async def test_an_unforeseen_refusal_is_told_as_unavailable(
    ask: Ask, alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    admin.execute("alter table resumepair.export_jobs add constraint broken check (false) not valid")
    alice.schedule(at="0 seconds")
    ran(worker)
    (schedule,) = await listed(ask, alice)
    assert schedule["lastRefusal"] == {
        "code": "UNAVAILABLE",
        "message": "Something went wrong on our side; it is tried again.",
    }


@pytest.mark.parametrize(
    ("given", "path", "reason"),
    [
        ({}, "at", "either a time or a cron"),
        ({"at": "2030-01-01T08:00:00Z", "cron": "0 8 * * *"}, "at", "either a time or a cron"),
        ({"at": "2001-01-01T08:00:00Z"}, "at", "past"),
        ({"at": "9999-12-31T08:00:00Z"}, "at", "more than a year ahead"),
        ({"at": "2030-01-01T08:00:00"}, "at", "offset"),
        ({"at": "2030-01-01T08:00:00Z", "timeZone": "Europe/Berlin"}, "timeZone", "goes with `cron`"),
        ({"cron": "every day"}, "cron", "five fields"),
        ({"cron": "0 25 * * *"}, "cron", "bad hour"),
        ({"cron": "*/5 * * * *"}, "cron", "15 minutes"),
        ({"cron": "0 8 * * *", "timeZone": "Mars/Olympus"}, "timeZone", "no such time zone"),
        ({"cron": "0 8 * * *", "idempotencyKey": ""}, "idempotencyKey", "1 to 200 characters"),
        ({"cron": "0 8 * * *", "options": {"template": "baroque"}}, "options.template", "no such template"),
    ],
)
async def test_what_cannot_be_scheduled_is_refused_with_its_field(
    ask: Ask, alice: Person, given: dict[str, Any], path: str, reason: str
) -> None:
    payload = await ask(alice, SCHEDULE, input={"documentId": new_document(alice), **given})
    (error,) = payload["errors"]
    assert (error["code"], error["path"]) == ("INVALID_INPUT", ["input", *path.split(".")])
    assert reason in error["message"]
    assert payload["schedule"] is None
    assert await listed(ask, alice) == []


async def test_the_same_key_gives_the_first_schedule_again(ask: Ask, alice: Person) -> None:
    request = {"documentId": new_document(alice), "cron": "0 8 * * *", "idempotencyKey": "k"}
    first = await ask(alice, SCHEDULE, input=request)
    second = await ask(alice, SCHEDULE, input=request)
    other = await ask(alice, SCHEDULE, input={**request, "timeZone": "Europe/Berlin"})
    assert (first["replayed"], second["replayed"]) == (False, True)
    assert second["schedule"] == first["schedule"]
    assert (other["schedule"], other["errors"][0]["code"]) == (None, "IDEMPOTENCY_KEY_REUSED")
    assert other["errors"][0]["path"] == ["input", "idempotencyKey"]


async def test_more_schedules_than_allowed_are_refused_with_the_numbers(
    ask: Ask, alice: Person, admin: Connection
) -> None:
    admin.execute("insert into resumepair.user_limits (user_id, max_schedules) values (%s, 1)", [alice.id])
    alice.schedule()
    (error,) = (await ask(alice, SCHEDULE, input={"documentId": new_document(alice), "cron": "0 8 * * *"}))["errors"]
    assert (error["code"], error["active"], error["limit"]) == ("RATE_LIMITED", 1, 1)
    assert error["message"] == "1 of 1 schedules have something to come; delete one."


async def test_schedules_come_in_pages_latest_first(ask: Ask, alice: Person, bob: Person) -> None:
    bob.schedule()
    made = [to_base64("ExportSchedule", alice.schedule()["schedule_id"]) for _ in range(5)]
    pages: list[list[str]] = []
    after, more = None, True
    while more:
        page = await ask(alice, SCHEDULES, first=2, after=after)
        pages.append([edge["node"]["id"] for edge in page["edges"]])
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [id_ for page in pages for id_ in page] == made[::-1]


async def test_a_page_with_documents_and_jobs_takes_three_queries(
    services: Services, ask: Ask, alice: Person, worker: WorkerVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        alice.schedule(at="0 seconds")
    for due in worker.due_schedules():
        worker.run_schedule(due)
    asked: list[str] = []
    rows = services.database.rows

    async def counted(identity: Identity, query: str, **values: object) -> list[Any]:
        asked.append(query)
        return await rows(identity, query, **values)

    monkeypatch.setattr(services.database, "rows", counted)
    assert len(await listed(ask, alice)) == 3
    assert sorted(asked) == ["documents_by_id", "jobs_by_id", "schedules_page"]


async def test_a_deleted_schedule_is_gone(ask: Ask, alice: Person) -> None:
    id_ = to_base64("ExportSchedule", alice.schedule()["schedule_id"])
    assert await ask(alice, DELETE, id=id_) == {"deletedId": id_, "errors": []}
    assert await listed(ask, alice) == []
    assert (await ask(alice, DELETE, id=id_))["errors"][0]["code"] == "NOT_FOUND"


async def test_what_is_another_users_is_not_found(ask: Ask, alice: Person, bob: Person) -> None:
    key = alice.schedule()["schedule_id"]
    for unknown in (to_base64("ExportSchedule", key), to_base64("ExportSchedule", uuid4()), to_base64("Job", key), "x"):
        assert await ask(bob, DELETE, id=unknown) == {
            "deletedId": None,
            "errors": [{"code": "NOT_FOUND", "message": "There is no such schedule.", "path": ["input", "scheduleId"]}],
        }
    for document in (new_document(alice), to_base64("Document", uuid4()), "x"):
        payload = await ask(bob, SCHEDULE, input={"documentId": document, "cron": "0 8 * * *"})
        assert payload["schedule"] is None
        assert payload["errors"] == [
            {"code": "NOT_FOUND", "message": "There is no such document.", "path": ["input", "documentId"]}
        ]
    assert await listed(ask, bob) == []
    assert len(await listed(ask, alice)) == 1


async def test_without_a_token_there_are_no_schedules(execute: Execute, alice: Person) -> None:
    id_ = to_base64("ExportSchedule", alice.schedule()["schedule_id"])
    page, errors = await execute(None, SCHEDULES)
    assert (page, [error.extensions for error in errors]) == (None, [{"code": "UNAUTHENTICATED"}])
    request = {"documentId": to_base64("Document", uuid4()), "cron": "0 8 * * *"}
    for query, variables in ((DELETE, {"id": id_}), (SCHEDULE, {"input": request})):
        payload, _ = await execute(None, query, **variables)
        assert [error["code"] for error in payload["errors"]] == ["UNAUTHENTICATED"]
