"""schema.sql in the worlds it has to live in: superuser or plain owner, with Supabase's `auth` or without, twice."""

from collections.abc import Generator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from dev.database import prepare
from dev.postgres import PostgresServer
from dev.postgres_binaries import PostgresBinaries
from dev.roles import role_url, set_passwords
from tests.integration.conftest import Connection, Person, WorkerVoice, connect

TABLES = (
    "documents",
    "export_batches",
    "export_bundles",
    "export_history",
    "export_jobs",
    "export_schedules",
    "export_statistics",
    "stored_files",
    "user_limits",
    "user_usage",
    "webhook_deliveries",
    "webhooks",
)
OWNER = "plain_owner"

# As Supabase has it: the schema, its function and the roles belong to somebody else.
SUPABASE_AUTH = """
create schema auth;
create function auth.uid() returns uuid language sql stable as $$
    select coalesce(
        nullif(current_setting('request.jwt.claim.sub', true), ''),
        (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')
    )::uuid
$$;
comment on function auth.uid() is 'Supabase''s own';
grant usage on schema auth to public;
"""


@pytest.fixture
def world(postgres_home: Path, postgres_binaries: PostgresBinaries) -> Generator[str, None, None]:
    """The administrator's URL of a server of its own: roles belong to a server, and here none of ours is there yet."""
    log = postgres_home / "log"
    with PostgresServer(
        postgres_home, password="admin-password", binaries=postgres_binaries, log=log, durable=False
    ) as server:
        yield server.url("postgres")


def make_plain_owner(admin_url: str) -> str:
    """The URL of somebody who owns the database and may create roles, and no more."""
    with connect(admin_url) as admin:
        admin.execute(b"create role plain_owner login createrole password 'owner-password'")
        admin.execute(b"alter database postgres owner to plain_owner")
    return role_url(admin_url, "plain_owner", "owner-password")


@pytest.mark.parametrize("auth", ["no auth schema", "Supabase-like auth schema"])
@pytest.mark.parametrize("owner", ["superuser", "plain owner"])
def test_set_up_works_everywhere_and_twice(world: str, owner: str, auth: str) -> None:
    owner_url = make_plain_owner(world) if owner == "plain owner" else world
    if auth != "no auth schema":
        with connect(world) as admin:
            admin.execute(SUPABASE_AUTH.encode())

    prepare(owner_url)
    first = snapshot(world)
    prepare(owner_url)

    assert snapshot(world) == first
    with connect(world) as admin:
        assert_an_export_comes_through(admin, world)
        comment = admin.execute("select obj_description('auth.uid()'::regprocedure) as text").fetchone()
        assert comment
        assert (comment["text"] == "Supabase's own") is (auth != "no auth schema")


# As Supabase has it, as far as the schema needs it; it belongs to somebody else.
SUPABASE_STORAGE = """
create schema storage;
create table storage.buckets (
    id text primary key, name text not null unique, owner uuid, public boolean default false,
    file_size_limit bigint, allowed_mime_types text[], created_at timestamptz default now()
);
create table storage.objects (id uuid primary key default gen_random_uuid(), bucket_id text, name text);
alter table storage.objects enable row level security;
create function storage.foldername(name text) returns text[] language sql immutable
    as $$ select (string_to_array(name, '/'))[1 : array_length(string_to_array(name, '/'), 1) - 1] $$;
grant usage on schema storage to public;
grant execute on function storage.foldername(text) to public;
grant select on storage.objects to public;
"""
BUCKET = "select id, public, allowed_mime_types, file_size_limit > 200000000 as is_roomy from storage.buckets"


@pytest.mark.parametrize("bucket", ["exports", "cvs"])
def test_supabase_storage_gets_its_private_bucket_and_its_policy(empty_database: str, bucket: str) -> None:
    with connect(empty_database) as admin:
        admin.execute(SUPABASE_STORAGE.encode())
        admin.execute(f"insert into storage.buckets (id, name, public) values ('{bucket}', 'cvs', true)".encode())
    assert prepare(empty_database, "" if bucket == "exports" else bucket) == []
    first = snapshot(empty_database)
    assert prepare(empty_database, bucket) == []
    assert snapshot(empty_database) == first

    with connect(empty_database) as admin:
        types = ["application/pdf", "application/zip"]
        found = {"id": bucket, "public": False, "allowed_mime_types": types, "is_roomy": True}
        assert admin.execute(BUCKET.encode()).fetchall() == [found]
        alice, bob = Person(admin, uuid4()), Person(admin, uuid4())
        for owner, place in ((alice.id, bucket), (bob.id, bucket), (alice.id, "another"), ("", bucket)):
            admin.execute("insert into storage.objects (bucket_id, name) values (%s, %s)", [place, f"{owner}/1/cv.pdf"])
        assert alice.run("select bucket_id, name from storage.objects") == [
            {"bucket_id": bucket, "name": f"{alice.id}/1/cv.pdf"}
        ]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            alice.run("delete from storage.objects")


@pytest.mark.parametrize("schema", ["usable", "closed"])
def test_who_may_not_set_up_supabase_storage_is_told_what_to_do(world: str, schema: str) -> None:
    owner_url = make_plain_owner(world)
    with connect(world) as admin:
        admin.execute(SUPABASE_STORAGE.encode())
        if schema == "closed":
            admin.execute(b"revoke usage on schema storage from public")
    bucket, policy = prepare(owner_url, "cvs")
    assert 'private bucket "cvs"' in bucket
    assert "(storage.foldername(name))[1] = (select auth.uid())::text" in policy
    with connect(world) as admin:
        assert_an_export_comes_through(admin, world)


# What the first version had, where this one has more.
FIRST_VERSION = """
drop trigger export_jobs_tell_webhooks on resumepair.export_jobs;
drop function resumepair.register_webhook(text, text[], text);
drop function resumepair.claim_delivery(uuid, bigint);
drop table resumepair.webhook_deliveries;
drop function resumepair.require_webhook(uuid);
drop table resumepair.webhooks;
drop function resumepair.due_schedules(interval, integer);
drop function resumepair.run_schedule(uuid, timestamptz, timestamptz, interval);
drop function resumepair.schedule_export(uuid, jsonb, timestamptz, text, text, timestamptz, text, boolean);
drop table resumepair.export_schedules;
drop function resumepair.save_document(text, jsonb, text);
drop function resumepair.queue_positions(uuid[]);
drop index resumepair.export_jobs_ended;
alter table resumepair.documents drop column idempotency_key, drop column request_hash;
alter table resumepair.user_limits drop column max_schedules, drop column max_documents, drop column max_webhooks;
drop function resumepair.limit_documents() cascade;
alter table resumepair.export_history drop column proof, drop column fit, drop column warnings,
    drop column file_id, drop column cached;
drop table resumepair.export_bundles, resumepair.stored_files, resumepair.user_usage cascade;
alter table resumepair.export_jobs drop column fresh, drop column template, drop column byte_size,
    drop column page_count, drop column download_count;
alter table resumepair.export_statistics add column expiring_bytes bigint not null default 0;
drop function resumepair.enqueue_export(uuid[], jsonb, text, boolean, boolean);
drop function resumepair.record_download(uuid, boolean);
drop function resumepair.publish_export(
    uuid, integer, text, text, text, bigint, integer, text, jsonb, jsonb, jsonb, interval, text);
create function resumepair.publish_export(
    p_job_id uuid, p_attempt integer, p_template text, p_file_name text, p_storage_path text,
    p_byte_size bigint, p_page_count integer, p_sha256 text, p_lifetime interval
) returns uuid language sql as 'select null::uuid';
"""
# When each stored file was an export's.
BEFORE_BUNDLES = """
drop table resumepair.export_bundles cascade;
alter table resumepair.stored_files drop column bundle_id, alter column job_id set not null;
"""
# When no schedule could ask for fresh exports, and downloads of bundles were not counted.
BEFORE_FRESH_SCHEDULES = """
alter table resumepair.export_statistics drop column bundle_download_count;
alter table resumepair.export_schedules drop column fresh;
drop function resumepair.schedule_export(uuid, jsonb, timestamptz, text, text, timestamptz, text, boolean);
create function resumepair.schedule_export(
    p_document_id uuid, p_options jsonb, p_run_at timestamptz, p_cron text, p_time_zone text, p_next_run_at timestamptz,
    p_idempotency_key text default null
) returns table (schedule_id uuid, replayed boolean) language sql as 'select null::uuid, false';
"""


@pytest.mark.parametrize(
    ("owner", "version"),
    [
        ("superuser", FIRST_VERSION),
        ("plain owner", FIRST_VERSION),
        ("superuser", BEFORE_BUNDLES),
        ("superuser", BEFORE_FRESH_SCHEDULES),
    ],
    ids=["first, superuser", "first, plain owner", "before bundles", "before fresh schedules"],
)
def test_a_database_of_an_earlier_version_is_brought_up_to_date(world: str, owner: str, version: str) -> None:
    owner_url = make_plain_owner(world) if owner == "plain owner" else world
    prepare(owner_url)
    today = snapshot(world)
    with connect(owner_url) as session:
        session.execute(version.encode())
    prepare(owner_url)

    assert snapshot(world) == today
    with connect(world) as admin:
        assert_an_export_comes_through(admin, world)


def assert_an_export_comes_through(admin: Connection, admin_url: str) -> None:
    """As the two logins that the processes use."""
    passwords = {"resumepair_api": "api-password", "resumepair_worker": "worker-password"}
    set_passwords(admin_url, passwords)
    api_url, worker_url = (role_url(admin_url, role, password) for role, password in passwords.items())
    with connect(api_url) as api, connect(worker_url) as worker:
        person = Person(api, uuid4())
        export_id = WorkerVoice(worker, admin).finish(person.export())
        (row,) = person.run("select id from resumepair.export_history")
        assert row == {"id": export_id}
        assert Person(api, uuid4()).run("select 1 from resumepair.export_history") == []


def snapshot(url: str) -> list[object]:
    """All that the set-up made, as the catalogs show it."""
    queries = [
        # What is left out is named by numbers.
        """select oid::regclass::text, relkind, relacl::text, relrowsecurity from pg_class
           where relnamespace <> 'pg_toast'::regnamespace order by 1""",
        "select oid::regprocedure::text, md5(prosrc), proacl::text from pg_proc order by 1",
        "select polrelid::regclass::text, polname, polcmd, polroles::regrole[]::text from pg_policy order by 1, 2",
        "select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint order by 1, 2",
        "select tgrelid::regclass::text, tgname, tgenabled from pg_trigger where not tgisinternal order by 1, 2",
        "select * from resumepair.user_limits",
    ]
    with connect(url) as admin:
        return [admin.execute(query.encode()).fetchall() for query in queries]


def test_every_table_column_and_function_is_described(admin: Connection) -> None:
    undescribed = admin.execute(
        """
        select attrelid::regclass::text || '.' || attname as what from pg_attribute
        where attrelid = any (
                select oid from pg_class where relnamespace = 'resumepair'::regnamespace and relkind = 'r')
            and attnum > 0 and not attisdropped and col_description(attrelid, attnum) is null
        union all
        select oid::regclass::text from pg_class
        where relnamespace = 'resumepair'::regnamespace and relkind = 'r' and obj_description(oid, 'pg_class') is null
        union all
        select oid::regprocedure::text from pg_proc
        where pronamespace = 'resumepair'::regnamespace and obj_description(oid, 'pg_proc') is null
        """
    ).fetchall()
    assert undescribed == []


def test_every_table_has_row_level_security(admin: Connection) -> None:
    rows = admin.execute(
        "select relname, relrowsecurity from pg_class where relnamespace = 'resumepair'::regnamespace and relkind = 'r'"
    ).fetchall()
    assert {row["relname"]: row["relrowsecurity"] for row in rows} == dict.fromkeys(TABLES, True)


def test_functions_pin_their_search_path(admin: Connection) -> None:
    loose = admin.execute(
        """select oid::regprocedure::text as name from pg_proc where pronamespace = 'resumepair'::regnamespace
           and not coalesce(array_to_string(proconfig, ',') like 'search_path=%', false)"""
    ).fetchall()
    assert loose == []


HOST_VIEW = """
create schema resumepair;
create table public.resumes (id uuid primary key, owner uuid, name text, body jsonb, revision int);
create view resumepair.documents as
    select id, owner as user_id, name as title, body as data, revision as version,
        now() as created_at, now() as updated_at
    from public.resumes;
"""
HOST_ROW = "insert into public.resumes values (%s, %s, 'CV', %s, 7)"


def test_documents_may_be_a_view(empty_database: str) -> None:
    user_id, document_id = uuid4(), uuid4()
    with connect(empty_database) as admin:
        admin.execute(HOST_VIEW.encode())
        admin.execute(HOST_ROW, [document_id, user_id, Jsonb({"profile": {}})])
    prepare(empty_database)
    prepare(empty_database)
    with connect(empty_database) as admin:
        person = Person(admin, user_id)
        person.enqueue(document_id)
        (job,) = person.run("select document_version, document_data from resumepair.export_jobs")
        assert job == {"document_version": 7, "document_data": {"profile": {}}}


@pytest.mark.parametrize("role", ["resumepair_api", "resumepair_worker"])
def test_a_process_that_is_cut_off_keeps_neither_locks_nor_sessions(role: str, admin: Connection) -> None:
    (row,) = admin.execute("select rolconfig from pg_roles where rolname = %s", [role]).fetchall()
    assert {"idle_in_transaction_session_timeout=3s", "tcp_keepalives_idle=10"} <= set(row["rolconfig"])


def test_a_schedule_for_a_document_of_a_view_ends_with_the_document(empty_database: str) -> None:
    user_id, document_id = uuid4(), uuid4()
    with connect(empty_database) as admin:
        admin.execute(HOST_VIEW.encode())
        admin.execute(HOST_ROW, [document_id, user_id, Jsonb({"profile": {}})])
    prepare(empty_database)
    with connect(empty_database) as admin:
        person, worker = Person(admin, user_id), WorkerVoice(admin, admin)
        person.schedule(document_id, cron="0 * * * *", at="0 seconds")
        assert worker.run_schedule(worker.due_schedules()[0], following="0 seconds")
        admin.execute("delete from public.resumes")
        outcome = worker.run_schedule(worker.due_schedules()[0], following="1 hour")
        assert outcome
        assert (outcome["job_id"], outcome["refusal_state"]) == (None, "RP404")
        assert admin.execute("select from resumepair.export_schedules").fetchall() == []
