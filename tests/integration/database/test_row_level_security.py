"""Every role tries everything with the owner's rows, directly against the policies: the data is in `rights`."""

from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.integration.conftest import Connection, Person, WorkerVoice
from tests.integration.database.rights import (
    CALLERS,
    COLUMNS,
    DENIED,
    FUNCTIONS,
    NONE,
    ROLES,
    TABLES,
    UNREADABLE,
    YES,
)  # fmt: skip

RIGHTS = "tests/integration/database/rights.py"


@pytest.fixture
def owner(alice: Person, worker: WorkerVoice, admin: Connection) -> Person:
    """A user with a row in every table."""
    alice.register_webhook()
    worker.finish(alice.export())
    (row,) = alice.enqueue(alice.save_document(), batch=True)
    worker.finish(row["job_id"])
    alice.schedule()
    admin.execute("insert into resumepair.user_limits (user_id) values (%s)", [alice.id])
    return alice


@pytest.fixture
def caller(request: pytest.FixtureRequest, owner: Person, bob: Person, worker: WorkerVoice) -> Person:
    match request.param:
        case "owner":
            return owner
        case "other user":
            return bob
        case "resumepair_worker":
            return Person(worker.connection, owner.id, "none")
        case "resumepair_api":
            return Person(owner.connection, owner.id, "none")
        case role:
            return Person(owner.connection, owner.id, role)


each_caller = pytest.mark.parametrize(("name", "caller"), [(name, name) for name in CALLERS], indirect=["caller"])


def attempt(caller: Person, query: str, *values: object) -> str:
    """What becomes of it; nothing that it does stays."""
    with caller.connection.transaction(force_rollback=True):
        try:
            return YES if caller.run(query, *values) else NONE
        except psycopg.errors.InsufficientPrivilege:
            return DENIED


def attempt_on(table: str, action: str, caller: Person, owner_id: UUID) -> str:
    """On a row of the owner's; of the columns, one that may be written if any may."""
    match table, action:
        case "export_statistics", _:  # of nobody in particular
            return attempt(caller, {
                "select": "select 1 from resumepair.export_statistics",
                "insert": "insert into resumepair.export_statistics (day, template) values (now(), 'x') returning 1",
                "update": "update resumepair.export_statistics set completed = 0 returning 1",
                "delete": "delete from resumepair.export_statistics returning 1",
            }[action])  # fmt: skip
        case _, "select":
            return attempt(caller, f"select 1 from resumepair.{table} where user_id = %s", owner_id)
        case _, "delete":
            return attempt(caller, f"delete from resumepair.{table} where user_id = %s returning 1", owner_id)
        case "documents", "insert":
            insert = "insert into resumepair.documents (user_id, title, data) values (%s, 'CV', '{}') returning 1"
            return attempt(caller, insert, owner_id)
        case _, "insert":
            return attempt(caller, f"insert into resumepair.{table} (user_id) values (gen_random_uuid()) returning 1")
        case _:
            change = {"documents": "title = 'x'", "user_limits": "quota_bytes = 1"}.get(table, "user_id = user_id")
            return attempt(caller, f"update resumepair.{table} set {change} where user_id = %s returning 1", owner_id)


@each_caller
def test_tables(name: str, caller: Person, owner: Person) -> None:
    place = CALLERS.index(name)
    found = {(table, action): attempt_on(table, action, caller, owner.id) for table, action in TABLES}
    assert found == {cell: outcomes[place] for cell, outcomes in TABLES.items()}


def test_every_table_is_in_the_matrix_and_has_its_policies_on(admin: Connection) -> None:
    found = admin.execute(
        "select relname, relrowsecurity from pg_class"
        " where relnamespace = 'resumepair'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')"
    ).fetchall()
    actions = ("select", "insert", "update", "delete")
    there = {(row["relname"], action) for row in found for action in actions}
    assert set(TABLES) == there, f"add rows to, or take them from, TABLES of {RIGHTS}"
    assert [row["relname"] for row in found if not row["relrowsecurity"]] == []


def test_columns_that_nobody_reads(admin: Connection) -> None:
    """Of tables of which somebody reads others."""
    found = admin.execute(
        """
        select c.relname, a.attname
        from pg_class as c join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace = 'resumepair'::regnamespace and c.relkind = 'r'
            and not exists (select from unnest(%s::text[]) as role
                            where has_column_privilege(role, c.oid, a.attnum, 'select'))
        """,
        [list(ROLES)],
    ).fetchall()
    assert {(row["relname"], row["attname"]) for row in found} == UNREADABLE


def test_columns(admin: Connection) -> None:
    """Of every column of every table: who may set it in a new row, and who may change it."""
    found = admin.execute(
        """
        select c.relname, role, a.attname, has_column_privilege(role, c.oid, a.attnum, 'insert') as inserted,
               has_column_privilege(role, c.oid, a.attnum, 'update') as updated
        from pg_class as c join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped,
             unnest(%s::text[]) as role
        where c.relnamespace = 'resumepair'::regnamespace and c.relkind = 'r'
        """,
        [list(ROLES)],
    ).fetchall()
    written: dict[tuple[str, str], tuple[set[str], set[str]]] = {}
    for row in found:
        inserted, updated = written.setdefault((row["relname"], row["role"]), (set(), set()))
        inserted |= {row["attname"]} if row["inserted"] else set()
        updated |= {row["attname"]} if row["updated"] else set()
    some = {cell: columns for cell, columns in written.items() if any(columns)}
    assert some == COLUMNS, f"or say so in COLUMNS of {RIGHTS}"


@each_caller
def test_functions(name: str, caller: Person, admin: Connection) -> None:
    found = {function: attempt_call(caller, call) for function, call in calls(admin, "resumepair", "auth")}
    assert {function for function, is_allowed in found.items() if is_allowed} == {
        function for function, callers in FUNCTIONS.items() if name in callers
    }


def test_every_function_is_in_the_matrix(admin: Connection) -> None:
    there = sorted(function for function, _ in calls(admin, "resumepair", "auth"))
    assert sorted(FUNCTIONS) == there, f"add rows to, or take them from, FUNCTIONS of {RIGHTS}"


def calls(admin: Connection, *schemas: str) -> list[tuple[str, str]]:
    """Every function with a call of it, whose arguments are null."""
    found = admin.execute(
        """
        select p.pronamespace::regnamespace::text as schema, p.proname as name,
               array(select 'null::' || format_type(kind, null) from unnest(p.proargtypes) as kind) as nulls
        from pg_proc as p where p.pronamespace::regnamespace::text = any (%s)
        """,
        [list(schemas)],
    ).fetchall()
    return [
        (
            row["name"] if row["schema"] == "resumepair" else f"{row['schema']}.{row['name']}",
            f"select {row['schema']}.{row['name']}({', '.join(row['nulls'])})",
        )
        for row in found
    ]


def attempt_call(caller: Person, call: str) -> bool:
    """Whether it is let in; what the function then makes of nulls is not asked here."""
    try:
        return attempt(caller, call) != DENIED
    except psycopg.Error:
        return True


@pytest.mark.parametrize("caller", CALLERS, indirect=True)
def test_nobody_empties_a_table(caller: Person) -> None:
    for table, _ in TABLES:
        assert attempt(caller, f"truncate resumepair.{table} cascade") == DENIED


@each_caller
def test_only_the_worker_reaches_the_queue(name: str, caller: Person, admin: Connection) -> None:
    tables = admin.execute(
        "select oid::regclass::text as name from pg_class"
        " where relnamespace = 'procrastinate'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')"
    ).fetchall()
    reached = [row["name"] for row in tables if attempt(caller, f"select 1 from {row['name']}") != DENIED]
    assert reached == ([row["name"] for row in tables] if name == "resumepair_worker" else [])
    if name != "resumepair_worker":
        assert [function for function, call in calls(admin, "procrastinate") if attempt_call(caller, call)] == []


def test_only_the_worker_has_any_right_on_the_queue(admin: Connection) -> None:
    """As the catalogs have it: also what cannot be used because of the schema around it."""
    rights = admin.execute(
        """
        select distinct role from unnest(%s::text[]) as role, pg_class as c
        where c.relnamespace = 'procrastinate'::regnamespace and case
            when c.relkind = 'S' then has_sequence_privilege(role, c.oid, 'usage, select, update')
            when c.relkind in ('r', 'p', 'v', 'm', 'f')
            then has_table_privilege(role, c.oid, 'select, insert, update, delete, truncate, references, trigger')
        end
        union
        select role from unnest(%s::text[]) as role where has_schema_privilege(role, 'procrastinate', 'usage, create')
        """,
        [list(ROLES), list(ROLES)],
    ).fetchall()
    assert [row["role"] for row in rights] == ["resumepair_worker"]


def test_nobody_makes_anything_in_our_schemas(admin: Connection) -> None:
    rights = admin.execute(
        "select role, schema"
        " from unnest(%s::text[]) as role, unnest(array['resumepair', 'auth', 'procrastinate']) as schema"
        " where has_schema_privilege(role, schema, 'create')",
        [list(ROLES)],
    ).fetchall()
    assert rights == []


@pytest.mark.parametrize("caller", ["anon", "resumepair_worker", "resumepair_api"], indirect=True)
@pytest.mark.parametrize("call", ["limits_of(gen_random_uuid())", "queue_positions(array[gen_random_uuid()])"])
def test_only_those_who_see_anything_may_ask_for_limits_and_places(caller: Person, call: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        caller.run(f"select resumepair.{call}")


def test_another_user_s_limits_look_like_the_defaults(alice: Person, bob: Person, admin: Connection) -> None:
    admin.execute("insert into resumepair.user_limits (user_id, max_attempts) values (%s, 9)", [alice.id])
    asked = "select (resumepair.limits_of(%s)).max_attempts"
    assert [person.run(asked, alice.id)[0]["max_attempts"] for person in (alice, bob)] == [9, 5]


def test_the_default_limits_stay(alice: Person, api: Connection) -> None:
    service = Person(api, alice.id, "service_role")
    assert service.run("delete from resumepair.user_limits returning 1") == []
    with pytest.raises(psycopg.errors.CheckViolation):
        service.run("update resumepair.user_limits set quota_bytes = null")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        service.run("update resumepair.user_limits set user_id = gen_random_uuid()")


def test_a_document_is_not_given_to_somebody_else(alice: Person, bob: Person) -> None:
    document = alice.save_document()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        alice.run("update resumepair.documents set user_id = %s where id = %s", bob.id, document)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        alice.run("insert into resumepair.documents (user_id, title, data) values (%s, 'CV', %s)", bob.id, Jsonb({}))


def test_a_change_of_a_document_is_a_new_version_and_a_repetition_is_not(alice: Person) -> None:
    document = alice.save_document()
    save = "update resumepair.documents set title = %s where id = %s returning version"
    assert [alice.run(save, title, document)[0]["version"] for title in ("new", "new", "newer")] == [2, 2, 3]
