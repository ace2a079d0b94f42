-- ResumePair Export: the contract between the API and the worker.
--
-- Tables, row-level security, roles, the SQL functions that both processes call, and the triggers that keep the job state
-- machine and publish progress. Applied by `make db` after procrastinate's own schema (which lives in the schema
-- `procrastinate`). It can be repeated: a second run changes nothing. It runs as a superuser or as a database owner with
-- CREATEROLE, on PostgreSQL 15 to 18, on a Supabase project (auth.uid() is already there) or on plain PostgreSQL.
--
-- Read in this order: roles, tables, state machine, then the functions in the order of an export's life:
--   enqueue_export -> claim_export -> report_progress -> publish_export | fail_export | release_export
--   rescue_exports, requeue_exports, ring_due_jobs, prune_queue, cancel_export, cancel_batch, retry_export, record_download
-- of its file: reserve_upload -> publish_export, or reuse_export in place of both -> delete_export | expire_exports,
--   expire_old_files, expire_lost_files -> take_removals -> forget_files; unknown_files, prune_history
-- of a batch's bundle: count_batch (make_bundle) -> claim_bundle -> report_bundle -> reserve_bundle -> publish_bundle |
--   fail_bundle | release_bundle -> drop_bundle | expire_exports; bundle_batch
-- and of documents: save_document; of what waits: queue_positions
-- and of exports to come: schedule_export -> due_schedules -> run_schedule -> enqueue_export; delete_schedule
-- and of webhooks: register_webhook -> tell_webhooks -> claim_delivery -> finish_delivery | release_delivery;
--   queue_due_deliveries, requeue_deliveries, prune_deliveries, rotate_webhook_secret, enable_webhook, test_webhook,
--   redeliver_webhook, delete_webhook
--
-- What a refused call raises (SQLSTATE; COLUMN = the input's path; DETAIL = JSON with the numbers):
--   RP400 invalid input · RP401 not signed in · RP404 not found or not yours · RP409 idempotency key used for another
--   request · RP410 export expired · RP412 not possible in this state · RP413 storage quota exceeded ·
--   RP423 no attempts left · RP429 too many active requests, schedules, documents or webhooks

begin;

-- Two set-ups at once take turns.
select pg_advisory_xact_lock(hashtextextended('resumepair.schema', 0));

-- ---------------------------------------------------------------------------------------------------------------- roles

do $$
declare
    v_role text;
begin
    -- Supabase's three request roles: there already on Supabase, made here elsewhere.
    foreach v_role in array array['anon', 'authenticated', 'service_role'] loop
        if not exists (select from pg_roles where rolname = v_role) then
            execute format('create role %I nologin noinherit', v_role);
        end if;
    end loop;

    -- The API's login has no rights of its own: it becomes one of the three for each transaction.
    if not exists (select from pg_roles where rolname = 'resumepair_api') then
        create role resumepair_api login noinherit;
    end if;
    if not exists (select from pg_roles where rolname = 'resumepair_worker') then
        create role resumepair_worker login;
    end if;

    -- procrastinate's SQL uses unqualified names. A process that is frozen or cut off must not hold locks.
    if not exists (
        select from pg_roles where rolname = 'resumepair_worker'
            and rolconfig @> array['search_path=procrastinate', 'idle_in_transaction_session_timeout=3s']
    ) then
        alter role resumepair_worker set search_path = procrastinate;
        alter role resumepair_worker set idle_in_transaction_session_timeout = '3s';
    end if;
    if not exists (
        select from pg_roles where rolname = 'resumepair_api'
            and rolconfig @> array['idle_in_transaction_session_timeout=3s']
    ) then
        alter role resumepair_api set idle_in_transaction_session_timeout = '3s';
    end if;
    -- Sessions of a process that was cut off would stay for two hours, until no new one fits in.
    foreach v_role in array array['resumepair_api', 'resumepair_worker'] loop
        if not exists (
            select from pg_roles where rolname = v_role
                and rolconfig @> array['tcp_keepalives_idle=10', 'tcp_keepalives_interval=5', 'tcp_keepalives_count=3']
        ) then
            execute format('alter role %I set tcp_keepalives_idle = 10', v_role);
            execute format('alter role %I set tcp_keepalives_interval = 5', v_role);
            execute format('alter role %I set tcp_keepalives_count = 3', v_role);
        end if;
    end loop;

    foreach v_role in array array['anon', 'authenticated', 'service_role'] loop
        if not pg_has_role('resumepair_api', v_role, 'MEMBER') then
            execute format('grant %I to resumepair_api', v_role);
        end if;
    end loop;
end
$$;

-- auth.uid(), where Supabase has not brought it: the user's id from the verified token that the API put into the transaction.
do $$
begin
    if to_regnamespace('auth') is null then
        create schema auth;
    end if;
    if to_regprocedure('auth.uid()') is null then
        create function auth.uid() returns uuid language sql stable as $uid$
            select coalesce(
                nullif(current_setting('request.jwt.claim.sub', true), ''),
                nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
            )::uuid
        $uid$;
        comment on function auth.uid() is 'The signed-in user of this transaction, or null (stand-in for Supabase''s own).';
        grant usage on schema auth to anon, authenticated, service_role;
        grant execute on function auth.uid() to anon, authenticated, service_role;
    end if;
end
$$;

create schema if not exists resumepair;
comment on schema resumepair is 'ResumePair Export: documents, export jobs and their results. Not exposed through REST.';

-- --------------------------------------------------------------------------------------------------------------- tables

-- A host application may put a view of the same columns in place of this table; only enqueue_export depends on it.
create table if not exists resumepair.documents (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null default auth.uid(),
    title text not null,
    data jsonb not null,
    version integer not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    idempotency_key text,
    request_hash text,
    constraint documents_title_length check (char_length(title) <= 200 and btrim(title) <> ''),
    constraint documents_data_is_object check (jsonb_typeof(data) = 'object'),
    constraint documents_data_size check (octet_length(data::text) <= 1048576),
    constraint documents_version_positive check (version >= 1),
    constraint documents_idempotency_key_length check (char_length(idempotency_key) between 1 and 200)
);

create table if not exists resumepair.export_batches (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null,
    total integer not null,
    remaining integer not null,
    created_at timestamptz not null default now(),
    finished_at timestamptz,
    constraint export_batches_counts check (total between 1 and 100 and remaining between 0 and total)
);

create table if not exists resumepair.export_jobs (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null,
    document_id uuid not null,
    document_version integer not null,
    document_title text not null,
    document_data jsonb,
    batch_id uuid references resumepair.export_batches (id) on delete cascade,
    batch_position smallint not null default 0,
    format text not null default 'pdf',
    options jsonb not null default '{}',
    status text not null default 'pending',
    stage text not null default 'queued',
    percent smallint not null generated always as (
        case stage
            when 'queued' then 0
            when 'claimed' then 10
            when 'rendering' then 30
            when 'verifying' then 60
            when 'uploading' then 80
            when 'publishing' then 90
            when 'done' then 100
        end
    ) stored,
    sequence bigint not null default 1,
    attempt integer not null default 0,
    max_attempts integer not null,
    virtual_time integer not null,
    queue_job_id bigint,
    fresh boolean not null default false,
    template text,
    byte_size bigint,
    page_count integer,
    download_count integer not null default 0,
    idempotency_key text,
    request_hash text not null,
    failure_code text,
    failure_message text,
    failure_retryable boolean,
    next_attempt_at timestamptz,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    updated_at timestamptz not null default now(),
    constraint export_jobs_status check (status in ('pending', 'processing', 'completed', 'failed', 'cancelled')),
    constraint export_jobs_stage check (
        stage in ('queued', 'claimed', 'rendering', 'verifying', 'uploading', 'publishing', 'done')
    ),
    constraint export_jobs_completed_is_done check ((status = 'completed') = (stage = 'done')),
    constraint export_jobs_final_is_dated check ((status in ('completed', 'failed', 'cancelled')) = (finished_at is not null)),
    constraint export_jobs_failed_says_why check (status <> 'failed' or failure_code is not null),
    constraint export_jobs_processing_is_claimed check (status <> 'processing' or attempt >= 1),
    constraint export_jobs_attempts check (attempt between 0 and max_attempts),
    constraint export_jobs_runnable_has_data check (status not in ('pending', 'processing') or document_data is not null),
    constraint export_jobs_failure_code check (failure_code in (
        'INVALID_DOCUMENT', 'INVALID_OPTIONS', 'DOCUMENT_TOO_LARGE', 'RENDER_TIMEOUT', 'BROWSER_UNAVAILABLE', 'INVALID_PDF',
        'STORAGE_UNAVAILABLE', 'STORAGE_REFUSED', 'QUOTA_EXCEEDED', 'WORKER_LOST', 'INTERNAL_ERROR'
    )),
    constraint export_jobs_options_is_object check (jsonb_typeof(options) = 'object'),
    constraint export_jobs_idempotency_key_length check (char_length(idempotency_key) between 1 and 200)
);

-- For databases that were set up before an export could be answered from storage.
alter table resumepair.export_jobs
    add column if not exists fresh boolean not null default false,
    add column if not exists template text,
    add column if not exists byte_size bigint,
    add column if not exists page_count integer,
    add column if not exists download_count integer not null default 0;
do $$
begin
    if not exists (
        select from pg_constraint
        where conname = 'export_jobs_failure_code' and conrelid = 'resumepair.export_jobs'::regclass
            and pg_get_constraintdef(oid) like '%QUOTA_EXCEEDED%'
    ) then
        alter table resumepair.export_jobs drop constraint export_jobs_failure_code;
        alter table resumepair.export_jobs add constraint export_jobs_failure_code check (failure_code in (
            'INVALID_DOCUMENT', 'INVALID_OPTIONS', 'DOCUMENT_TOO_LARGE', 'RENDER_TIMEOUT', 'BROWSER_UNAVAILABLE',
            'INVALID_PDF', 'STORAGE_UNAVAILABLE', 'STORAGE_REFUSED', 'QUOTA_EXCEEDED', 'WORKER_LOST', 'INTERNAL_ERROR'
        ));
    end if;
end
$$;

create table if not exists resumepair.export_history (
    id uuid primary key default gen_random_uuid(),
    job_id uuid not null unique references resumepair.export_jobs (id),
    user_id uuid not null,
    document_id uuid not null,
    document_version integer not null,
    document_title text not null,
    template text not null,
    format text not null,
    file_name text not null,
    storage_path text not null,
    byte_size bigint not null,
    page_count integer not null,
    sha256 text not null,
    proof jsonb,
    fit jsonb,
    warnings jsonb not null default '[]',
    cached boolean not null default false,
    file_id uuid,
    download_count integer not null default 0,
    last_downloaded_at timestamptz,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    constraint export_history_byte_size check (byte_size > 0),
    constraint export_history_page_count check (page_count > 0),
    constraint export_history_sha256 check (sha256 ~ '^[0-9a-f]{64}$'),
    constraint export_history_expiry check (expires_at > created_at)
);

-- For databases that were set up before exports were judged.
alter table resumepair.export_history
    add column if not exists proof jsonb,
    add column if not exists fit jsonb,
    add column if not exists warnings jsonb not null default '[]';

-- What is in storage, or may be: a row is there before its file is, and goes after it.
create table if not exists resumepair.stored_files (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null,
    storage_path text not null unique,
    byte_size bigint not null,
    state text not null default 'uploading',
    job_id uuid,
    bundle_id uuid,
    attempt integer not null,
    content_key text,
    created_at timestamptz not null default now(),
    taken_at timestamptz,
    constraint stored_files_state check (state in ('uploading', 'stored', 'removing')),
    constraint stored_files_byte_size check (byte_size > 0)
);

-- What the users' files take up, so that it need not be added up; kept by a trigger on stored_files.
create table if not exists resumepair.user_usage (
    user_id uuid primary key,
    bytes_used bigint not null default 0,
    constraint user_usage_not_negative check (bytes_used >= 0)
);

-- For databases that were set up when each export had a file of its own.
do $$
begin
    if not exists (
        select from pg_attribute
        where attrelid = 'resumepair.export_history'::regclass and attname = 'file_id' and not attisdropped
    ) then
        alter table resumepair.export_history
            add column cached boolean not null default false,
            add column file_id uuid;
        alter table resumepair.export_history drop constraint if exists export_history_storage_path_key;
        update resumepair.export_jobs as j
        set template = h.template, byte_size = h.byte_size, page_count = h.page_count, download_count = h.download_count
        from resumepair.export_history as h
        where h.job_id = j.id;
        insert into resumepair.stored_files (user_id, storage_path, byte_size, state, job_id, attempt, created_at)
        select h.user_id, h.storage_path, h.byte_size, 'stored', h.job_id, j.attempt, h.created_at
        from resumepair.export_history as h
        join resumepair.export_jobs as j on j.id = h.job_id;
        update resumepair.export_history as h set file_id = f.id
        from resumepair.stored_files as f
        where f.storage_path = h.storage_path;
        insert into resumepair.user_usage (user_id, bytes_used)
        select f.user_id, sum(f.byte_size) from resumepair.stored_files as f group by f.user_id;
    end if;
    if not exists (
        select from pg_constraint where conname = 'export_history_file' and conrelid = 'resumepair.export_history'::regclass
    ) then
        alter table resumepair.export_history add constraint export_history_file
            foreign key (file_id) references resumepair.stored_files (id);
    end if;
end
$$;

-- For databases that were set up before batches had bundles.
alter table resumepair.stored_files
    add column if not exists bundle_id uuid,
    alter column job_id drop not null;
do $$
begin
    if not exists (
        select from pg_constraint where conname = 'stored_files_maker' and conrelid = 'resumepair.stored_files'::regclass
    ) then
        alter table resumepair.stored_files add constraint stored_files_maker check (num_nonnulls(job_id, bundle_id) = 1);
    end if;
end
$$;

-- One row for each batch that ever finished with something to bundle. It stays, so that attempt and sequence never go back.
create table if not exists resumepair.export_bundles (
    id uuid primary key default gen_random_uuid(),
    batch_id uuid not null unique references resumepair.export_batches (id) on delete cascade,
    user_id uuid not null,
    status text not null default 'pending',
    sequence bigint not null default 1,
    attempt integer not null default 0,
    max_attempts integer not null,
    virtual_time integer not null,
    queue_job_id bigint,
    file_id uuid references resumepair.stored_files (id),
    file_name text,
    storage_path text,
    byte_size bigint,
    sha256 text,
    entry_count integer,
    failure_code text,
    failure_message text,
    failure_retryable boolean,
    next_attempt_at timestamptz,
    download_count integer not null default 0,
    last_downloaded_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    finished_at timestamptz,
    expires_at timestamptz,
    constraint export_bundles_status check (status in ('pending', 'processing', 'completed', 'failed', 'deleted')),
    constraint export_bundles_final_is_dated check ((status in ('completed', 'failed')) = (finished_at is not null)),
    constraint export_bundles_failed_says_why check (status <> 'failed' or failure_code is not null),
    constraint export_bundles_completed_is_described check (
        (status = 'completed') = (storage_path is not null)
        and num_nulls(file_name, storage_path, byte_size, sha256, entry_count, expires_at) in (0, 6)
    ),
    constraint export_bundles_file_is_of_a_completed_one check (file_id is null or status = 'completed'),
    constraint export_bundles_processing_is_claimed check (status <> 'processing' or attempt >= 1),
    constraint export_bundles_attempts check (attempt between 0 and max_attempts),
    constraint export_bundles_sizes check (byte_size > 0 and entry_count > 0),
    constraint export_bundles_sha256 check (sha256 ~ '^[0-9a-f]{64}$')
);

-- Its documents' foreign key stands below, with the table that may be a view.
create table if not exists resumepair.export_schedules (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null,
    document_id uuid not null,
    options jsonb not null default '{}',
    fresh boolean not null default false,
    run_at timestamptz,
    cron text,
    time_zone text not null default 'UTC',
    next_run_at timestamptz,
    last_run_at timestamptz,
    last_job_id uuid references resumepair.export_jobs (id) on delete set null,
    last_refusal_state text,
    last_refusal_message text,
    idempotency_key text,
    request_hash text not null,
    created_at timestamptz not null default now(),
    constraint export_schedules_once_or_again check (num_nonnulls(run_at, cron) = 1),
    constraint export_schedules_cron_length check (char_length(cron) between 1 and 100),
    constraint export_schedules_time_zone_length check (char_length(time_zone) between 1 and 100),
    constraint export_schedules_next_run_is_a_time check (isfinite(next_run_at)),
    constraint export_schedules_refusal_is_complete check (num_nulls(last_refusal_state, last_refusal_message) in (0, 2)),
    constraint export_schedules_options_is_object check (jsonb_typeof(options) = 'object'),
    constraint export_schedules_idempotency_key_length check (char_length(idempotency_key) between 1 and 200)
);
-- For databases that were set up before a schedule could ask for fresh exports.
alter table resumepair.export_schedules add column if not exists fresh boolean not null default false;

create table if not exists resumepair.user_limits (
    user_id uuid primary key,
    max_active_requests integer,
    max_batch_documents integer,
    max_attempts integer,
    quota_bytes bigint,
    max_schedules integer,
    max_documents integer,
    constraint user_limits_positive check (
        max_active_requests >= 0 and max_batch_documents between 1 and 100 and max_attempts between 1 and 100 and quota_bytes >= 0
    ),
    constraint user_limits_defaults_are_complete check (
        user_id <> '00000000-0000-0000-0000-000000000000'
        or num_nulls(max_active_requests, max_batch_documents, max_attempts, quota_bytes) = 0
    )
);

-- For databases that were set up before there were schedules, before documents had a limit, or before webhooks.
alter table resumepair.user_limits
    add column if not exists max_schedules integer,
    add column if not exists max_documents integer,
    add column if not exists max_webhooks integer;

-- The default row; a null in a user's own row falls back to it.
insert into resumepair.user_limits (
    user_id, max_active_requests, max_batch_documents, max_attempts, quota_bytes, max_schedules, max_documents, max_webhooks
) values ('00000000-0000-0000-0000-000000000000', 3, 10, 5, 100 * 1024 * 1024, 20, 200, 5)
on conflict (user_id) do update set
    max_schedules = coalesce(user_limits.max_schedules, excluded.max_schedules),
    max_documents = coalesce(user_limits.max_documents, excluded.max_documents),
    max_webhooks = coalesce(user_limits.max_webhooks, excluded.max_webhooks)
where num_nulls(user_limits.max_schedules, user_limits.max_documents, user_limits.max_webhooks) > 0;

do $$
begin
    if not exists (
        select from pg_constraint where conname = 'user_limits_schedules' and conrelid = 'resumepair.user_limits'::regclass
    ) then
        alter table resumepair.user_limits add constraint user_limits_schedules check (
            max_schedules >= 0 and (user_id <> '00000000-0000-0000-0000-000000000000' or max_schedules is not null)
        );
    end if;
    if not exists (
        select from pg_constraint where conname = 'user_limits_documents' and conrelid = 'resumepair.user_limits'::regclass
    ) then
        alter table resumepair.user_limits add constraint user_limits_documents check (
            max_documents >= 0 and (user_id <> '00000000-0000-0000-0000-000000000000' or max_documents is not null)
        );
    end if;
    if not exists (
        select from pg_constraint where conname = 'user_limits_webhooks' and conrelid = 'resumepair.user_limits'::regclass
    ) then
        alter table resumepair.user_limits add constraint user_limits_webhooks check (
            max_webhooks >= 0 and (user_id <> '00000000-0000-0000-0000-000000000000' or max_webhooks is not null)
        );
    end if;
end
$$;

-- The whole system's figures per day, so that they need not be counted from its exports; a user's own are.
create table if not exists resumepair.export_statistics (
    day date not null,
    template text not null,
    completed bigint not null default 0,
    failed bigint not null default 0,
    cancelled bigint not null default 0,
    byte_size bigint not null default 0,
    page_count bigint not null default 0,
    download_count bigint not null default 0,
    bundle_download_count bigint not null default 0,
    durations bigint[] not null default '{}',
    waits bigint[] not null default '{}',
    primary key (day, template)
) with (fillfactor = 50);
alter table resumepair.export_statistics drop column if exists expiring_bytes; -- what is stored is in user_usage now
-- For databases that were set up before these were counted.
alter table resumepair.export_statistics add column if not exists bundle_download_count bigint not null default 0;

create index if not exists export_batches_user on resumepair.export_batches (user_id, created_at desc, id desc);
create index if not exists export_jobs_user on resumepair.export_jobs (user_id, created_at desc, id desc);
create index if not exists export_jobs_batch on resumepair.export_jobs (batch_id, batch_position) where batch_id is not null;
-- For the end of what somebody follows: activity, and polling mode.
create index if not exists export_jobs_ended
    on resumepair.export_jobs (user_id, finished_at desc) where finished_at is not null;
create unique index if not exists export_jobs_queue_job on resumepair.export_jobs (queue_job_id);
-- One request per key: a batch's jobs share the key and differ in position, so a batch and a single export collide at 0.
create unique index if not exists export_jobs_idempotency
    on resumepair.export_jobs (user_id, idempotency_key, batch_position) where idempotency_key is not null;
create index if not exists export_jobs_active_user
    on resumepair.export_jobs (user_id, virtual_time) where status in ('pending', 'processing');
drop index if exists resumepair.export_jobs_active_virtual_time; -- of an earlier fair order
create index if not exists export_jobs_started on resumepair.export_jobs (virtual_time) where started_at is not null;
create index if not exists export_history_user on resumepair.export_history (user_id, created_at desc, id desc);
create index if not exists export_history_document on resumepair.export_history (user_id, document_id, created_at desc);
drop index if exists resumepair.export_history_expiry_order;
create index if not exists export_history_expiring on resumepair.export_history (expires_at) where file_id is not null;
create index if not exists export_history_expired on resumepair.export_history (expires_at) where file_id is null;
create index if not exists export_history_file on resumepair.export_history (file_id) where file_id is not null;
create index if not exists stored_files_user on resumepair.stored_files (user_id, created_at desc);
-- For reuse_export.
create index if not exists stored_files_content
    on resumepair.stored_files (user_id, content_key, created_at desc) where state = 'stored' and content_key is not null;
create index if not exists stored_files_age on resumepair.stored_files (created_at) where state = 'stored';
-- For abandon_upload and take_removals, which must not read what is stored.
create index if not exists stored_files_uploading on resumepair.stored_files (job_id) where state = 'uploading';
create index if not exists stored_files_bundle on resumepair.stored_files (bundle_id) where bundle_id is not null;
create index if not exists stored_files_removing on resumepair.stored_files (taken_at) where state = 'removing';
create index if not exists export_bundles_user on resumepair.export_bundles (user_id, created_at desc);
create unique index if not exists export_bundles_queue_job on resumepair.export_bundles (queue_job_id);
create index if not exists export_bundles_active on resumepair.export_bundles (user_id) where status in ('pending', 'processing');
create index if not exists export_bundles_expiring on resumepair.export_bundles (expires_at) where file_id is not null;
create index if not exists export_bundles_file on resumepair.export_bundles (file_id) where file_id is not null;
create index if not exists export_schedules_user on resumepair.export_schedules (user_id, created_at desc, id desc);
create index if not exists export_schedules_document on resumepair.export_schedules (document_id);
create index if not exists export_schedules_last_job on resumepair.export_schedules (last_job_id) where last_job_id is not null;
create unique index if not exists export_schedules_idempotency
    on resumepair.export_schedules (user_id, idempotency_key) where idempotency_key is not null;
-- For due_schedules, which looks every second.
create index if not exists export_schedules_next_run on resumepair.export_schedules (next_run_at) where next_run_at is not null;

-- For the end of a worker: procrastinate then clears its id from all rows.
create index if not exists resumepair_jobs_worker
    on procrastinate.procrastinate_jobs (worker_id) where worker_id is not null;
-- For rescue_exports, which looks every two seconds and must not read what has ended.
create index if not exists resumepair_jobs_doing on procrastinate.procrastinate_jobs (id) where status = 'doing';
-- For ring_due_jobs and prune_queue, for the same reason.
create index if not exists resumepair_jobs_scheduled
    on procrastinate.procrastinate_jobs (scheduled_at) where status = 'todo' and scheduled_at is not null;
create index if not exists resumepair_jobs_ended
    on procrastinate.procrastinate_jobs (id) where status in ('succeeded', 'failed', 'cancelled', 'aborted');

comment on table resumepair.export_batches is 'One request for several documents; its jobs are counted down as they end.';
comment on column resumepair.export_batches.id is 'The batch''s id.';
comment on column resumepair.export_batches.user_id is 'Whose batch it is (auth.uid() of the request).';
comment on column resumepair.export_batches.total is 'Number of jobs in the batch.';
comment on column resumepair.export_batches.remaining is 'Jobs that have not ended yet; kept by a trigger on export_jobs.';
comment on column resumepair.export_batches.created_at is 'When the batch was asked for.';
comment on column resumepair.export_batches.finished_at is 'When the last job ended; null while any is pending or processing.';

comment on table resumepair.export_jobs is 'One export of one document: the only truth about its state (the queue''s own status never is).';
comment on column resumepair.export_jobs.id is 'The job''s id, also part of the artifact''s storage path.';
comment on column resumepair.export_jobs.user_id is 'Whose job it is (auth.uid() of the request).';
comment on column resumepair.export_jobs.document_id is 'The exported document; no foreign key, since documents may be a view and may be deleted.';
comment on column resumepair.export_jobs.document_version is 'Version of the document when the export was asked for.';
comment on column resumepair.export_jobs.document_title is 'Title of the document when the export was asked for.';
comment on column resumepair.export_jobs.document_data is 'Snapshot of the document; dropped once no attempt can follow (completed, cancelled, attempts used up).';
comment on column resumepair.export_jobs.batch_id is 'The batch that this job belongs to; null for a single export.';
comment on column resumepair.export_jobs.batch_position is 'Place within the batch, from 0; 0 for a single export.';
comment on column resumepair.export_jobs.format is 'Output format; pdf.';
comment on column resumepair.export_jobs.options is 'Render options as asked for: template, pageSize, fit.';
comment on column resumepair.export_jobs.status is 'pending, processing, completed, failed or cancelled; transitions are enforced by a trigger.';
comment on column resumepair.export_jobs.stage is 'What the present attempt is doing; says how far the work is.';
comment on column resumepair.export_jobs.percent is 'Progress of the present attempt in percent, derived from the stage: 0, 10, 30, 60, 80, 90, 100.';
comment on column resumepair.export_jobs.sequence is 'Counts the visible changes of this job; strictly increasing, so that watchers can order and resume.';
comment on column resumepair.export_jobs.attempt is 'Number of the present attempt, and its fence: only the latest claim may report or publish.';
comment on column resumepair.export_jobs.max_attempts is 'Attempts allowed; grows by one when a stopping worker hands an attempt back.';
comment on column resumepair.export_jobs.virtual_time is 'Place in the fair order between users (start-time fair queuing): twice the round, plus one unless it is its user''s first; the queue priority is its negative.';
comment on column resumepair.export_jobs.queue_job_id is 'The procrastinate job that carries this export; a claim from any other is refused.';
comment on column resumepair.export_jobs.fresh is 'Whether it is to be rendered although the same may be in storage.';
comment on column resumepair.export_jobs.template is 'Template that it was rendered with; this and the following three are for statistics, and stay when the export is deleted.';
comment on column resumepair.export_jobs.byte_size is 'Size of the file that it made, in bytes.';
comment on column resumepair.export_jobs.page_count is 'Pages of the file that it made.';
comment on column resumepair.export_jobs.download_count is 'How often its file was downloaded.';
comment on column resumepair.export_jobs.idempotency_key is 'The client''s key for the request, unique per user; null when none was given.';
comment on column resumepair.export_jobs.request_hash is 'SHA-256 of the request (documents, options), to tell a replay from a reused key.';
comment on column resumepair.export_jobs.failure_code is 'Why the last attempt failed: a code of the closed list in docs/reference/errors.md.';
comment on column resumepair.export_jobs.failure_message is 'Why the last attempt failed, for the user; never a traceback.';
comment on column resumepair.export_jobs.failure_retryable is 'Whether the last failure may pass by itself.';
comment on column resumepair.export_jobs.next_attempt_at is 'When the next attempt is due after a failed one; null otherwise.';
comment on column resumepair.export_jobs.created_at is 'When the export was asked for.';
comment on column resumepair.export_jobs.started_at is 'When the first attempt began.';
comment on column resumepair.export_jobs.finished_at is 'When the job became completed, failed or cancelled.';
comment on column resumepair.export_jobs.updated_at is 'When the row last changed.';

comment on table resumepair.export_history is 'Finished exports that can be downloaded until they expire.';
comment on column resumepair.export_history.id is 'The export''s id.';
comment on column resumepair.export_history.job_id is 'The job that made it; at most one export per job.';
comment on column resumepair.export_history.user_id is 'Whose export it is.';
comment on column resumepair.export_history.document_id is 'The exported document.';
comment on column resumepair.export_history.document_version is 'Version of the document that was exported.';
comment on column resumepair.export_history.document_title is 'Title of the document that was exported.';
comment on column resumepair.export_history.template is 'Template that it was rendered with.';
comment on column resumepair.export_history.format is 'Format of the file; pdf.';
comment on column resumepair.export_history.file_name is 'Name under which the file is downloaded.';
comment on column resumepair.export_history.storage_path is 'Key of the file in storage, as in stored_files.';
comment on column resumepair.export_history.byte_size is 'Size of the file in bytes.';
comment on column resumepair.export_history.page_count is 'Number of pages.';
comment on column resumepair.export_history.sha256 is 'SHA-256 of the file, hexadecimal.';
comment on column resumepair.export_history.proof is 'The verdict on the file, which was read back: score, findings, what was found. Null for exports made before there was one.';
comment on column resumepair.export_history.fit is 'How densely it is set and whether it ends where it should; null when nothing was asked and nothing changed.';
comment on column resumepair.export_history.warnings is 'What of the document was not taken as it stands: objects of path and message.';
comment on column resumepair.export_history.cached is 'Whether it was answered with the file of an earlier export of the same, without rendering.';
comment on column resumepair.export_history.file_id is 'Its file; several exports of the same may share it. Null once the export has expired and been cleaned up.';
comment on column resumepair.export_history.download_count is 'How often a download link was made.';
comment on column resumepair.export_history.last_downloaded_at is 'When the last download link was made.';
comment on column resumepair.export_history.created_at is 'When the file was published.';
comment on column resumepair.export_history.expires_at is 'From when on it can no longer be downloaded.';

comment on table resumepair.stored_files is 'What is in storage or may be: each file from before its upload until after its removal.';
comment on column resumepair.stored_files.id is 'The file''s id.';
comment on column resumepair.stored_files.user_id is 'Whose file it is, and whose quota it counts against.';
comment on column resumepair.stored_files.storage_path is 'Its key in storage: user id/job id or bundle id/attempt/file name.';
comment on column resumepair.stored_files.byte_size is 'Its size in bytes.';
comment on column resumepair.stored_files.state is 'uploading, stored, or removing: to be removed from storage, and counted no more.';
comment on column resumepair.stored_files.job_id is 'The job that made it; null for a bundle''s.';
comment on column resumepair.stored_files.bundle_id is 'The bundle that it is; null for an export''s.';
comment on column resumepair.stored_files.attempt is 'The attempt that made it.';
comment on column resumepair.stored_files.content_key is 'SHA-256 of all that it was made from: document, options, renderer. The same key means the same file.';
comment on column resumepair.stored_files.created_at is 'When it was about to be uploaded.';
comment on column resumepair.stored_files.taken_at is 'When a worker last set out to remove it; null until one does.';

comment on table resumepair.export_bundles is 'The one ZIP of a finished batch: its state, as a job''s, and its file until it expires.';
comment on column resumepair.export_bundles.id is 'The bundle''s id, also part of its storage path; the same however often it is made.';
comment on column resumepair.export_bundles.batch_id is 'The batch that it bundles.';
comment on column resumepair.export_bundles.user_id is 'Whose bundle it is.';
comment on column resumepair.export_bundles.status is 'pending, processing, completed or failed; deleted until it is made anew.';
comment on column resumepair.export_bundles.sequence is 'Counts its visible changes; strictly increasing.';
comment on column resumepair.export_bundles.attempt is 'Number of the present attempt, and its fence: only the latest claim may report or publish.';
comment on column resumepair.export_bundles.max_attempts is 'Number of the last attempt allowed; grows each time the bundle is made anew, and when a stopping worker hands an attempt back.';
comment on column resumepair.export_bundles.virtual_time is 'Place in the fair order between users, as in export_jobs: that of the job that ended last.';
comment on column resumepair.export_bundles.queue_job_id is 'The procrastinate job that carries it; a claim from any other is refused.';
comment on column resumepair.export_bundles.file_id is 'Its file; null unless it is completed and has not expired and been cleaned up.';
comment on column resumepair.export_bundles.file_name is 'Name under which the file is downloaded.';
comment on column resumepair.export_bundles.storage_path is 'Key of the file in storage, as in stored_files.';
comment on column resumepair.export_bundles.byte_size is 'Size of the file in bytes.';
comment on column resumepair.export_bundles.sha256 is 'SHA-256 of the file, hexadecimal.';
comment on column resumepair.export_bundles.entry_count is 'Number of exports in it.';
comment on column resumepair.export_bundles.failure_code is 'Why the last attempt failed: a code of the closed list in docs/reference/errors.md.';
comment on column resumepair.export_bundles.failure_message is 'Why the last attempt failed, for the user; never a traceback.';
comment on column resumepair.export_bundles.failure_retryable is 'Whether the last failure may pass by itself.';
comment on column resumepair.export_bundles.next_attempt_at is 'When the next attempt is due after a failed one; null otherwise.';
comment on column resumepair.export_bundles.download_count is 'How often a download link was made.';
comment on column resumepair.export_bundles.last_downloaded_at is 'When the last download link was made.';
comment on column resumepair.export_bundles.created_at is 'When it was asked for: the end of the batch''s last job, or when it was to be made anew.';
comment on column resumepair.export_bundles.updated_at is 'When an attempt last made a step, or the row last changed.';
comment on column resumepair.export_bundles.finished_at is 'When it became completed or failed.';
comment on column resumepair.export_bundles.expires_at is 'From when on it can no longer be downloaded: as the first of its exports, or after its own lifetime.';

comment on table resumepair.user_usage is 'What a user''s files take up.';
comment on column resumepair.user_usage.user_id is 'The user.';
comment on column resumepair.user_usage.bytes_used is 'Bytes of the user''s files that are uploading or stored; quota_bytes is its limit.';

comment on table resumepair.export_schedules is 'Exports to come: once at a time, or again and again by a cron expression.';
comment on column resumepair.export_schedules.id is 'The schedule''s id.';
comment on column resumepair.export_schedules.user_id is 'Whose schedule it is (auth.uid() of the request).';
comment on column resumepair.export_schedules.document_id is 'The document to export, as it is when the time comes; its deletion deletes the schedule.';
comment on column resumepair.export_schedules.options is 'Render options of the exports, as in export_jobs.';
comment on column resumepair.export_schedules.fresh is 'Whether they are to be rendered although the same may be in storage.';
comment on column resumepair.export_schedules.run_at is 'When to export once; null when there is a cron expression.';
comment on column resumepair.export_schedules.cron is 'When to export again and again: minute, hour, day of month, month, day of week; null when there is a time.';
comment on column resumepair.export_schedules.time_zone is 'The IANA time zone that the cron expression is read in.';
comment on column resumepair.export_schedules.next_run_at is 'When it runs next, or tries again after a refusal that passes; null when there is nothing to come.';
comment on column resumepair.export_schedules.last_run_at is 'When it last ran, whether or not an export came of it.';
comment on column resumepair.export_schedules.last_job_id is 'The last export that came of it.';
comment on column resumepair.export_schedules.last_refusal_state is 'SQLSTATE of what refused the last run; null when it went through.';
comment on column resumepair.export_schedules.last_refusal_message is 'What refused the last run, for the user.';
comment on column resumepair.export_schedules.idempotency_key is 'The client''s key for the request, unique per user; null when none was given.';
comment on column resumepair.export_schedules.request_hash is 'SHA-256 of the request, to tell a replay from a reused key.';
comment on column resumepair.export_schedules.created_at is 'When it was asked for.';

comment on table resumepair.user_limits is 'Limits per user; the nil UUID''s row holds the defaults, a null falls back to them.';
comment on column resumepair.user_limits.user_id is 'The user, or the nil UUID for the defaults.';
comment on column resumepair.user_limits.max_active_requests is 'Requests (a batch is one) that may be pending or processing at once.';
comment on column resumepair.user_limits.max_batch_documents is 'Documents that one batch may hold.';
comment on column resumepair.user_limits.max_attempts is 'Attempts that a job gets.';
comment on column resumepair.user_limits.quota_bytes is 'Bytes that the user''s exports may take up in storage.';
comment on column resumepair.user_limits.max_schedules is 'Schedules that may have something to come.';
comment on column resumepair.user_limits.max_documents is 'Documents that the user may have; not where a view of the host application takes the table''s place.';
comment on column resumepair.user_limits.max_webhooks is 'Webhooks that may be registered.';

comment on table resumepair.export_statistics is 'The whole system''s exports per UTC day and template, counted by triggers as they end.';
comment on column resumepair.export_statistics.day is 'The day (UTC) on which jobs ended, files were downloaded, or files expire.';
comment on column resumepair.export_statistics.template is 'The template they were rendered with, else asked for; empty for what was never rendered and named none.';
comment on column resumepair.export_statistics.completed is 'Jobs that completed.';
comment on column resumepair.export_statistics.failed is 'Jobs that failed, less those that were tried again by hand.';
comment on column resumepair.export_statistics.cancelled is 'Jobs that were cancelled.';
comment on column resumepair.export_statistics.byte_size is 'Bytes of the files that were made.';
comment on column resumepair.export_statistics.page_count is 'Pages of the files that were made.';
comment on column resumepair.export_statistics.download_count is 'Download links to exports that were made on this day.';
comment on column resumepair.export_statistics.bundle_download_count is 'Download links to bundles that were made on this day; they are of no template, so the row''s is empty.';
comment on column resumepair.export_statistics.durations is 'How many completed jobs took how long from their first attempt on, by duration_bucket.';
comment on column resumepair.export_statistics.waits is 'How many completed jobs waited how long for their first attempt, by duration_bucket.';

-- ------------------------------------------------------------------------------------------------------------- triggers

create or replace function resumepair.touch_document() returns trigger language plpgsql set search_path = '' as $$
begin
    if new.user_id is distinct from old.user_id then
        raise exception 'A document does not change its owner.' using errcode = 'RP412', column = 'user_id';
    end if;
    if (new.title, new.data) is distinct from (old.title, old.data) then
        new.version := old.version + 1;
        new.updated_at := now();
    end if;
    return new;
end
$$;
comment on function resumepair.touch_document() is 'Counts a document''s versions; one version per real change.';

do $$
begin
    if (select relkind from pg_class where oid = 'resumepair.documents'::regclass) <> 'r' then
        return; -- the host application's view: its own rules apply
    end if;
    -- For databases that were set up before a new document could have a key.
    alter table resumepair.documents
        add column if not exists idempotency_key text,
        add column if not exists request_hash text;
    if not exists (
        select from pg_constraint
        where conname = 'documents_idempotency_key_length' and conrelid = 'resumepair.documents'::regclass
    ) then
        alter table resumepair.documents add constraint documents_idempotency_key_length
            check (char_length(idempotency_key) between 1 and 200);
    end if;
    create index if not exists documents_user on resumepair.documents (user_id, updated_at desc, id desc);
    create unique index if not exists documents_idempotency
        on resumepair.documents (user_id, idempotency_key) where idempotency_key is not null;
    create or replace trigger documents_touch before update on resumepair.documents
        for each row execute function resumepair.touch_document();
    if not exists (
        select from pg_constraint
        where conname = 'export_schedules_document' and conrelid = 'resumepair.export_schedules'::regclass
    ) then
        alter table resumepair.export_schedules add constraint export_schedules_document
            foreign key (document_id) references resumepair.documents (id) on delete cascade;
    end if;

    comment on table resumepair.documents is 'The users'' documents, as they gave them: canonical résumé or JSON Resume.';
    comment on column resumepair.documents.id is 'The document''s id.';
    comment on column resumepair.documents.user_id is 'Whose document it is.';
    comment on column resumepair.documents.title is 'Name of the document in lists, 1 to 200 characters.';
    comment on column resumepair.documents.data is 'The document itself, a JSON object of at most 1 MiB; checked when it is exported.';
    comment on column resumepair.documents.version is 'Counts the changes of title or data, from 1.';
    comment on column resumepair.documents.created_at is 'When it was first saved.';
    comment on column resumepair.documents.updated_at is 'When title or data last changed.';
    comment on column resumepair.documents.idempotency_key is 'The client''s key for the request that saved it first, unique per user; null when none was given.';
    comment on column resumepair.documents.request_hash is 'SHA-256 of that request (title, data), to tell a replay from a reused key; null without a key.';
end
$$;

-- The job state machine; drawn in docs/reference/job-states.md.
create or replace function resumepair.enforce_job_state() returns trigger language plpgsql set search_path = '' as $$
begin
    if tg_op = 'INSERT' then
        if new.status <> 'pending' then
            raise exception 'An export job starts as pending, not as %.', new.status using errcode = 'RP412', column = 'status';
        end if;
        return new;
    end if;

    if new.attempt < old.attempt then
        raise exception 'The attempt of an export job never goes back.' using errcode = 'RP412', column = 'attempt';
    end if;
    if new.status is distinct from old.status and not (old.status, new.status) in (
        ('pending', 'processing'),    -- claimed
        ('pending', 'cancelled'),     -- cancelled before it began
        ('pending', 'failed'),        -- no attempts left when it was to be claimed again
        ('processing', 'pending'),    -- to be tried again, or handed back
        ('processing', 'completed'),  -- published
        ('processing', 'failed'),     -- permanent error, or no attempts left
        ('processing', 'cancelled'),  -- cancelled while it ran
        ('failed', 'pending')         -- tried again by hand
    ) then
        raise exception 'An export job cannot go from % to %.', old.status, new.status using errcode = 'RP412', column = 'status';
    end if;

    if (new.status, new.stage, new.attempt, new.next_attempt_at)
        is distinct from (old.status, old.stage, old.attempt, old.next_attempt_at) then
        new.sequence := old.sequence + 1;
        new.updated_at := now();
    end if;
    return new;
end
$$;
comment on function resumepair.enforce_job_state() is 'Refuses impossible transitions and numbers the visible changes of a job.';

create or replace trigger export_jobs_state before insert or update on resumepair.export_jobs
    for each row execute function resumepair.enforce_job_state();

-- NOTIFY can be heard by every role of the database: ids and progress only, never content.
create or replace function resumepair.announce_job() returns trigger language plpgsql set search_path = '' as $$
begin
    perform pg_notify('resumepair_jobs', json_build_object(
        'id', new.id, 'user', new.user_id, 'batch', new.batch_id, 'sequence', new.sequence,
        'status', new.status, 'stage', new.stage, 'percent', new.percent, 'attempt', new.attempt,
        'started_at', new.started_at
    )::text);
    return null;
end
$$;
comment on function resumepair.announce_job() is 'Tells the listening API processes of a visible change, when it is committed.';

create or replace trigger export_jobs_announce_insert after insert on resumepair.export_jobs
    for each row execute function resumepair.announce_job();
create or replace trigger export_jobs_announce_update after update on resumepair.export_jobs
    for each row when (new.sequence > old.sequence) execute function resumepair.announce_job();

-- The bundle is on the queue when the batch has finished, or neither is true.
create or replace function resumepair.count_batch() returns trigger language plpgsql set search_path = '' as $$
declare
    v_remaining integer;
begin
    update resumepair.export_batches as b
    set remaining = b.remaining + change.by,
        finished_at = case when b.remaining + change.by = 0 then clock_timestamp() end
    from (select case when new.finished_at is null then 1 else -1 end as by) as change
    where b.id = new.batch_id
    returning b.remaining into v_remaining;
    if new.finished_at is null then
        perform resumepair.drop_bundle(new.batch_id);
    elsif v_remaining = 0 then
        perform resumepair.make_bundle(new.batch_id, new.virtual_time);
    end if;
    return null;
end
$$;
comment on function resumepair.count_batch() is 'Counts a batch down when one of its jobs ends, and up when one is tried again; at zero its bundle is to be made.';

create or replace trigger export_jobs_count_batch after update on resumepair.export_jobs
    for each row when (new.batch_id is not null and (old.finished_at is null) <> (new.finished_at is null))
    execute function resumepair.count_batch();

create or replace function resumepair.number_bundle_changes() returns trigger language plpgsql set search_path = '' as $$
begin
    if new.attempt < old.attempt then
        raise exception 'The attempt of a bundle never goes back.' using errcode = 'RP412', column = 'attempt';
    end if;
    if (new.status, new.attempt, new.next_attempt_at) is distinct from (old.status, old.attempt, old.next_attempt_at) then
        new.sequence := old.sequence + 1;
    end if;
    new.updated_at := now();
    return new;
end
$$;
comment on function resumepair.number_bundle_changes() is 'Numbers the visible changes of a bundle.';

create or replace trigger export_bundles_number before update on resumepair.export_bundles
    for each row execute function resumepair.number_bundle_changes();

-- That it is to be made is told with the job that ended last.
create or replace function resumepair.announce_bundle() returns trigger language plpgsql set search_path = '' as $$
begin
    perform pg_notify('resumepair_jobs', json_build_object('bundle', new.id, 'batch', new.batch_id)::text);
    return null;
end
$$;
comment on function resumepair.announce_bundle() is 'Tells the listening API processes that a batch''s bundle has changed, when it is committed.';

create or replace trigger export_bundles_announce after update on resumepair.export_bundles
    for each row when (new.sequence > old.sequence) execute function resumepair.announce_bundle();

-- A bundle has one file at most: that of its last publication, or the one that its present attempt uploads.
create or replace function resumepair.release_bundle_files() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    update resumepair.stored_files as f set state = 'removing'
    where f.bundle_id = old.id and f.state <> 'removing' and f.id is distinct from new.file_id
        and (f.state = 'uploading' and new.status = 'processing' and f.attempt = new.attempt) is not true;
    return null;
end
$$;
comment on function resumepair.release_bundle_files() is 'Has the files removed that a bundle does not have, or will not need, any more.';

create or replace trigger export_bundles_release_files
    after delete or update of status, attempt, file_id on resumepair.export_bundles
    for each row execute function resumepair.release_bundle_files();

-- Each bucket ends a fifth above the one before it, so a percentile read from them is right to ten percent.
create or replace function resumepair.duration_bucket(p_duration interval) returns integer
language sql immutable set search_path = '' as $$
    select greatest(1, ceil(ln(greatest(extract(epoch from p_duration) * 1000, 1)) / ln(1.2)))::integer
$$;
comment on function resumepair.duration_bucket(interval) is 'Which bucket of export_statistics a duration falls into; bucket n ends at 1.2^n milliseconds.';

create or replace function resumepair.count_in_bucket(p_counts bigint[], p_bucket integer) returns bigint[]
language plpgsql immutable set search_path = '' as $$
begin
    if cardinality(p_counts) < p_bucket then
        p_counts := p_counts || array_fill(0::bigint, array[p_bucket - cardinality(p_counts)]);
    end if;
    if p_bucket is not null then
        p_counts[p_bucket] := p_counts[p_bucket] + 1;
    end if;
    return p_counts;
end
$$;
comment on function resumepair.count_in_bucket(bigint[], integer) is 'Counts one more in this bucket; null is none.';

create or replace function resumepair.count_statistics() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
    v_export resumepair.export_history;
    v_template text := coalesce(new.options ->> 'template', '');
    v_duration integer;
    v_wait integer;
begin
    if new.finished_at is null then -- tried again by hand
        update resumepair.export_statistics as s set failed = s.failed - 1
        where s.day = (old.finished_at at time zone 'UTC')::date and s.template = v_template;
        return null;
    end if;
    if new.status = 'completed' then
        select * into v_export from resumepair.export_history as h where h.job_id = new.id;
        v_template := coalesce(v_export.template, v_template);
        v_duration := resumepair.duration_bucket(new.finished_at - new.started_at);
        v_wait := resumepair.duration_bucket(new.started_at - new.created_at);
    end if;
    insert into resumepair.export_statistics as s (
        day, template, completed, failed, cancelled, byte_size, page_count, durations, waits
    ) values (
        (new.finished_at at time zone 'UTC')::date, v_template,
        (new.status = 'completed')::integer, (new.status = 'failed')::integer, (new.status = 'cancelled')::integer,
        coalesce(v_export.byte_size, 0), coalesce(v_export.page_count, 0),
        resumepair.count_in_bucket('{}', v_duration), resumepair.count_in_bucket('{}', v_wait)
    ) on conflict (day, template) do update set
        completed = s.completed + excluded.completed, failed = s.failed + excluded.failed,
        cancelled = s.cancelled + excluded.cancelled,
        byte_size = s.byte_size + excluded.byte_size, page_count = s.page_count + excluded.page_count,
        durations = resumepair.count_in_bucket(s.durations, v_duration), waits = resumepair.count_in_bucket(s.waits, v_wait);
    return null;
end
$$;
comment on function resumepair.count_statistics() is 'Counts a job in export_statistics when it ends, and takes a failed one out again when it is tried again.';

create or replace trigger export_jobs_count_statistics after update on resumepair.export_jobs
    for each row when ((old.finished_at is null) <> (new.finished_at is null))
    execute function resumepair.count_statistics();

-- An attempt that is over, whichever way, has either published its file or will not need it any more.
create or replace function resumepair.abandon_upload() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    update resumepair.stored_files as f set state = 'removing'
    where f.job_id = new.id and f.state = 'uploading' and (f.attempt < new.attempt or new.status <> 'processing');
    return null;
end
$$;
comment on function resumepair.abandon_upload() is 'Gives up the uploads of a job''s attempts that are over.';

create or replace trigger export_jobs_abandon_upload after update on resumepair.export_jobs
    for each row when (old.status = 'processing' and (new.status <> 'processing' or new.attempt > old.attempt))
    execute function resumepair.abandon_upload();

create or replace function resumepair.count_usage() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
    v_user_id constant uuid := coalesce(new.user_id, old.user_id);
    v_more constant bigint := case when tg_op = 'DELETE' or new.state = 'removing' then 0 else new.byte_size end
        - case when tg_op = 'INSERT' or old.state = 'removing' then 0 else old.byte_size end;
begin
    if v_more = 0 then
        return null;
    end if;
    update resumepair.user_usage as u set bytes_used = u.bytes_used + v_more where u.user_id = v_user_id;
    if not found then -- the user's first
        insert into resumepair.user_usage as u (user_id, bytes_used) values (v_user_id, v_more)
        on conflict (user_id) do update set bytes_used = u.bytes_used + v_more;
    end if;
    return null;
end
$$;
comment on function resumepair.count_usage() is 'Keeps user_usage: a file counts from before its upload until it is to be removed.';

create or replace trigger stored_files_count_usage after insert or delete or update of state, byte_size on resumepair.stored_files
    for each row execute function resumepair.count_usage();

-- --------------------------------------------------------------------------------------------------- parts of functions

create or replace function resumepair.refuse(p_state text, p_message text, p_path text default '', p_detail jsonb default '{}')
returns void language plpgsql set search_path = '' as $$
begin
    raise exception using errcode = p_state, message = p_message, column = p_path, detail = p_detail::text;
end
$$;
comment on function resumepair.refuse(text, text, text, jsonb) is 'Raises one of the errors listed at the top of schema.sql.';

create or replace function resumepair.limits_of(p_user_id uuid) returns resumepair.user_limits
language sql stable set search_path = '' as $$
    select l.*
    from resumepair.user_limits as d
    left join resumepair.user_limits as own on own.user_id = p_user_id
    -- By name: a database that was brought up to date may have the columns in another order.
    cross join lateral jsonb_populate_record(
        d, coalesce(jsonb_strip_nulls(to_jsonb(own)), '{}') || jsonb_build_object('user_id', p_user_id)
    ) as l
    where d.user_id = '00000000-0000-0000-0000-000000000000'
$$;
comment on function resumepair.limits_of(uuid) is 'A user''s limits, with the defaults filled in.';

-- Serialises a user's requests, so that limits hold and keys are seen, however many come at once.
create or replace function resumepair.lock_user(p_user_id uuid) returns void language plpgsql set search_path = '' as $$
begin
    -- A snapshot older than the lock would not see what it is about.
    if current_setting('transaction_isolation') <> 'read committed' then
        perform resumepair.refuse('RP412', 'Do this in a transaction of isolation level READ COMMITTED.');
    end if;
    perform pg_advisory_xact_lock(hashtextextended('resumepair.user.' || p_user_id, 0));
end
$$;
comment on function resumepair.lock_user(uuid) is 'Holds the user''s lock until the transaction ends.';

create or replace function resumepair.require_user() returns uuid language plpgsql stable set search_path = '' as $$
declare
    v_user_id constant uuid := auth.uid();
begin
    if v_user_id is null then
        perform resumepair.refuse('RP401', 'Sign in to do this.');
    end if;
    return v_user_id;
end
$$;
comment on function resumepair.require_user() is 'The signed-in user''s id; raises RP401 when there is none.';

create or replace function resumepair.require_free_request(p_user_id uuid) returns void
language plpgsql set search_path = '' as $$
declare
    v_limit constant integer := (resumepair.limits_of(p_user_id)).max_active_requests;
    v_active integer;
begin
    select count(distinct coalesce(j.batch_id, j.id)) into v_active
    from resumepair.export_jobs as j
    where j.user_id = p_user_id and j.status in ('pending', 'processing');

    if v_active >= v_limit then
        perform resumepair.refuse(
            'RP429',
            format('%s of %s export requests are active; wait for one to finish or cancel one.', v_active, v_limit),
            p_detail => jsonb_build_object('active', v_active, 'limit', v_limit)
        );
    end if;
end
$$;
comment on function resumepair.require_free_request(uuid) is 'Raises RP429 when the user''s active requests are used up; call under lock_user.';

-- What has expired is let go first: it counts until it is cleaned up, and that may not have happened yet.
create or replace function resumepair.require_free_storage(p_user_id uuid, p_bytes bigint default 1) returns void
language plpgsql set search_path = '' as $$
declare
    v_quota constant bigint := (resumepair.limits_of(p_user_id)).quota_bytes;
    v_used bigint := resumepair.bytes_used(p_user_id);
begin
    if v_used + p_bytes > v_quota then
        perform resumepair.expire_exports_of(p_user_id);
        v_used := resumepair.bytes_used(p_user_id);
    end if;
    if v_used + p_bytes > v_quota then
        perform resumepair.refuse(
            'RP413',
            case when p_bytes = 1
                then format('Your exports take up %s of %s bytes; delete some, or wait until some expire.', v_used, v_quota)
                else format('This file of %s bytes does not fit: your exports take up %s of %s; delete some, or wait until some expire.',
                    p_bytes, v_used, v_quota)
            end,
            p_detail => jsonb_build_object('used', v_used, 'quota', v_quota)
        );
    end if;
end
$$;
comment on function resumepair.require_free_storage(uuid, bigint) is 'Raises RP413 when so many bytes more do not fit into the user''s storage quota; call under lock_user.';
drop function if exists resumepair.require_free_storage(uuid); -- its form before the real size was asked about

create or replace function resumepair.bytes_used(p_user_id uuid) returns bigint
language sql stable set search_path = '' as $$
    select coalesce((select u.bytes_used from resumepair.user_usage as u where u.user_id = p_user_id), 0)
$$;
comment on function resumepair.bytes_used(uuid) is 'What the user''s files take up, in bytes.';

-- Everywhere the file is locked before the exports that have it: by whoever shares it, and by whoever lets it go.
create or replace function resumepair.lock_files(p_file_ids uuid[]) returns void
language sql set search_path = '' as $$
    select from resumepair.stored_files as f where f.id = any (p_file_ids) order by f.id for update
$$;
comment on function resumepair.lock_files(uuid[]) is 'Holds these files until the transaction ends, so that nobody else shares them or lets them go.';

create or replace function resumepair.remove_unused_files(p_file_ids uuid[]) returns void
language sql set search_path = '' as $$
    update resumepair.stored_files as f set state = 'removing'
    where f.id = any (p_file_ids) and f.state = 'stored'
        and not exists (select from resumepair.export_history as h where h.file_id = f.id)
        and not exists (select from resumepair.export_bundles as b where b.file_id = f.id)
$$;
comment on function resumepair.remove_unused_files(uuid[]) is 'Has those of these files removed that no export and no bundle has any more; call under lock_files.';

-- The export keeps its place in the history, as one that has expired; its file goes with the last export that has it.
create or replace function resumepair.let_go_of_files(p_export_ids uuid[]) returns integer
language plpgsql set search_path = '' as $$
declare
    v_file_ids constant uuid[] := array(
        select distinct h.file_id from resumepair.export_history as h
        where h.id = any (p_export_ids) and h.file_id is not null
    );
    v_count integer;
begin
    perform resumepair.lock_files(v_file_ids);
    update resumepair.export_history as h
    set file_id = null, expires_at = least(h.expires_at, greatest(now(), h.created_at + interval '1 microsecond'))
    where h.id = any (p_export_ids) and h.file_id = any (v_file_ids);
    get diagnostics v_count = row_count;
    perform resumepair.remove_unused_files(v_file_ids);
    return v_count;
end
$$;
comment on function resumepair.let_go_of_files(uuid[]) is 'Makes these exports expired and without a file, and says how many they were.';

-- Everywhere the exports' files and rows are locked before the batch, the batch before its bundle, and that before its file.
create or replace function resumepair.let_go_of_bundles(p_bundle_ids uuid[]) returns integer
language plpgsql set search_path = '' as $$
declare
    v_count integer;
begin
    perform from resumepair.export_bundles as b where b.id = any (p_bundle_ids) order by b.id for update;
    update resumepair.export_bundles as b set file_id = null, expires_at = least(b.expires_at, now())
    where b.id = any (p_bundle_ids) and b.file_id is not null;
    get diagnostics v_count = row_count;
    return v_count;
end
$$;
comment on function resumepair.let_go_of_bundles(uuid[]) is 'Makes these bundles expired and without a file, and says how many they were.';

create or replace function resumepair.expire_lost_files(p_file_ids uuid[]) returns integer
language plpgsql security definer set search_path = '' as $$
begin
    perform resumepair.lock_files(array(
        select f.id from resumepair.stored_files as f where f.id = any (p_file_ids) and f.bundle_id is null
    ));
    perform resumepair.let_go_of_files(array(
        select h.id from resumepair.export_history as h where h.file_id = any (p_file_ids)
    ));
    perform resumepair.let_go_of_bundles(array(
        select b.id from resumepair.export_bundles as b where b.file_id = any (p_file_ids)
    ));
    return cardinality(p_file_ids);
end
$$;
comment on function resumepair.expire_lost_files(uuid[]) is 'Makes the exports and bundles that have these files expired, and has the files removed; returns how many files.';

create or replace function resumepair.expire_exports_of(p_user_id uuid) returns void
language plpgsql set search_path = '' as $$
begin
    perform resumepair.let_go_of_files(array(
        select h.id from resumepair.export_history as h
        where h.user_id = p_user_id and h.expires_at <= now() and h.file_id is not null
    ));
    perform resumepair.let_go_of_bundles(array(
        select b.id from resumepair.export_bundles as b
        where b.user_id = p_user_id and b.expires_at <= now() and b.file_id is not null
    ));
end
$$;
comment on function resumepair.expire_exports_of(uuid) is 'Lets the files of a user''s expired exports and bundles go.';

create or replace function resumepair.require_free_schedule(p_user_id uuid) returns void
language plpgsql set search_path = '' as $$
declare
    v_limit constant integer := (resumepair.limits_of(p_user_id)).max_schedules;
    v_active integer;
begin
    select count(*) into v_active from resumepair.export_schedules as s
    where s.user_id = p_user_id and s.next_run_at is not null;
    if v_active >= v_limit then
        perform resumepair.refuse(
            'RP429',
            format('%s of %s schedules have something to come; delete one.', v_active, v_limit),
            p_detail => jsonb_build_object('active', v_active, 'limit', v_limit)
        );
    end if;
end
$$;
comment on function resumepair.require_free_schedule(uuid) is 'Raises RP429 when the user''s schedules are used up; call under lock_user.';

-- After the row is there: a replay, which makes none, is not refused. Whoever else writes to the table imports.
create or replace function resumepair.limit_documents() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
    v_limit constant integer := (resumepair.limits_of(new.user_id)).max_documents;
    v_others integer;
begin
    perform resumepair.lock_user(new.user_id);
    select count(*) - 1 into v_others from resumepair.documents as d where d.user_id = new.user_id;
    if v_others >= v_limit then
        perform resumepair.refuse(
            'RP429',
            format('You have %s of %s documents; delete one.', v_others, v_limit),
            p_detail => jsonb_build_object('active', v_others, 'limit', v_limit)
        );
    end if;
    return null;
end
$$;
comment on function resumepair.limit_documents() is 'Raises RP429 when a user saves more documents than allowed.';

do $$
begin
    if (select relkind from pg_class where oid = 'resumepair.documents'::regclass) = 'r' then
        create or replace trigger documents_limit after insert on resumepair.documents
            for each row when (current_user = 'authenticated') execute function resumepair.limit_documents();
    end if;
end
$$;

-- Start-time fair queuing, in rounds: a user's next job is a round after the user's own last one, but always after the
-- round that has begun; that only ever goes on. Within a round those go first who have nothing else under way. So one
-- user's hundred jobs do not delay another's first, and a big batch, with one job in each round, is not starved by newcomers.
create or replace function resumepair.next_virtual_time(p_user_id uuid, p_position integer default 0) returns integer
language sql stable set search_path = '' as $$
    select (greatest(begun.round, own.round, 0) + 1 + p_position) * 2
        + case when own.round is null and p_position = 0 then 0 else 1 end
    from (select max(j.virtual_time) / 2 as round from resumepair.export_jobs as j where j.started_at is not null) as begun,
         (select max(j.virtual_time) / 2 as round from resumepair.export_jobs as j
          where j.user_id = p_user_id and j.status in ('pending', 'processing')) as own
$$;
comment on function resumepair.next_virtual_time(uuid, integer) is 'The fair place of a user''s next job, or of the one so many positions behind it.';
drop function if exists resumepair.next_virtual_time(uuid); -- its form before there were rounds

-- procrastinate's functions use unqualified names, hence the search_path.
create or replace function resumepair.queue_job(
    p_job_id uuid, p_virtual_time integer, p_scheduled_at timestamptz default null
) returns bigint
language sql set search_path = procrastinate, pg_temp as $$
    select (procrastinate_defer_jobs_v1(array[row(
        'exports', 'render_export', -p_virtual_time, null, null, jsonb_build_object('job_id', p_job_id), p_scheduled_at
    )::procrastinate_job_to_defer_v1]))[1]
$$;
comment on function resumepair.queue_job(uuid, integer, timestamptz) is 'Puts the job on procrastinate''s queue in this transaction, for now or for a time; returns the queue row''s id.';
drop function if exists resumepair.queue_job(uuid, integer); -- its form before a time could be given

create or replace function resumepair.queue_bundle(
    p_bundle_id uuid, p_virtual_time integer, p_scheduled_at timestamptz default null
) returns bigint
language sql set search_path = procrastinate, pg_temp as $$
    select (procrastinate_defer_jobs_v1(array[row(
        'exports', 'bundle_batch', -p_virtual_time, null, null, jsonb_build_object('bundle_id', p_bundle_id), p_scheduled_at
    )::procrastinate_job_to_defer_v1]))[1]
$$;
comment on function resumepair.queue_bundle(uuid, integer, timestamptz) is 'Puts the bundle on procrastinate''s queue in this transaction, for now or for a time; returns the queue row''s id.';

create or replace function resumepair.has_downloads(p_batch_id uuid) returns boolean
language sql stable set search_path = '' as $$
    select exists (
        select from resumepair.export_jobs as j
        join resumepair.export_history as h on h.job_id = j.id and h.file_id is not null and h.expires_at > now()
        where j.batch_id = p_batch_id
    )
$$;
comment on function resumepair.has_downloads(uuid) is 'Whether a batch has an export that can be downloaded.';

create or replace function resumepair.make_bundle(p_batch_id uuid, p_virtual_time integer) returns void
language plpgsql set search_path = '' as $$
declare
    v_bundle_id uuid;
begin
    if not resumepair.has_downloads(p_batch_id) then
        return;
    end if;
    insert into resumepair.export_bundles as b (batch_id, user_id, max_attempts, virtual_time)
    select t.id, t.user_id, (resumepair.limits_of(t.user_id)).max_attempts, p_virtual_time
    from resumepair.export_batches as t where t.id = p_batch_id
    on conflict (batch_id) do update
    set status = 'pending', max_attempts = b.attempt + excluded.max_attempts, virtual_time = p_virtual_time, created_at = now()
    where b.status = 'deleted'
    returning b.id into v_bundle_id;
    update resumepair.export_bundles as b set queue_job_id = resumepair.queue_bundle(b.id, b.virtual_time) where b.id = v_bundle_id;
end
$$;
comment on function resumepair.make_bundle(uuid, integer) is 'Has the bundle of a finished batch made, if there is anything to put in it and none is there; call with the batch locked.';

-- The row stays: what an attempt still does to it is fenced off, and its numbers go on when it is made anew.
create or replace function resumepair.drop_bundle(p_batch_id uuid) returns void
language sql set search_path = '' as $$
    update resumepair.export_bundles as b
    set status = 'deleted', finished_at = null, next_attempt_at = null, file_id = null, file_name = null, storage_path = null,
        byte_size = null, sha256 = null, entry_count = null, expires_at = null,
        failure_code = null, failure_message = null, failure_retryable = null
    where b.batch_id = p_batch_id and b.status <> 'deleted'
$$;
comment on function resumepair.drop_bundle(uuid) is 'Deletes a batch''s bundle, whatever its state, and has its file removed.';

-- procrastinate wakes its workers when a job is new or to be aborted; without this, what comes back to the queue, or
-- waited for a lock, would wait for their next poll.
create or replace function resumepair.wake_workers(p_queue_name text, p_queue_job_id bigint) returns void
language plpgsql set search_path = '' as $$
declare
    v_message constant text := json_build_object('type', 'job_inserted', 'job_id', p_queue_job_id);
begin
    perform pg_notify('procrastinate_queue_v1#' || p_queue_name, v_message);
    perform pg_notify('procrastinate_any_queue_v1', v_message);
end
$$;
comment on function resumepair.wake_workers(text, bigint) is 'Tells the workers of a queue to look for jobs now, in procrastinate''s own words.';

create or replace function resumepair.wake_on_return() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    perform resumepair.wake_workers(new.queue_name, new.id);
    return null;
end
$$;
comment on function resumepair.wake_on_return() is 'Wakes the workers when a queue row is due again or gives a lock back.';

create or replace trigger resumepair_jobs_wake after update of status on procrastinate.procrastinate_jobs
    for each row when (
        old.status = 'doing' and (
            (new.status = 'todo' and coalesce(new.scheduled_at, '-infinity') <= clock_timestamp())
            or (new.status <> 'todo' and new.lock is not null)
        )
    )
    execute function resumepair.wake_on_return();

create or replace function resumepair.forget_worker() returns trigger language plpgsql set search_path = '' as $$
begin
    new.worker_id := null;
    return new;
end
$$;
comment on function resumepair.forget_worker() is 'Takes the worker off a queue row that it no longer works on, so that the end of a worker need not rewrite all rows it ever had.';

create or replace trigger resumepair_jobs_forget_worker before update of status on procrastinate.procrastinate_jobs
    for each row when (old.status = 'doing' and new.status <> 'doing') execute function resumepair.forget_worker();

-- ------------------------------------------------------------------------------------------------ functions for users

-- With the caller's rights: a view in place of the table decides for itself who may save. Such a view has no keys.
create or replace function resumepair.save_document(p_title text, p_data jsonb, p_idempotency_key text default null)
returns table (
    id uuid, title text, data jsonb, version integer, created_at timestamptz, updated_at timestamptz, replayed boolean
)
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
    v_hash text;
begin
    if p_idempotency_key is null then
        return query
            insert into resumepair.documents as d (title, data) values (p_title, p_data)
            returning d.id, d.title, d.data, d.version, d.created_at, d.updated_at, false;
        return;
    end if;
    if char_length(p_idempotency_key) not between 1 and 200 then
        raise exception 'The idempotency key has 1 to 200 characters.' using errcode = 'RP400', column = 'idempotencyKey';
    end if;
    if (select c.relkind from pg_catalog.pg_class as c where c.oid = 'resumepair.documents'::regclass) <> 'r' then
        raise exception 'The documents of the host application are saved without an idempotency key.'
            using errcode = 'RP400', column = 'idempotencyKey';
    end if;

    v_hash := encode(sha256(convert_to(jsonb_build_object('title', p_title, 'data', p_data)::text, 'UTF8')), 'hex');
    -- The unique index decides which of several requests is the first; the others wait for it here.
    return query
        insert into resumepair.documents as d (title, data, idempotency_key, request_hash)
        values (p_title, p_data, p_idempotency_key, v_hash)
        on conflict (user_id, idempotency_key) where idempotency_key is not null do nothing
        returning d.id, d.title, d.data, d.version, d.created_at, d.updated_at, false;
    if found then
        return;
    end if;
    return query
        select d.id, d.title, d.data, d.version, d.created_at, d.updated_at, true from resumepair.documents as d
        where d.user_id = auth.uid() and d.idempotency_key = p_idempotency_key and d.request_hash = v_hash;
    if not found then
        raise exception 'This idempotency key was used for another request; choose a new one.'
            using errcode = 'RP409', column = 'idempotencyKey';
    end if;
end
$$;
comment on function resumepair.save_document(text, jsonb, text) is
    'Saves a new document of the caller''s, or gives the one again that this key saved, as it is now. Raises RP400, RP409, RP429.';

-- Its form before there was anything to be fresh.
drop function if exists resumepair.enqueue_export(uuid[], jsonb, text, boolean);

create or replace function resumepair.enqueue_export(
    p_document_ids uuid[], p_options jsonb default '{}', p_idempotency_key text default null, p_batch boolean default false,
    p_fresh boolean default false
) returns table (job_id uuid, batch_id uuid, replayed boolean)
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
    v_user_id constant uuid := resumepair.require_user();
    v_limits constant resumepair.user_limits := resumepair.limits_of(v_user_id);
    v_batch constant boolean := coalesce(p_batch, false);
    v_fresh constant boolean := coalesce(p_fresh, false);
    v_path constant text := case when v_batch then 'documentIds' else 'documentId' end;
    v_hash constant text := encode(sha256(convert_to(
        (jsonb_build_object('documents', p_document_ids, 'options', p_options, 'batch', v_batch)
            || case when v_fresh then '{"fresh": true}' else '{}' end::jsonb)::text, 'UTF8')), 'hex');
    v_missing integer;
    v_known_hash text;
    v_batch_id uuid;
    v_made integer;
begin
    if coalesce(cardinality(p_document_ids), 0) = 0 or (not v_batch and cardinality(p_document_ids) > 1) then
        perform resumepair.refuse('RP400', 'Name the document to export.', v_path);
    end if;
    if (select count(distinct d.id) from unnest(p_document_ids) as d (id)) < cardinality(p_document_ids) then
        perform resumepair.refuse('RP400', 'Each document may be named once.', v_path);
    end if;
    if jsonb_typeof(p_options) is distinct from 'object' then
        perform resumepair.refuse('RP400', 'The options have to be a JSON object.', 'options');
    end if;
    if p_idempotency_key is not null and char_length(p_idempotency_key) not between 1 and 200 then
        perform resumepair.refuse('RP400', 'The idempotency key has 1 to 200 characters.', 'idempotencyKey');
    end if;

    perform resumepair.lock_user(v_user_id);

    select j.request_hash into v_known_hash from resumepair.export_jobs as j
    where j.user_id = v_user_id and j.idempotency_key = p_idempotency_key and j.batch_position = 0;
    if found then
        if v_known_hash <> v_hash then
            perform resumepair.refuse(
                'RP409', 'This idempotency key was used for another request; choose a new one.', 'idempotencyKey'
            );
        end if;
        return query
            select j.id, j.batch_id, true from resumepair.export_jobs as j
            where j.user_id = v_user_id and j.idempotency_key = p_idempotency_key order by j.batch_position;
        return;
    end if;

    if cardinality(p_document_ids) > v_limits.max_batch_documents then
        perform resumepair.refuse(
            'RP400', format('A batch holds at most %s documents, not %s.', v_limits.max_batch_documents, cardinality(p_document_ids)),
            v_path, jsonb_build_object('limit', v_limits.max_batch_documents)
        );
    end if;
    select wanted.position - 1 into v_missing
    from unnest(p_document_ids) with ordinality as wanted (id, position)
    where not exists (select from resumepair.documents as d where d.id = wanted.id and d.user_id = v_user_id)
    order by wanted.position limit 1;
    if found then
        perform resumepair.refuse(
            'RP404', 'There is no such document.', case when v_batch then format('documentIds[%s]', v_missing) else v_path end
        );
    end if;
    perform resumepair.require_free_request(v_user_id);
    perform resumepair.require_free_storage(v_user_id);

    if v_batch then
        insert into resumepair.export_batches (user_id, total, remaining)
        values (v_user_id, cardinality(p_document_ids), cardinality(p_document_ids))
        returning id into v_batch_id;
    end if;

    return query
        with job as (
            insert into resumepair.export_jobs (
                id, user_id, document_id, document_version, document_title, document_data, batch_id, batch_position,
                options, fresh, max_attempts, virtual_time, queue_job_id, idempotency_key, request_hash
            )
            select planned.id, v_user_id, d.id, d.version, d.title, d.data, v_batch_id, planned.position,
                   p_options, v_fresh, v_limits.max_attempts, planned.virtual_time,
                   resumepair.queue_job(planned.id, planned.virtual_time), p_idempotency_key, v_hash
            from (
                select gen_random_uuid() as id, w.document_id, (w.ordinality - 1)::integer as position,
                       resumepair.next_virtual_time(v_user_id, (w.ordinality - 1)::integer) as virtual_time
                from unnest(p_document_ids) with ordinality as w (document_id, ordinality)
                offset 0 -- keeps the planner from making each id twice
            ) as planned
            join resumepair.documents as d on d.id = planned.document_id and d.user_id = v_user_id
            order by planned.position
            returning id, batch_id, batch_position
        )
        select job.id, job.batch_id, false from job order by job.batch_position;
    get diagnostics v_made = row_count;
    if v_made < cardinality(p_document_ids) then -- one was deleted since we looked
        perform resumepair.refuse('RP404', 'There is no such document.', v_path);
    end if;
end
$$;
comment on function resumepair.enqueue_export(uuid[], jsonb, text, boolean, boolean) is
    'Asks for exports of the caller''s documents: ownership, limits, quota, idempotency, snapshot, fair place, job and queue rows in one transaction; fresh ones are rendered although the same may be in storage. Raises RP400, RP401, RP404, RP409, RP413, RP429.';

create or replace function resumepair.cancel_export(p_job_id uuid) returns uuid
language plpgsql security definer set search_path = procrastinate, pg_temp as $$
declare
    v_user_id constant uuid := resumepair.require_user();
    v_job resumepair.export_jobs;
begin
    select * into v_job from resumepair.export_jobs as j where j.id = p_job_id and j.user_id = v_user_id for update;
    if not found then
        perform resumepair.refuse('RP404', 'There is no such job.', 'jobId');
    end if;
    if v_job.status = 'cancelled' then
        return v_job.id;
    end if;
    if v_job.status in ('completed', 'failed') then
        perform resumepair.refuse(
            'RP412', format('The job is already %s.', v_job.status), 'jobId', jsonb_build_object('status', v_job.status)
        );
    end if;

    update resumepair.export_jobs
    set status = 'cancelled', finished_at = now(), next_attempt_at = null, document_data = null
    where id = v_job.id;
    -- A waiting queue row is final at once; a running one is aborted by its worker.
    perform procrastinate_cancel_job_v1(v_job.queue_job_id, true, false);
    return v_job.id;
end
$$;
comment on function resumepair.cancel_export(uuid) is
    'Cancels the caller''s pending or processing job; repeating it is harmless. Raises RP401, RP404, RP412.';

-- Locks the jobs before it touches the first: a worker that ends one holds that and then wants the batch.
create or replace function resumepair.cancel_batch(p_batch_id uuid) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
    v_user_id constant uuid := resumepair.require_user();
    v_job_id uuid;
begin
    if not exists (select from resumepair.export_batches as b where b.id = p_batch_id and b.user_id = v_user_id) then
        perform resumepair.refuse('RP404', 'There is no such batch.', 'batchId');
    end if;
    perform from resumepair.export_jobs as j
    where j.batch_id = p_batch_id and j.status in ('pending', 'processing') order by j.id for update;
    for v_job_id in
        select j.id from resumepair.export_jobs as j
        where j.batch_id = p_batch_id and j.status in ('pending', 'processing') order by j.id
    loop
        perform resumepair.cancel_export(v_job_id);
    end loop;
    return p_batch_id;
end
$$;
comment on function resumepair.cancel_batch(uuid) is
    'Cancels the jobs of the caller''s batch that have not ended; repeating it is harmless. Raises RP401, RP404.';

create or replace function resumepair.bundle_batch(p_batch_id uuid) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
    v_user_id constant uuid := resumepair.require_user();
    v_limit constant integer := (resumepair.limits_of(v_user_id)).max_active_requests;
    v_batch resumepair.export_batches;
    v_active integer;
begin
    perform resumepair.lock_user(v_user_id);
    select * into v_batch from resumepair.export_batches as b where b.id = p_batch_id and b.user_id = v_user_id for update;
    if not found then
        perform resumepair.refuse('RP404', 'There is no such batch.', 'batchId');
    end if;
    if v_batch.finished_at is null then
        perform resumepair.refuse('RP412', 'The batch has not finished yet; then its bundle is made by itself.', 'batchId');
    end if;
    if exists (
        select from resumepair.export_bundles as b
        where b.batch_id = p_batch_id and (
            b.status in ('pending', 'processing') or (b.status = 'completed' and b.file_id is not null and b.expires_at > now())
        )
    ) then
        return p_batch_id;
    end if;
    if not resumepair.has_downloads(p_batch_id) then
        perform resumepair.refuse('RP412', 'None of its exports can be downloaded; export the documents again.', 'batchId');
    end if;
    select count(*) into v_active from resumepair.export_bundles as b
    where b.user_id = v_user_id and b.status in ('pending', 'processing');
    if v_active >= v_limit then
        perform resumepair.refuse(
            'RP429', format('%s bundles are being made already; wait for one to finish.', v_active), 'batchId',
            jsonb_build_object('active', v_active, 'limit', v_limit)
        );
    end if;
    perform resumepair.require_free_storage(v_user_id);

    perform resumepair.drop_bundle(p_batch_id);
    perform resumepair.make_bundle(p_batch_id, resumepair.next_virtual_time(v_user_id));
    return p_batch_id;
end
$$;
comment on function resumepair.bundle_batch(uuid) is
    'Has the bundle of the caller''s finished batch made anew when it failed, expired or was deleted; repeating it is harmless. Raises RP401, RP404, RP412, RP413, RP429.';

create or replace function resumepair.retry_export(p_job_id uuid) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
    v_user_id constant uuid := resumepair.require_user();
    v_job resumepair.export_jobs;
    v_virtual_time integer;
begin
    perform resumepair.lock_user(v_user_id);
    select * into v_job from resumepair.export_jobs as j where j.id = p_job_id and j.user_id = v_user_id for update;
    if not found then
        perform resumepair.refuse('RP404', 'There is no such job.', 'jobId');
    end if;
    if v_job.status <> 'failed' then
        perform resumepair.refuse(
            'RP412', format('Only a failed job can be tried again; this one is %s.', v_job.status), 'jobId',
            jsonb_build_object('status', v_job.status)
        );
    end if;
    if v_job.attempt >= v_job.max_attempts then
        perform resumepair.refuse(
            'RP423', format('All %s attempts are used; ask for a new export.', v_job.max_attempts), 'jobId',
            jsonb_build_object('attempt', v_job.attempt, 'maxAttempts', v_job.max_attempts)
        );
    end if;
    -- With other jobs of its batch still active, it belongs to a request that counts already.
    if not exists (
        select from resumepair.export_jobs as j where j.batch_id = v_job.batch_id and j.status in ('pending', 'processing')
    ) then
        perform resumepair.require_free_request(v_user_id);
    end if;
    perform resumepair.require_free_storage(v_user_id);

    v_virtual_time := resumepair.next_virtual_time(v_user_id);
    update resumepair.export_jobs
    set status = 'pending', stage = 'queued', finished_at = null, next_attempt_at = null,
        virtual_time = v_virtual_time, queue_job_id = resumepair.queue_job(v_job.id, v_virtual_time)
    where id = v_job.id;
    return v_job.id;
end
$$;
comment on function resumepair.retry_export(uuid) is
    'Tries the caller''s failed job again while attempts are left. Raises RP401, RP404, RP412, RP413, RP423, RP429.';

drop function if exists resumepair.record_download(uuid); -- its form when every look was a download

create or replace function resumepair.record_bundle_download(p_bundle_id uuid, p_count boolean)
returns table (storage_path text, file_name text, format text)
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
    v_user_id constant uuid := resumepair.require_user();
    v_bundle resumepair.export_bundles;
begin
    select * into v_bundle from resumepair.export_bundles as b
    where b.id = p_bundle_id and b.user_id = v_user_id and b.status <> 'deleted' for update;
    if not found then
        perform resumepair.refuse('RP404', 'There is no such export.', 'exportId');
    end if;
    if v_bundle.status <> 'completed' then
        perform resumepair.refuse(
            'RP412', format('The bundle is %s; only a completed one can be downloaded.', v_bundle.status), 'exportId',
            jsonb_build_object('status', v_bundle.status)
        );
    end if;
    if v_bundle.expires_at <= now() then
        perform resumepair.refuse(
            'RP410', 'This bundle has expired; bundle the batch again, or export the documents again.', 'exportId',
            jsonb_build_object('expiresAt', v_bundle.expires_at)
        );
    end if;
    if p_count then
        update resumepair.export_bundles
        set download_count = download_count + 1, last_downloaded_at = now()
        where id = v_bundle.id;
        insert into resumepair.export_statistics as s (day, template, bundle_download_count)
        values ((now() at time zone 'UTC')::date, '', 1)
        on conflict (day, template) do update set bundle_download_count = s.bundle_download_count + 1;
    end if;
    return query select v_bundle.storage_path, v_bundle.file_name, 'zip';
end
$$;
comment on function resumepair.record_bundle_download(uuid, boolean) is 'As record_download, for a bundle.';

create or replace function resumepair.record_download(p_export_id uuid, p_count boolean default true)
returns table (storage_path text, file_name text, format text)
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
    v_user_id constant uuid := resumepair.require_user();
    v_export resumepair.export_history;
begin
    select * into v_export from resumepair.export_history as h where h.id = p_export_id and h.user_id = v_user_id for update;
    if not found then
        return query select * from resumepair.record_bundle_download(p_export_id, p_count);
        return;
    end if;
    if v_export.expires_at <= now() then
        perform resumepair.refuse(
            'RP410', 'This export has expired; export the document again.', 'exportId',
            jsonb_build_object('expiresAt', v_export.expires_at)
        );
    end if;
    if p_count then
        update resumepair.export_history
        set download_count = download_count + 1, last_downloaded_at = now()
        where id = v_export.id;
        update resumepair.export_jobs set download_count = download_count + 1 where id = v_export.job_id;
        insert into resumepair.export_statistics as s (day, template, download_count)
        values ((now() at time zone 'UTC')::date, v_export.template, 1)
        on conflict (day, template) do update set download_count = s.download_count + 1;
    end if;
    return query select v_export.storage_path, v_export.file_name, v_export.format;
end
$$;
comment on function resumepair.record_download(uuid, boolean) is
    'Says where the file of the caller''s export or bundle is, and counts a download unless told not to. Raises RP401, RP404, RP410, RP412.';

create or replace function resumepair.delete_export(p_export_id uuid) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
    v_user_id constant uuid := resumepair.require_user();
    v_file_id uuid;
    v_batch_id uuid;
begin
    select b.batch_id into v_batch_id from resumepair.export_bundles as b
    where b.id = p_export_id and b.user_id = v_user_id and b.status <> 'deleted';
    if found then
        perform resumepair.drop_bundle(v_batch_id);
        return p_export_id;
    end if;

    select h.file_id, j.batch_id into v_file_id, v_batch_id
    from resumepair.export_history as h
    join resumepair.export_jobs as j on j.id = h.job_id
    where h.id = p_export_id and h.user_id = v_user_id;
    perform resumepair.lock_files(array[v_file_id]);
    delete from resumepair.export_history as h where h.id = p_export_id and h.user_id = v_user_id;
    if not found then
        perform resumepair.refuse('RP404', 'There is no such export.', 'exportId');
    end if;
    perform resumepair.remove_unused_files(array[v_file_id]);
    if v_file_id is not null and v_batch_id is not null then
        -- What is deleted is in no bundle any more. The batch is locked: its last job may just be ending.
        perform from resumepair.export_batches as b where b.id = v_batch_id for update;
        perform resumepair.drop_bundle(v_batch_id);
    end if;
    return p_export_id;
end
$$;
comment on function resumepair.delete_export(uuid) is
    'Deletes the caller''s export, with the bundle that it is in, and has its file removed unless another export has it as well; or deletes the caller''s bundle. Raises RP401, RP404.';

-- Users cannot count what is not theirs, so this counts for them. It reads the queue in the order in which workers fetch,
-- once for all of the jobs, and no further than the last of them or a thousand rows.
create or replace function resumepair.queue_positions(p_job_ids uuid[])
returns table (job_id uuid, queue_position integer)
language sql stable security definer set search_path = '' as $$
    with own as (
        select j.id as job_id, q.id, q.priority
        from resumepair.export_jobs as j
        join procrastinate.procrastinate_jobs as q on q.id = j.queue_job_id
        where j.id = any (p_job_ids) and j.status = 'pending'
            and (j.user_id = (select auth.uid()) or current_setting('role') = 'service_role')
            and q.status = 'todo' and coalesce(q.scheduled_at, '-infinity') <= now()
    ), line as (
        select q.id, row_number() over (order by q.priority desc, q.id) - 1 as place
        from procrastinate.procrastinate_jobs as q
        where q.status = 'todo' and q.queue_name = 'exports' and coalesce(q.scheduled_at, '-infinity') <= now()
            and q.priority >= (select min(own.priority) from own)
        order by q.priority desc, q.id
        limit 1000
    )
    select own.job_id, coalesce(line.place, 1000)::integer from own left join line on line.id = own.id
$$;
comment on function resumepair.queue_positions(uuid[]) is
    'How many due jobs of all users are before each of these, which are the caller''s (or anybody''s, for service_role), pending and due; 1000 stands for that many or more. The others have no row.';

-- Its form before there was anything to be fresh.
drop function if exists resumepair.schedule_export(uuid, jsonb, timestamptz, text, text, timestamptz, text);

-- The caller works out when a cron expression first fires; that it is one, and not too dense, is the caller's check too.
create or replace function resumepair.schedule_export(
    p_document_id uuid, p_options jsonb, p_run_at timestamptz, p_cron text, p_time_zone text, p_next_run_at timestamptz,
    p_idempotency_key text default null, p_fresh boolean default false
) returns table (schedule_id uuid, replayed boolean)
language plpgsql security definer set search_path = '' as $$
declare
    v_user_id constant uuid := resumepair.require_user();
    v_fresh constant boolean := coalesce(p_fresh, false);
    v_hash constant text := encode(sha256(convert_to(
        (jsonb_build_object(
            'document', p_document_id, 'options', p_options,
            'at', extract(epoch from p_run_at), 'cron', p_cron, 'timeZone', p_time_zone
        ) || case when v_fresh then '{"fresh": true}' else '{}' end::jsonb)::text, 'UTF8')), 'hex');
    v_known resumepair.export_schedules;
begin
    if num_nonnulls(p_run_at, p_cron) <> 1 then
        perform resumepair.refuse('RP400', 'Give either a time or a cron expression.', 'at');
    end if;
    if jsonb_typeof(p_options) is distinct from 'object' then
        perform resumepair.refuse('RP400', 'The options have to be a JSON object.', 'options');
    end if;
    if p_idempotency_key is not null and char_length(p_idempotency_key) not between 1 and 200 then
        perform resumepair.refuse('RP400', 'The idempotency key has 1 to 200 characters.', 'idempotencyKey');
    end if;

    perform resumepair.lock_user(v_user_id);

    select * into v_known from resumepair.export_schedules as s
    where s.user_id = v_user_id and s.idempotency_key = p_idempotency_key;
    if found then
        if v_known.request_hash <> v_hash then
            perform resumepair.refuse(
                'RP409', 'This idempotency key was used for another request; choose a new one.', 'idempotencyKey'
            );
        end if;
        return query select v_known.id, true;
        return;
    end if;

    if not exists (select from resumepair.documents as d where d.id = p_document_id and d.user_id = v_user_id) then
        perform resumepair.refuse('RP404', 'There is no such document.', 'documentId');
    end if;
    if p_run_at <= now() - interval '1 minute' then -- clocks differ
        perform resumepair.refuse('RP400', 'The time is past; give one that is to come.', 'at');
    end if;
    if p_run_at > now() + interval '1 year' then
        perform resumepair.refuse('RP400', 'The time is more than a year ahead; give an earlier one.', 'at');
    end if;
    if p_cron is not null and p_next_run_at is null then
        perform resumepair.refuse('RP400', 'This cron expression never fires.', 'cron');
    end if;
    perform resumepair.require_free_schedule(v_user_id);

    return query
        insert into resumepair.export_schedules as s (
            user_id, document_id, options, fresh, run_at, cron, time_zone, next_run_at, idempotency_key, request_hash
        ) values (
            v_user_id, p_document_id, p_options, v_fresh, p_run_at, p_cron, p_time_zone, coalesce(p_run_at, p_next_run_at),
            p_idempotency_key, v_hash
        )
        returning s.id, false;
exception
    when foreign_key_violation then -- it was deleted since we looked
        perform resumepair.refuse('RP404', 'There is no such document.', 'documentId');
end
$$;
comment on function resumepair.schedule_export(uuid, jsonb, timestamptz, text, text, timestamptz, text, boolean) is
    'Asks for exports of the caller''s document to come, once at a time or by a cron expression that first fires at p_next_run_at; fresh ones are rendered although the same may be in storage. Raises RP400, RP401, RP404, RP409, RP429.';

create or replace function resumepair.delete_schedule(p_schedule_id uuid) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
    v_user_id constant uuid := resumepair.require_user();
begin
    delete from resumepair.export_schedules as s where s.id = p_schedule_id and s.user_id = v_user_id;
    if not found then
        perform resumepair.refuse('RP404', 'There is no such schedule.', 'scheduleId');
    end if;
    return p_schedule_id;
end
$$;
comment on function resumepair.delete_schedule(uuid) is
    'Deletes the caller''s schedule; exports that came of it stay. Raises RP401, RP404.';

create or replace function resumepair.queue_depth() returns table (waiting bigint, longest_wait interval)
language sql stable security definer set search_path = '' as $$
    select count(*), coalesce(max(now() - coalesce(j.next_attempt_at, j.created_at)), '0')
    from resumepair.export_jobs as j
    where j.status = 'pending' and coalesce(j.next_attempt_at, now()) <= now()
$$;
comment on function resumepair.queue_depth() is
    'How many jobs of all users are due and wait for a worker, and for how long the first of them has; names none of them.';

-- --------------------------------------------------------------------------------------------- functions for the worker

create or replace function resumepair.claim_export(p_job_id uuid, p_queue_job_id bigint)
returns table (user_id uuid, attempt integer, document_data jsonb, options jsonb, queue_priority integer)
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
    return query
        update resumepair.export_jobs as j
        set status = 'processing', stage = 'claimed', attempt = j.attempt + 1, next_attempt_at = null,
            started_at = coalesce(j.started_at, now()), failure_code = null, failure_message = null, failure_retryable = null
        where j.id = p_job_id and j.queue_job_id = p_queue_job_id
            and j.status in ('pending', 'processing') and j.attempt < j.max_attempts
        returning j.user_id, j.attempt, j.document_data, j.options, -j.virtual_time;
    if found then
        return;
    end if;
    -- A document that takes its worker down ends here, with its attempts, instead of looping for ever.
    update resumepair.export_jobs as j
    set status = 'failed', finished_at = now(), document_data = null, failure_code = 'WORKER_LOST', failure_retryable = false,
        failure_message = format('The last of %s attempts did not come to an end: the worker or its database was lost.', j.attempt)
    where j.id = p_job_id and j.queue_job_id = p_queue_job_id and j.status in ('pending', 'processing');
end
$$;
comment on function resumepair.claim_export(uuid, bigint) is
    'Begins the next attempt and returns what it needs; no row when there is nothing to do (ended, cancelled, another queue row, attempts used up). The attempt is the fence of all later calls.';

create or replace function resumepair.report_progress(p_job_id uuid, p_attempt integer, p_stage text) returns boolean
language sql security definer set search_path = '' as $$
    with reported as (
        update resumepair.export_jobs set stage = p_stage
        where id = p_job_id and attempt = p_attempt and status = 'processing'
        returning true
    )
    select exists (select from reported)
$$;
comment on function resumepair.report_progress(uuid, integer, text) is
    'Moves the attempt to a stage; false when the attempt is no longer the present one and should stop.';

-- Its form before exports were judged; a worker that still calls it fails its attempt, and another one makes the next.
drop function if exists resumepair.publish_export(uuid, integer, text, text, text, bigint, integer, text, interval);

-- Its form before the file had a row of its own.
drop function if exists resumepair.publish_export(uuid, integer, text, text, text, bigint, integer, text, jsonb, jsonb, jsonb, interval);

-- The quota is asked about the real size, once it is known; the row is there before the file, so that none is forgotten.
create or replace function resumepair.reserve_upload(
    p_job_id uuid, p_attempt integer, p_storage_path text, p_byte_size bigint
) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
    v_user_id uuid;
begin
    select j.user_id into v_user_id from resumepair.export_jobs as j
    where j.id = p_job_id and j.attempt = p_attempt and j.status = 'processing';
    if not found then
        return false;
    end if;
    perform resumepair.lock_user(v_user_id);
    perform resumepair.require_free_storage(v_user_id, p_byte_size);
    -- The attempt may have come to its end since; then its uploads have been given up already.
    insert into resumepair.stored_files (user_id, storage_path, byte_size, job_id, attempt)
    select j.user_id, p_storage_path, p_byte_size, j.id, j.attempt from resumepair.export_jobs as j
    where j.id = p_job_id and j.attempt = p_attempt and j.status = 'processing' for share;
    return found;
end
$$;
comment on function resumepair.reserve_upload(uuid, integer, text, bigint) is
    'Takes room in the user''s quota for the file of an attempt; false when the attempt is no longer the present one. Raises RP413.';

create or replace function resumepair.publish_export(
    p_job_id uuid, p_attempt integer, p_template text, p_file_name text, p_storage_path text,
    p_byte_size bigint, p_page_count integer, p_sha256 text, p_proof jsonb, p_fit jsonb, p_warnings jsonb, p_lifetime interval,
    p_content_key text default null
) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
    v_job resumepair.export_jobs;
    v_file_id uuid;
    v_export_id uuid;
begin
    select * into v_job from resumepair.export_jobs as j
    where j.id = p_job_id and j.attempt = p_attempt and j.status = 'processing' for update;
    if not found then
        return null;
    end if;
    insert into resumepair.stored_files as f (user_id, storage_path, byte_size, state, job_id, attempt, content_key)
    values (v_job.user_id, p_storage_path, p_byte_size, 'stored', v_job.id, v_job.attempt, p_content_key)
    on conflict (storage_path) do update set state = 'stored', content_key = p_content_key where f.state = 'uploading'
    returning id into v_file_id;
    if not found then
        return null;
    end if;
    insert into resumepair.export_history (
        job_id, user_id, document_id, document_version, document_title, template, format, file_name, storage_path,
        byte_size, page_count, sha256, proof, fit, warnings, file_id, expires_at
    ) values (
        v_job.id, v_job.user_id, v_job.document_id, v_job.document_version, v_job.document_title, p_template, v_job.format,
        p_file_name, p_storage_path, p_byte_size, p_page_count, p_sha256, p_proof, p_fit, p_warnings, v_file_id,
        now() + p_lifetime
    ) returning id into v_export_id;
    update resumepair.export_jobs
    set status = 'completed', stage = 'done', finished_at = now(), document_data = null,
        template = p_template, byte_size = p_byte_size, page_count = p_page_count
    where id = v_job.id;
    return v_export_id;
end
$$;
comment on function resumepair.publish_export(uuid, integer, text, text, text, bigint, integer, text, jsonb, jsonb, jsonb, interval, text) is
    'The file stored, the history row, then the job completed, in one transaction; null when the attempt is no longer the present one (remove the file).';

-- Only within the first one's lifetime, so that no file grows older than two of them.
create or replace function resumepair.reusable_file(
    p_job_id uuid, p_attempt integer, p_content_key text, p_lifetime interval
) returns table (file_id uuid, storage_path text)
language sql stable security definer set search_path = '' as $$
    select f.id, f.storage_path
    from resumepair.export_jobs as j
    join resumepair.stored_files as f on f.user_id = j.user_id
    where j.id = p_job_id and j.attempt = p_attempt and j.status = 'processing' and not j.fresh
        and f.content_key = p_content_key and f.state = 'stored' and f.created_at > now() - p_lifetime
        and exists (select from resumepair.export_history as h where h.file_id = f.id and h.expires_at > now())
    order by f.created_at desc limit 1
$$;
comment on function resumepair.reusable_file(uuid, integer, text, interval) is
    'The latest file of the same content that the job''s user still has; no row when there is none, a fresh one was asked for, or the attempt is no longer the present one.';

create or replace function resumepair.reuse_export(
    p_job_id uuid, p_attempt integer, p_content_key text, p_lifetime interval
) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
    v_job resumepair.export_jobs;
    v_file_id uuid;
    v_export_id uuid;
begin
    select * into v_job from resumepair.export_jobs as j
    where j.id = p_job_id and j.attempt = p_attempt and j.status = 'processing' and not j.fresh for update;
    if not found then
        return null;
    end if;
    select r.file_id into v_file_id
    from resumepair.reusable_file(p_job_id, p_attempt, p_content_key, p_lifetime) as r;
    perform resumepair.lock_files(array[v_file_id]); -- so that it cannot be let go of meanwhile
    insert into resumepair.export_history (
        job_id, user_id, document_id, document_version, document_title, template, format, file_name, storage_path,
        byte_size, page_count, sha256, proof, fit, warnings, cached, file_id, expires_at
    )
    select v_job.id, v_job.user_id, v_job.document_id, v_job.document_version, v_job.document_title, h.template, h.format,
           h.file_name, h.storage_path, h.byte_size, h.page_count, h.sha256, h.proof, h.fit, h.warnings, true, h.file_id,
           now() + p_lifetime
    from resumepair.export_history as h
    where h.file_id = v_file_id and h.expires_at > now()
    order by h.created_at desc limit 1
    returning id into v_export_id;
    if not found then
        return null;
    end if;
    update resumepair.export_jobs as j
    set status = 'completed', stage = 'done', finished_at = now(), document_data = null,
        template = h.template, byte_size = h.byte_size, page_count = h.page_count
    from resumepair.export_history as h
    where j.id = v_job.id and h.id = v_export_id;
    return v_export_id;
end
$$;
comment on function resumepair.reuse_export(uuid, integer, text, interval) is
    'Completes the job with the file of an export of the same content that the user still has; null when there is none, a fresh one was asked for, or the attempt is no longer the present one.';

-- Its form when the worker's clock said when.
drop function if exists resumepair.fail_export(uuid, integer, text, text, timestamptz);

create or replace function resumepair.fail_export(
    p_job_id uuid, p_attempt integer, p_code text, p_message text, p_retry_in interval default null
) returns table (status text, next_attempt_at timestamptz)
language sql security definer set search_path = '' as $$
    update resumepair.export_jobs as j
    set status = case when again.yes then 'pending' else 'failed' end,
        stage = case when again.yes then 'queued' else j.stage end,
        next_attempt_at = case when again.yes then now() + p_retry_in end,
        finished_at = case when again.yes then null else now() end,
        document_data = case when j.attempt < j.max_attempts then j.document_data end,
        failure_code = p_code, failure_message = left(p_message, 2000), failure_retryable = p_retry_in is not null
    from (
        select id, p_retry_in is not null and attempt < max_attempts as yes
        from resumepair.export_jobs where id = p_job_id
    ) as again
    where j.id = again.id and j.attempt = p_attempt and j.status = 'processing'
    returning j.status, j.next_attempt_at
$$;
comment on function resumepair.fail_export(uuid, integer, text, text, interval) is
    'Ends the attempt with an error: pending again when a pause is given and attempts are left, else failed. Returns the new status and the next attempt''s time by the database''s clock; no row when the attempt is no longer the present one.';

create or replace function resumepair.release_export(p_job_id uuid, p_attempt integer) returns boolean
language sql security definer set search_path = '' as $$
    with released as (
        update resumepair.export_jobs
        set status = 'pending', stage = 'queued', max_attempts = max_attempts + 1
        where id = p_job_id and attempt = p_attempt and status = 'processing'
        returning true
    )
    select exists (select from released)
$$;
comment on function resumepair.release_export(uuid, integer) is
    'Hands the attempt back, uncounted, because its worker stops; false when it is no longer the present one.';

create or replace function resumepair.claim_bundle(p_bundle_id uuid, p_queue_job_id bigint)
returns table (
    user_id uuid, batch_id text, attempt integer, created_at timestamptz, expires_at timestamptz, queue_priority integer,
    jobs jsonb
)
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
    v_bundle resumepair.export_bundles;
begin
    update resumepair.export_bundles as b
    set status = 'processing', attempt = b.attempt + 1, next_attempt_at = null,
        failure_code = null, failure_message = null, failure_retryable = null
    where b.id = p_bundle_id and b.queue_job_id = p_queue_job_id
        and b.status in ('pending', 'processing') and b.attempt < b.max_attempts
    returning b.* into v_bundle;
    if not found then
        update resumepair.export_bundles as b
        set status = 'failed', finished_at = now(), failure_code = 'WORKER_LOST', failure_retryable = false,
            failure_message = format('The last of %s attempts did not come to an end: the worker or its database was lost.', b.attempt)
        where b.id = p_bundle_id and b.queue_job_id = p_queue_job_id and b.status in ('pending', 'processing');
        return;
    end if;
    if not resumepair.has_downloads(v_bundle.batch_id) then -- they have been deleted or have expired since
        perform resumepair.drop_bundle(v_bundle.batch_id);
        return;
    end if;
    return query
        select v_bundle.user_id, resumepair.global_id('ExportBatch', v_bundle.batch_id), v_bundle.attempt, v_bundle.created_at,
               min(h.expires_at) filter (where h.file_id is not null and h.expires_at > now()), -v_bundle.virtual_time,
               jsonb_agg(jsonb_build_object(
                   'position', j.batch_position, 'status', j.status,
                   'document_title', j.document_title, 'document_version', j.document_version,
                   'failure_code', j.failure_code, 'failure_message', j.failure_message,
                   'export', case when h.id is not null then jsonb_build_object(
                       'available', h.file_id is not null and h.expires_at > now(), 'file_name', h.file_name,
                       'storage_path', h.storage_path, 'template', h.template, 'page_count', h.page_count,
                       'byte_size', h.byte_size, 'sha256', h.sha256, 'created_at', h.created_at
                   ) end
               ) order by j.batch_position)
        from resumepair.export_jobs as j
        left join resumepair.export_history as h on h.job_id = j.id
        where j.batch_id = v_bundle.batch_id;
end
$$;
comment on function resumepair.claim_bundle(uuid, bigint) is
    'Begins the next attempt at a bundle and returns the batch, by the id that clients know, and its jobs with their exports; no row when there is nothing to do (ended, deleted, another queue row, attempts used up). The attempt is the fence of all later calls.';

create or replace function resumepair.report_bundle(p_bundle_id uuid, p_attempt integer) returns boolean
language sql security definer set search_path = '' as $$
    with reported as (
        update resumepair.export_bundles set updated_at = now()
        where id = p_bundle_id and attempt = p_attempt and status = 'processing'
        returning true
    )
    select exists (select from reported)
$$;
comment on function resumepair.report_bundle(uuid, integer) is
    'Says that the attempt has made a step; false when the attempt is no longer the present one and should stop.';

create or replace function resumepair.reserve_bundle(
    p_bundle_id uuid, p_attempt integer, p_storage_path text, p_byte_size bigint
) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
    v_user_id uuid;
begin
    select b.user_id into v_user_id from resumepair.export_bundles as b
    where b.id = p_bundle_id and b.attempt = p_attempt and b.status = 'processing';
    if not found then
        return false;
    end if;
    perform resumepair.lock_user(v_user_id);
    perform resumepair.require_free_storage(v_user_id, p_byte_size);
    insert into resumepair.stored_files (user_id, storage_path, byte_size, bundle_id, attempt)
    select b.user_id, p_storage_path, p_byte_size, b.id, b.attempt from resumepair.export_bundles as b
    where b.id = p_bundle_id and b.attempt = p_attempt and b.status = 'processing' for share;
    return found;
end
$$;
comment on function resumepair.reserve_bundle(uuid, integer, text, bigint) is
    'As reserve_upload, for the file of a bundle''s attempt. Raises RP413.';

create or replace function resumepair.publish_bundle(
    p_bundle_id uuid, p_attempt integer, p_file_name text, p_storage_path text, p_byte_size bigint, p_sha256 text,
    p_entry_count integer, p_expires_at timestamptz, p_lifetime interval
) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
    v_bundle resumepair.export_bundles;
    v_file_id uuid;
begin
    select * into v_bundle from resumepair.export_bundles as b
    where b.id = p_bundle_id and b.attempt = p_attempt and b.status = 'processing' for update;
    if not found then
        return false;
    end if;
    update resumepair.stored_files as f set state = 'stored'
    where f.storage_path = p_storage_path and f.bundle_id = v_bundle.id and f.state = 'uploading'
    returning f.id into v_file_id;
    if not found then
        return false;
    end if;
    update resumepair.export_bundles as b
    set status = 'completed', finished_at = now(), file_id = v_file_id, file_name = p_file_name,
        storage_path = p_storage_path, byte_size = p_byte_size, sha256 = p_sha256, entry_count = p_entry_count,
        expires_at = least(p_expires_at, now() + p_lifetime)
    where b.id = v_bundle.id;
    return true;
end
$$;
comment on function resumepair.publish_bundle(uuid, integer, text, text, bigint, text, integer, timestamptz, interval) is
    'The file stored and the bundle completed, in one transaction; false when the attempt is no longer the present one (remove the file).';

create or replace function resumepair.fail_bundle(
    p_bundle_id uuid, p_attempt integer, p_code text, p_message text, p_retry_in interval default null
) returns table (status text, next_attempt_at timestamptz)
language sql security definer set search_path = '' as $$
    update resumepair.export_bundles as b
    set status = case when again.yes then 'pending' else 'failed' end,
        next_attempt_at = case when again.yes then now() + p_retry_in end,
        finished_at = case when again.yes then null else now() end,
        failure_code = p_code, failure_message = left(p_message, 2000), failure_retryable = p_retry_in is not null
    from (
        select id, p_retry_in is not null and attempt < max_attempts as yes
        from resumepair.export_bundles where id = p_bundle_id
    ) as again
    where b.id = again.id and b.attempt = p_attempt and b.status = 'processing'
    returning b.status, b.next_attempt_at
$$;
comment on function resumepair.fail_bundle(uuid, integer, text, text, interval) is
    'As fail_export, for an attempt at a bundle.';

create or replace function resumepair.release_bundle(p_bundle_id uuid, p_attempt integer) returns boolean
language sql security definer set search_path = '' as $$
    with released as (
        update resumepair.export_bundles
        set status = 'pending', max_attempts = max_attempts + 1
        where id = p_bundle_id and attempt = p_attempt and status = 'processing'
        returning true
    )
    select exists (select from released)
$$;
comment on function resumepair.release_bundle(uuid, integer) is
    'Hands the attempt back, uncounted, because its worker stops; false when it is no longer the present one.';

create or replace function resumepair.lost_queue_rows(
    p_silent_for interval, p_deadline interval, p_only bigint default null
) returns setof bigint
language sql stable rows 10 set search_path = procrastinate, pg_temp as $$
    select q.id from procrastinate_jobs as q
    left join procrastinate_workers as w on w.id = q.worker_id
    left join resumepair.export_jobs as j on j.queue_job_id = q.id
    left join resumepair.export_bundles as b on b.queue_job_id = q.id
    where q.status = 'doing' and q.id = coalesce(p_only, q.id) and (
        q.worker_id is null
        or w.last_heartbeat < now() - p_silent_for
        or coalesce(j.id, b.id) is not null and greatest(
            j.updated_at, j.next_attempt_at, b.updated_at, b.next_attempt_at,
            (select max(e.at) from procrastinate_events as e where e.job_id = q.id and e.type = 'started')
        ) < now() - p_deadline
    )
$$;
comment on function resumepair.lost_queue_rows(interval, interval, bigint) is
    'Queue rows whose worker has been silent for the first interval, or whose export or bundle has made no step within the second since the worker took it; of all rows, or this one if it is such.';

-- Rescue gives the export a new row on the queue. The old one stays with the silent worker: should that wake up, it can
-- finish or repeat only a row that no claim accepts any more.
drop function if exists resumepair.rescue_exports(interval); -- its form before there was a deadline

create or replace function resumepair.rescue_exports(p_silent_for interval, p_deadline interval) returns setof uuid
language plpgsql security definer set search_path = procrastinate, pg_temp as $$
declare
    v_row record;
begin
    if not pg_try_advisory_xact_lock(hashtextextended('resumepair.rescue', 0)) then
        return; -- another worker is at it
    end if;
    for v_row in
        select lost.id as queue_job_id, j.id as job_id, b.id as bundle_id
        from resumepair.lost_queue_rows(p_silent_for, p_deadline) as lost (id)
        left join resumepair.export_jobs as j on j.queue_job_id = lost.id
        left join resumepair.export_bundles as b on b.queue_job_id = lost.id
        order by j.id, b.id
    loop
        -- The job before its queue row, as whoever changes both; and then look again, since it may just have made a step.
        perform from resumepair.export_jobs as j where j.id = v_row.job_id for update skip locked;
        continue when v_row.job_id is not null and not found;
        perform from resumepair.export_bundles as b where b.id = v_row.bundle_id for update skip locked;
        continue when v_row.bundle_id is not null and not found;
        perform from procrastinate_jobs as q where q.id = v_row.queue_job_id for update skip locked;
        continue when not found
            or not exists (select from resumepair.lost_queue_rows(p_silent_for, p_deadline, v_row.queue_job_id));

        perform procrastinate_finish_job_v1(v_row.queue_job_id, 'aborted', false);
        return query
            update resumepair.export_jobs as j
            set queue_job_id = resumepair.queue_job(j.id, j.virtual_time, j.next_attempt_at)
            where j.id = v_row.job_id and j.queue_job_id = v_row.queue_job_id and j.status in ('pending', 'processing')
            returning j.id;
        return query
            update resumepair.export_bundles as b
            set queue_job_id = resumepair.queue_bundle(b.id, b.virtual_time, b.next_attempt_at)
            where b.id = v_row.bundle_id and b.queue_job_id = v_row.queue_job_id and b.status in ('pending', 'processing')
            returning b.id;
    end loop;
end
$$;
comment on function resumepair.rescue_exports(interval, interval) is
    'Queues every active export and bundle anew whose worker has been silent for the first interval, or which has made no step within the second; returns their ids. Tasks of other kinds of such workers are ended.';

create or replace function resumepair.requeue_exports() returns setof uuid
language plpgsql security definer set search_path = procrastinate, pg_temp as $$
declare
    v_job_id uuid;
    v_bundle_id uuid;
begin
    if not pg_try_advisory_xact_lock(hashtextextended('resumepair.rescue', 0)) then
        return; -- another worker is at it
    end if;
    for v_job_id in
        select j.id from resumepair.export_jobs as j
        where j.status in ('pending', 'processing') and not exists (
            select from procrastinate_jobs as q where q.id = j.queue_job_id and q.status in ('todo', 'doing')
        )
        order by j.id for update of j skip locked
    loop
        return query
            update resumepair.export_jobs as j
            set queue_job_id = resumepair.queue_job(j.id, j.virtual_time, j.next_attempt_at)
            where j.id = v_job_id and j.status in ('pending', 'processing') and not exists (
                select from procrastinate_jobs as q where q.id = j.queue_job_id and q.status in ('todo', 'doing')
            )
            returning j.id;
    end loop;
    for v_bundle_id in
        select b.id from resumepair.export_bundles as b
        where b.status in ('pending', 'processing') and not exists (
            select from procrastinate_jobs as q where q.id = b.queue_job_id and q.status in ('todo', 'doing')
        )
        order by b.id for update of b skip locked
    loop
        return query
            update resumepair.export_bundles as b
            set queue_job_id = resumepair.queue_bundle(b.id, b.virtual_time, b.next_attempt_at)
            where b.id = v_bundle_id and b.status in ('pending', 'processing') and not exists (
                select from procrastinate_jobs as q where q.id = b.queue_job_id and q.status in ('todo', 'doing')
            )
            returning b.id;
    end loop;
end
$$;
comment on function resumepair.requeue_exports() is
    'Queues every active export and bundle anew whose queue row ended without it, or is gone; returns their ids.';

create or replace function resumepair.ring_due_jobs() returns double precision
language plpgsql security definer set search_path = procrastinate, pg_temp as $$
declare
    v_job record;
begin
    for v_job in
        select distinct on (q.queue_name) q.queue_name, q.id from procrastinate_jobs as q
        where q.status = 'todo' and q.scheduled_at between now() - interval '2 seconds' and now()
        order by q.queue_name, q.id
    loop
        perform resumepair.wake_workers(v_job.queue_name, v_job.id);
    end loop;
    return (
        select extract(epoch from min(q.scheduled_at) - now()) from procrastinate_jobs as q
        where q.status = 'todo' and q.scheduled_at > now()
    );
end
$$;
comment on function resumepair.ring_due_jobs() is
    'Wakes the workers for jobs whose time has come in the last two seconds; returns the seconds until the next one''s, null when none is waiting for its time.';

create or replace function resumepair.due_schedules(p_within interval, p_limit integer)
returns table (schedule_id uuid, cron text, time_zone text, due_at timestamptz, due_in double precision, looked_at timestamptz)
language sql stable security definer set search_path = '' as $$
    select s.id, s.cron, s.time_zone, s.next_run_at, extract(epoch from s.next_run_at - now()), now()
    from resumepair.export_schedules as s
    where s.next_run_at <= now() + p_within
    order by s.next_run_at limit p_limit
$$;
comment on function resumepair.due_schedules(interval, integer) is
    'The schedules whose time has come, or comes within the interval, soonest first; due_in is in seconds, looked_at the database''s time.';

-- Who finds another time than the one it has read, or the row in somebody's hands, comes too late: so each time is run once,
-- however many workers are at it and wherever one stops. It asks in the owner's name.
create or replace function resumepair.run_schedule(
    p_schedule_id uuid, p_due_at timestamptz, p_following timestamptz, p_pause interval
) returns table (job_id uuid, refusal_state text, refusal_message text)
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
    v_schedule resumepair.export_schedules;
    v_job_id uuid;
    v_state text;
    v_message text;
begin
    select * into v_schedule from resumepair.export_schedules as s
    where s.id = p_schedule_id and s.next_run_at = p_due_at and s.next_run_at <= now()
    for update skip locked;
    if not found then
        return;
    end if;

    perform set_config('request.jwt.claims', jsonb_build_object('sub', v_schedule.user_id)::text, true);
    begin
        select e.job_id into strict v_job_id
        from resumepair.enqueue_export(
            array[v_schedule.document_id], v_schedule.options, p_fresh => v_schedule.fresh
        ) as e;
    exception when others then
        get stacked diagnostics v_state = returned_sqlstate, v_message = message_text;
    end;
    perform set_config('request.jwt.claims', '', true);

    if v_state = 'RP404' then -- with a view in place of the table, nothing else tells that the document is gone
        delete from resumepair.export_schedules as s where s.id = v_schedule.id;
    else
        update resumepair.export_schedules as s
        set last_run_at = now(), last_job_id = coalesce(v_job_id, s.last_job_id), last_refusal_state = v_state,
            last_refusal_message = case
                when v_state not like 'RP%' then 'Something went wrong on our side; it is tried again.' else v_message
            end,
            next_run_at = case
                -- Too many active requests, or an error that nobody foresaw: that may pass before the next time.
                when v_state = 'RP429' or v_state not like 'RP%' then least(p_following, now() + p_pause)
                else p_following
            end
        where s.id = v_schedule.id;
    end if;
    return query select v_job_id, v_state, v_message;
end
$$;
comment on function resumepair.run_schedule(uuid, timestamptz, timestamptz, interval) is
    'Enqueues the export that is due at this time, as its owner would, and plans the following time; a refusal that may pass is tried again after the pause. The job, or what refused it; no row when another was first or the schedule is gone.';

-- In bites, since one statement over a day's rows would hold locks and dead rows for as long as it takes.
create or replace function resumepair.prune_queue(p_older_than interval, p_limit integer) returns integer
language sql security definer set search_path = procrastinate, pg_temp as $$
    with ended as (
        select q.id, q.ctid as place from procrastinate_jobs as q
        where q.status in ('succeeded', 'failed', 'cancelled', 'aborted')
        order by q.id limit p_limit for update skip locked
    ), deleted as (
        delete from procrastinate_jobs as q
        where q.ctid = any (array( -- locked, so it stays where it is
            select ended.place from ended
            where coalesce(
                (select max(e.at) from procrastinate_events as e where e.job_id = ended.id), '-infinity'
            ) < now() - p_older_than
        ))
        returning true
    )
    select count(*)::integer from deleted
$$;
comment on function resumepair.prune_queue(interval, integer) is
    'Deletes queue rows that ended longer ago than this, the oldest of them and no more than the limit; returns how many. The exports themselves stay.';

-- ------------------------------------------------------------------------------------------------------------- clean-up

-- All of these can be repeated, stop anywhere and run twice at once.

create or replace function resumepair.expire_exports(p_limit integer) returns integer
language plpgsql security definer set search_path = '' as $$
declare
    v_exports constant integer := resumepair.let_go_of_files(array(
        select h.id from resumepair.export_history as h
        where h.expires_at <= now() and h.file_id is not null
        order by h.expires_at limit p_limit
    ));
    v_bundles constant integer := resumepair.let_go_of_bundles(array(
        select b.id from resumepair.export_bundles as b
        where b.expires_at <= now() and b.file_id is not null
        order by b.expires_at limit p_limit
    ));
begin
    return v_exports + v_bundles;
end
$$;
comment on function resumepair.expire_exports(integer) is
    'Lets the files of expired exports and bundles go, the oldest of them and no more than the limit of either; returns how many exports and bundles.';

create or replace function resumepair.expire_old_files(p_older_than interval, p_limit integer) returns integer
language sql security definer set search_path = '' as $$
    select resumepair.expire_lost_files(array(
        select f.id from resumepair.stored_files as f
        where f.state = 'stored' and f.created_at < now() - p_older_than
        order by f.created_at limit p_limit
    ))
$$;
comment on function resumepair.expire_old_files(interval, integer) is
    'Has files removed that are older than this, with the exports and bundles that have them, no more than the limit; returns how many files.';

create or replace function resumepair.files_after(p_after uuid, p_limit integer)
returns table (id uuid, storage_path text)
language sql stable security definer set search_path = '' as $$
    select f.id, f.storage_path from resumepair.stored_files as f
    where f.state = 'stored' and (p_after is null or f.id > p_after)
    order by f.id limit p_limit
$$;
comment on function resumepair.files_after(uuid, integer) is 'A page of the files that should be in storage, in the order of their ids.';

create or replace function resumepair.unknown_files(p_storage_paths text[]) returns setof text
language sql stable security definer set search_path = '' as $$
    select found.path from unnest(p_storage_paths) as found (path)
    where not exists (select from resumepair.stored_files as f where f.storage_path = found.path)
$$;
comment on function resumepair.unknown_files(text[]) is 'Which of these keys, found in storage, belong to no row: leftovers that nobody can reach.';

create or replace function resumepair.take_removals(p_again_after interval, p_limit integer)
returns table (id uuid, storage_path text)
language sql security definer set search_path = '' as $$
    update resumepair.stored_files as f set taken_at = now()
    from (
        select r.id from resumepair.stored_files as r
        where r.state = 'removing' and (r.taken_at is null or r.taken_at < now() - p_again_after)
        order by r.taken_at nulls first limit p_limit for update skip locked
    ) as taken
    where f.id = taken.id
    returning f.id, f.storage_path
$$;
comment on function resumepair.take_removals(interval, integer) is
    'Files for the caller to remove from storage and then to forget, no more than the limit; what somebody took is given out again after the interval.';

create or replace function resumepair.forget_files(p_file_ids uuid[]) returns integer
language sql security definer set search_path = '' as $$
    with forgotten as (
        delete from resumepair.stored_files as f where f.id = any (p_file_ids) and f.state = 'removing' returning true
    )
    select count(*)::integer from forgotten
$$;
comment on function resumepair.forget_files(uuid[]) is 'Forgets files that are no longer in storage; returns how many.';

create or replace function resumepair.prune_history(p_older_than interval, p_limit integer) returns integer
language sql security definer set search_path = '' as $$
    with pruned as (
        delete from resumepair.export_history as h
        where h.id = any (array(
            select e.id from resumepair.export_history as e
            where e.file_id is null and e.expires_at < now() - p_older_than
            order by e.expires_at limit p_limit for update skip locked
        ))
        returning true
    )
    select count(*)::integer from pruned
$$;
comment on function resumepair.prune_history(interval, integer) is
    'Deletes exports that expired longer ago than this, the oldest of them and no more than the limit; returns how many.';

-- A removal begins when it is decided; the sweep every minute is for what was then left over.
create or replace function resumepair.queue_removal() returns trigger
language plpgsql security definer set search_path = procrastinate, pg_temp as $$
begin
    if exists (select from procrastinate_jobs as q where q.queueing_lock = 'remove_files' and q.status = 'todo') then
        return null;
    end if;
    perform procrastinate_defer_jobs_v1(array[row(
        'maintenance', 'remove_files', 0, null, 'remove_files', '{}'::jsonb, null
    )::procrastinate_job_to_defer_v1]);
    return null;
exception
    when unique_violation then -- somebody else has just done so
        return null;
end
$$;
comment on function resumepair.queue_removal() is 'Has a worker remove the files that are to be removed.';

create or replace trigger stored_files_queue_removal after update of state on resumepair.stored_files
    for each row when (new.state = 'removing' and old.state <> 'removing') execute function resumepair.queue_removal();

-- ------------------------------------------------------------------------------------------------------------ webhooks

-- What users' endpoints hear of. A delivery waits for its time here, and is on the queue only when that has come: rows
-- that wait there are looked at by every fetch. Then, too, no more than two of a user's are on the queue, so that an endpoint
-- that takes its time holds up nobody else.

create table if not exists resumepair.webhooks (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null,
    url text not null,
    events text[] not null,
    secret text not null,
    previous_secret text,
    previous_secret_until timestamptz,
    failing_since timestamptz,
    failed_rounds integer not null default 0,
    failed_deliveries integer not null default 0,
    resting_until timestamptz,
    disabled_at timestamptz,
    disabled_reason text,
    idempotency_key text,
    request_hash text not null,
    created_at timestamptz not null default now(),
    constraint webhooks_url check (url ~ '^https?://' and char_length(url) <= 2048),
    constraint webhooks_events check (
        cardinality(events) > 0 and events <@ array['export.completed', 'export.failed']
    ),
    constraint webhooks_secret check (secret ~ '^whsec_' and previous_secret ~ '^whsec_'),
    constraint webhooks_previous_secret_ends check (num_nulls(previous_secret, previous_secret_until) in (0, 2)),
    constraint webhooks_disabled_says_why check (num_nulls(disabled_at, disabled_reason) in (0, 2)),
    constraint webhooks_idempotency_key_length check (char_length(idempotency_key) between 1 and 200)
);

create table if not exists resumepair.webhook_deliveries (
    id uuid primary key default gen_random_uuid(),
    webhook_id uuid not null references resumepair.webhooks (id) on delete cascade,
    user_id uuid not null,
    job_id uuid,
    event text not null,
    payload json not null,
    status text not null default 'pending',
    attempt integer not null default 0,
    max_attempts integer not null,
    queue_job_id bigint,
    response_status integer,
    error text,
    outcomes jsonb not null default '[]',
    next_attempt_at timestamptz default now(),
    last_attempt_at timestamptz,
    delivered_at timestamptz,
    created_at timestamptz not null default now(),
    constraint webhook_deliveries_event check (event in ('export.completed', 'export.failed', 'webhook.test')),
    constraint webhook_deliveries_status check (status in ('pending', 'delivered', 'failed')),
    constraint webhook_deliveries_attempts check (attempt between 0 and max_attempts),
    constraint webhook_deliveries_pending_is_planned check ((status = 'pending') = (next_attempt_at is not null)),
    constraint webhook_deliveries_delivered_is_dated check ((status = 'delivered') = (delivered_at is not null)),
    constraint webhook_deliveries_failed_says_why check (status <> 'failed' or error is not null)
);

create index if not exists webhooks_user on resumepair.webhooks (user_id, created_at desc, id desc);
create unique index if not exists webhooks_idempotency
    on resumepair.webhooks (user_id, idempotency_key) where idempotency_key is not null;
create index if not exists webhook_deliveries_webhook
    on resumepair.webhook_deliveries (webhook_id, created_at desc, id desc);
-- For queue_due_deliveries, which looks every second, and for requeue_deliveries.
create index if not exists webhook_deliveries_waiting
    on resumepair.webhook_deliveries (next_attempt_at) where status = 'pending' and queue_job_id is null;
create index if not exists webhook_deliveries_queued
    on resumepair.webhook_deliveries (queue_job_id) where status = 'pending' and queue_job_id is not null;
-- For queue_waiting_deliveries, which each attempt that ends calls.
create index if not exists webhook_deliveries_waiting_of_user
    on resumepair.webhook_deliveries (user_id, next_attempt_at) where status = 'pending' and queue_job_id is null;
create index if not exists webhook_deliveries_queued_of_user
    on resumepair.webhook_deliveries (user_id) where status = 'pending' and queue_job_id is not null;
create index if not exists webhook_deliveries_ended
    on resumepair.webhook_deliveries (created_at) where status <> 'pending';

comment on table resumepair.webhooks is 'Addresses that are told of a user''s exports.';
comment on column resumepair.webhooks.id is 'The webhook''s id.';
comment on column resumepair.webhooks.user_id is 'Whose webhook it is (auth.uid() of the request).';
comment on column resumepair.webhooks.url is 'Where deliveries are posted to; whether the address is a good one is for the worker to say.';
comment on column resumepair.webhooks.events is 'What it is told of: export.completed, export.failed.';
comment on column resumepair.webhooks.secret is 'Signs the deliveries (whsec_ and base64); shown once, by the function that makes it, and then only to the worker.';
comment on column resumepair.webhooks.previous_secret is 'The one before the last rotation, which signs as well for a while.';
comment on column resumepair.webhooks.previous_secret_until is 'Until when the previous secret signs as well.';
comment on column resumepair.webhooks.failing_since is 'When the first attempt failed since anything was delivered; null while all is well.';
comment on column resumepair.webhooks.failed_rounds is 'How often it was given a rest since anything was delivered; each is twice as long as the one before.';
comment on column resumepair.webhooks.failed_deliveries is 'Deliveries that were given up since anything was delivered.';
comment on column resumepair.webhooks.resting_until is 'Until when nothing is sent, so that an endpoint that is down is not asked for each delivery.';
comment on column resumepair.webhooks.disabled_at is 'When it was disabled; null while it is told of exports.';
comment on column resumepair.webhooks.disabled_reason is 'Why it was disabled, for the user.';
comment on column resumepair.webhooks.idempotency_key is 'The client''s key for the request, unique per user; null when none was given.';
comment on column resumepair.webhooks.request_hash is 'SHA-256 of the request, to tell a replay from a reused key.';
comment on column resumepair.webhooks.created_at is 'When it was registered.';

comment on table resumepair.webhook_deliveries is 'What a webhook is, or was, told: one event for one address, with all that became of it.';
comment on column resumepair.webhook_deliveries.id is 'The delivery''s id, the same for each attempt: the header webhook-id.';
comment on column resumepair.webhook_deliveries.webhook_id is 'Whom it is for; its deletion deletes the delivery.';
comment on column resumepair.webhook_deliveries.user_id is 'Whose delivery it is: the webhook''s user.';
comment on column resumepair.webhook_deliveries.job_id is 'The export that it tells of; null for a test. No foreign key, since the log may outlive the job.';
comment on column resumepair.webhook_deliveries.event is 'What happened: export.completed, export.failed or webhook.test.';
comment on column resumepair.webhook_deliveries.payload is 'The body, the same for each attempt to the byte.';
comment on column resumepair.webhook_deliveries.status is 'pending, delivered (an answer of 2xx), or failed: no attempts left, or its webhook was disabled.';
comment on column resumepair.webhook_deliveries.attempt is 'Number of the last attempt, and its fence: only the latest claim may say how it ended.';
comment on column resumepair.webhook_deliveries.max_attempts is 'Attempts allowed; grows when a stopping worker hands one back, and when the user asks for it again.';
comment on column resumepair.webhook_deliveries.queue_job_id is 'The procrastinate job that carries it; null while it waits for its time, or has ended.';
comment on column resumepair.webhook_deliveries.response_status is 'HTTP status of the last answer; null when the last attempt got none.';
comment on column resumepair.webhook_deliveries.error is 'Why the last attempt failed, or why it was given up, for the user.';
comment on column resumepair.webhook_deliveries.outcomes is 'How each attempt ended: objects of number, at, responseStatus, error and milliseconds.';
comment on column resumepair.webhook_deliveries.next_attempt_at is 'When the next attempt is due; null when there is none to come.';
comment on column resumepair.webhook_deliveries.last_attempt_at is 'When the last attempt began; also the timestamp that it signed.';
comment on column resumepair.webhook_deliveries.delivered_at is 'When it was answered with 2xx.';
comment on column resumepair.webhook_deliveries.created_at is 'When it happened.';

create or replace function resumepair.require_free_webhook(p_user_id uuid) returns void
language plpgsql set search_path = '' as $$
declare
    v_limit constant integer := (resumepair.limits_of(p_user_id)).max_webhooks;
    v_active integer;
begin
    select count(*) into v_active from resumepair.webhooks as w where w.user_id = p_user_id;
    if v_active >= v_limit then
        perform resumepair.refuse(
            'RP429', format('%s of %s webhooks are registered; delete one.', v_active, v_limit),
            p_detail => jsonb_build_object('active', v_active, 'limit', v_limit)
        );
    end if;
end
$$;
comment on function resumepair.require_free_webhook(uuid) is 'Raises RP429 when the user''s webhooks are used up; call under lock_user.';

-- Made here, so that no statement and no log of statements holds it. A random UUID has 122 random bits.
create or replace function resumepair.new_webhook_secret() returns text language sql volatile set search_path = '' as $$
    select 'whsec_' || encode(sha256(
        uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
    ), 'base64')
$$;
comment on function resumepair.new_webhook_secret() is 'A secret as Standard Webhooks has it: whsec_ and 32 random bytes in base64.';

create or replace function resumepair.global_id(p_type text, p_id uuid) returns text
language sql immutable set search_path = '' as $$
    select encode(convert_to(p_type || ':' || p_id, 'UTF8'), 'base64')
$$;
comment on function resumepair.global_id(text, uuid) is 'The id under which GraphQL knows an object; null for null.';

create or replace function resumepair.iso_time(p_at timestamptz) returns text language sql stable set search_path = '' as $$
    select to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;
comment on function resumepair.iso_time(timestamptz) is 'A time as webhooks are told it: ISO 8601, UTC, in milliseconds.';

create or replace function resumepair.webhook_payload(p_event text, p_data json) returns json
language sql stable set search_path = '' as $$
    select json_build_object('type', p_event, 'timestamp', resumepair.iso_time(now()), 'data', p_data)
$$;
comment on function resumepair.webhook_payload(text, json) is 'The body of a delivery, as Standard Webhooks has it: type, timestamp, data.';

-- No content and no link: who hears of an export fetches it with a token.
create or replace function resumepair.export_event_data(p_job resumepair.export_jobs) returns json
language sql stable set search_path = '' as $$
    select case p_job.status
        when 'completed' then json_build_object(
            'jobId', common.job_id, 'documentId', common.document_id, 'batchId', common.batch_id, 'status', 'COMPLETED',
            'createdAt', common.created_at, 'finishedAt', common.finished_at,
            'exportId', resumepair.global_id('Export', h.id), 'fileName', h.file_name, 'byteSize', h.byte_size,
            'pageCount', h.page_count, 'sha256', h.sha256, 'expiresAt', resumepair.iso_time(h.expires_at)
        )
        else json_build_object(
            'jobId', common.job_id, 'documentId', common.document_id, 'batchId', common.batch_id, 'status', 'FAILED',
            'createdAt', common.created_at, 'finishedAt', common.finished_at,
            'failure', json_build_object(
                'code', p_job.failure_code, 'message', p_job.failure_message, 'retryable', p_job.failure_retryable
            )
        )
    end
    from (
        select resumepair.global_id('ExportJob', p_job.id) as job_id,
               resumepair.global_id('Document', p_job.document_id) as document_id,
               resumepair.global_id('ExportBatch', p_job.batch_id) as batch_id,
               resumepair.iso_time(p_job.created_at) as created_at, resumepair.iso_time(p_job.finished_at) as finished_at
    ) as common
    left join resumepair.export_history as h on h.job_id = p_job.id
$$;
comment on function resumepair.export_event_data(resumepair.export_jobs) is 'What webhooks are told of a job that has completed or failed, with ids as GraphQL gives them.';

create or replace function resumepair.queue_delivery(p_delivery_id uuid) returns bigint
language sql set search_path = procrastinate, pg_temp as $$
    select (procrastinate_defer_jobs_v1(array[row(
        'webhooks', 'deliver_webhook', 0, null, null, jsonb_build_object('delivery_id', p_delivery_id), null
    )::procrastinate_job_to_defer_v1]))[1]
$$;
comment on function resumepair.queue_delivery(uuid) is 'Puts the delivery on procrastinate''s queue in this transaction; returns the queue row''s id.';

-- Two transactions that do this at once may queue a few too many; then none is queued until these have ended. To be called
-- after all locks of webhooks were taken: who deletes a webhook holds its lock, and waits for those of its deliveries.
create or replace function resumepair.queue_waiting_deliveries(p_user_id uuid) returns integer
language plpgsql set search_path = '' as $$
declare
    v_id uuid;
    v_places integer;
    v_queued integer := 0;
begin
    select 2 - count(*) into v_places from resumepair.webhook_deliveries as d
    where d.user_id = p_user_id and d.status = 'pending' and d.queue_job_id is not null;
    if v_places <= 0 then
        return 0;
    end if;
    for v_id in
        select d.id from resumepair.webhook_deliveries as d
        where d.user_id = p_user_id and d.status = 'pending' and d.queue_job_id is null and d.next_attempt_at <= now()
        order by d.next_attempt_at limit v_places for update skip locked
    loop
        update resumepair.webhook_deliveries as d set queue_job_id = resumepair.queue_delivery(d.id) where d.id = v_id;
        v_queued := v_queued + 1;
    end loop;
    return v_queued;
end
$$;
comment on function resumepair.queue_waiting_deliveries(uuid) is
    'Queues the user''s deliveries whose time has come, as far as two at a time allow; returns how many.';

create or replace function resumepair.add_delivery(
    p_webhook_id uuid, p_user_id uuid, p_job_id uuid, p_event text, p_payload json, p_max_attempts integer
) returns uuid
language plpgsql set search_path = '' as $$
declare
    v_id constant uuid := gen_random_uuid();
begin
    insert into resumepair.webhook_deliveries (id, webhook_id, user_id, job_id, event, payload, max_attempts)
    values (v_id, p_webhook_id, p_user_id, p_job_id, p_event, p_payload, p_max_attempts);
    return v_id;
end
$$;
comment on function resumepair.add_delivery(uuid, uuid, uuid, text, json, integer) is 'A new delivery, to be queued by whoever calls this; returns its id.';

-- The attempts that a delivery gets are those of the pauses in the worker's back-off, and one.
create or replace function resumepair.tell_webhooks() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
    v_event constant text := 'export.' || new.status;
    v_webhook_id uuid;
    v_payload json;
begin
    for v_webhook_id in
        select w.id from resumepair.webhooks as w
        where w.user_id = new.user_id and w.disabled_at is null and v_event = any (w.events)
        order by w.id for key share -- one that is being deleted is waited for: it must not fail the export
    loop
        v_payload := coalesce(v_payload, resumepair.webhook_payload(v_event, resumepair.export_event_data(new)));
        perform resumepair.add_delivery(v_webhook_id, new.user_id, new.id, v_event, v_payload, 8);
    end loop;
    if v_payload is not null then
        perform resumepair.queue_waiting_deliveries(new.user_id);
    end if;
    return null;
end
$$;
comment on function resumepair.tell_webhooks() is 'Makes the deliveries of an export that ends, in the transaction that ends it.';

create or replace trigger export_jobs_tell_webhooks after update on resumepair.export_jobs
    for each row when (new.status in ('completed', 'failed') and new.status is distinct from old.status)
    execute function resumepair.tell_webhooks();

create or replace function resumepair.register_webhook(
    p_url text, p_events text[] default array['export.completed', 'export.failed'], p_idempotency_key text default null
) returns table (webhook_id uuid, secret text, replayed boolean)
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
    v_user_id constant uuid := resumepair.require_user();
    v_events constant text[] := array(select distinct e from unnest(p_events) as e order by e);
    v_hash constant text := encode(sha256(convert_to(
        jsonb_build_object('url', p_url, 'events', v_events)::text, 'UTF8')), 'hex');
    v_known resumepair.webhooks;
begin
    if p_url is null or p_url !~ '^https?://' or char_length(p_url) > 2048 then
        perform resumepair.refuse('RP400', 'The address has to begin with https:// and to have at most 2048 characters.', 'url');
    end if;
    if cardinality(v_events) = 0 or not v_events <@ array['export.completed', 'export.failed'] then
        perform resumepair.refuse('RP400', 'Name one or both of export.completed and export.failed.', 'events');
    end if;
    if p_idempotency_key is not null and char_length(p_idempotency_key) not between 1 and 200 then
        perform resumepair.refuse('RP400', 'The idempotency key has 1 to 200 characters.', 'idempotencyKey');
    end if;

    perform resumepair.lock_user(v_user_id);

    select * into v_known from resumepair.webhooks as w
    where w.user_id = v_user_id and w.idempotency_key = p_idempotency_key;
    if found then
        if v_known.request_hash <> v_hash then
            perform resumepair.refuse(
                'RP409', 'This idempotency key was used for another request; choose a new one.', 'idempotencyKey'
            );
        end if;
        return query select v_known.id, null::text, true;
        return;
    end if;
    perform resumepair.require_free_webhook(v_user_id);

    return query
        insert into resumepair.webhooks as w (user_id, url, events, secret, idempotency_key, request_hash)
        values (v_user_id, p_url, v_events, resumepair.new_webhook_secret(), p_idempotency_key, v_hash)
        returning w.id, w.secret, false;
end
$$;
comment on function resumepair.register_webhook(text, text[], text) is
    'Registers an address that is told of the caller''s exports, and shows its secret; a replay shows none. Raises RP400, RP401, RP409, RP429.';

create or replace function resumepair.require_webhook(p_webhook_id uuid) returns resumepair.webhooks
language plpgsql set search_path = '' as $$
declare
    v_user_id constant uuid := resumepair.require_user();
    v_webhook resumepair.webhooks;
begin
    select * into v_webhook from resumepair.webhooks as w
    where w.id = p_webhook_id and w.user_id = v_user_id for no key update;
    if not found then
        perform resumepair.refuse('RP404', 'There is no such webhook.', 'webhookId');
    end if;
    return v_webhook;
end
$$;
comment on function resumepair.require_webhook(uuid) is 'The caller''s webhook, locked; raises RP401, RP404.';

create or replace function resumepair.delete_webhook(p_webhook_id uuid) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
    v_user_id constant uuid := resumepair.require_user();
begin
    delete from resumepair.webhooks as w where w.id = p_webhook_id and w.user_id = v_user_id;
    if not found then
        perform resumepair.refuse('RP404', 'There is no such webhook.', 'webhookId');
    end if;
    return p_webhook_id;
end
$$;
comment on function resumepair.delete_webhook(uuid) is
    'Deletes the caller''s webhook with its deliveries, also those to come. Raises RP401, RP404.';

create or replace function resumepair.rotate_webhook_secret(p_webhook_id uuid) returns text
language plpgsql security definer set search_path = '' as $$
declare
    v_webhook constant resumepair.webhooks := resumepair.require_webhook(p_webhook_id);
    v_secret constant text := resumepair.new_webhook_secret();
begin
    update resumepair.webhooks as w
    set secret = v_secret, previous_secret = v_webhook.secret, previous_secret_until = now() + interval '24 hours'
    where w.id = v_webhook.id;
    return v_secret;
end
$$;
comment on function resumepair.rotate_webhook_secret(uuid) is
    'Gives the caller''s webhook a new secret and shows it; the one before signs as well for 24 hours. Raises RP401, RP404.';

create or replace function resumepair.enable_webhook(p_webhook_id uuid) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
    v_webhook constant resumepair.webhooks := resumepair.require_webhook(p_webhook_id);
begin
    update resumepair.webhooks as w
    set disabled_at = null, disabled_reason = null, failing_since = null, failed_rounds = 0, failed_deliveries = 0,
        resting_until = null
    where w.id = v_webhook.id;
    return v_webhook.id;
end
$$;
comment on function resumepair.enable_webhook(uuid) is
    'Lets the caller''s webhook be told of exports again; repeating it is harmless. Raises RP401, RP404.';

create or replace function resumepair.test_webhook(p_webhook_id uuid) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
    v_webhook constant resumepair.webhooks := resumepair.require_webhook(p_webhook_id);
    v_delivery_id uuid;
begin
    if v_webhook.disabled_at is not null then
        perform resumepair.refuse('RP412', 'The webhook is disabled; enable it first.', 'webhookId');
    end if;
    if exists (
        select from resumepair.webhook_deliveries as d
        where d.webhook_id = v_webhook.id and d.event = 'webhook.test' and d.status = 'pending'
    ) then
        perform resumepair.refuse(
            'RP429', 'A test of this webhook is on its way; wait for it to end.', 'webhookId',
            jsonb_build_object('active', 1, 'limit', 1)
        );
    end if;
    update resumepair.webhooks as w set resting_until = null where w.id = v_webhook.id and w.resting_until is not null;
    v_delivery_id := resumepair.add_delivery(
        v_webhook.id, v_webhook.user_id, null, 'webhook.test',
        resumepair.webhook_payload(
            'webhook.test', json_build_object('webhookId', resumepair.global_id('Webhook', v_webhook.id))
        ), 1
    );
    perform resumepair.queue_waiting_deliveries(v_webhook.user_id);
    return v_delivery_id;
end
$$;
comment on function resumepair.test_webhook(uuid) is
    'Sends the caller''s webhook an event webhook.test, in one attempt, one at a time; returns the delivery. Raises RP401, RP404, RP412, RP429.';

create or replace function resumepair.redeliver_webhook(p_delivery_id uuid) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
    v_user_id constant uuid := resumepair.require_user();
    v_webhook resumepair.webhooks;
    v_status text;
begin
    -- The webhook's lock first, as whoever changes both.
    select w.* into v_webhook from resumepair.webhooks as w
    where w.user_id = v_user_id
        and w.id = (select d.webhook_id from resumepair.webhook_deliveries as d where d.id = p_delivery_id)
    for no key update;
    select d.status into v_status from resumepair.webhook_deliveries as d
    where d.id = p_delivery_id and d.webhook_id = v_webhook.id for update;
    if not found then
        perform resumepair.refuse('RP404', 'There is no such delivery.', 'deliveryId');
    end if;
    if v_status <> 'failed' then
        perform resumepair.refuse('RP412', format('Only a failed delivery is sent again; this one is %s.', v_status), 'deliveryId');
    end if;
    if v_webhook.disabled_at is not null then
        perform resumepair.refuse('RP412', 'The webhook is disabled; enable it first.', 'deliveryId');
    end if;
    update resumepair.webhook_deliveries as d
    set status = 'pending', next_attempt_at = now(),
        max_attempts = d.attempt + case d.event when 'webhook.test' then 1 else 8 end
    where d.id = p_delivery_id;
    perform resumepair.queue_waiting_deliveries(v_user_id);
    update resumepair.webhooks as w set resting_until = null where w.id = v_webhook.id and w.resting_until is not null;
    return p_delivery_id;
end
$$;
comment on function resumepair.redeliver_webhook(uuid) is
    'Sends the caller''s failed delivery again, with the same id and body and as many attempts as a new one. Raises RP401, RP404, RP412.';

create or replace function resumepair.claim_delivery(p_delivery_id uuid, p_queue_job_id bigint)
returns table (
    webhook_id uuid, url text, secrets text[], payload text, attempt integer, attempts_left integer, claimed_at timestamptz
)
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
    v_delivery resumepair.webhook_deliveries;
    v_webhook resumepair.webhooks;
    v_given_up text;
begin
    select * into v_delivery from resumepair.webhook_deliveries as d
    where d.id = p_delivery_id and d.queue_job_id = p_queue_job_id and d.status = 'pending' for update;
    if not found then
        return;
    end if;
    select * into v_webhook from resumepair.webhooks as w where w.id = v_delivery.webhook_id;

    if v_delivery.attempt > coalesce((v_delivery.outcomes -> -1 ->> 'number')::integer, 0) then
        v_delivery.outcomes := v_delivery.outcomes || jsonb_build_object(
            'number', v_delivery.attempt, 'at', v_delivery.last_attempt_at,
            'error', 'The attempt did not come to an end: its worker stopped or was lost. The endpoint may have heard it.'
        );
    end if;
    if v_webhook.disabled_at is not null then
        v_given_up := 'The webhook was disabled.';
    elsif v_delivery.attempt >= v_delivery.max_attempts then
        v_given_up := v_delivery.outcomes -> -1 ->> 'error';
    elsif v_webhook.resting_until > now() then -- a tenth apart, so that not all come back together
        update resumepair.webhook_deliveries as d
        set next_attempt_at = v_webhook.resting_until + random() / 10 * (v_webhook.resting_until - now()),
            queue_job_id = null, outcomes = v_delivery.outcomes
        where d.id = p_delivery_id;
        perform resumepair.queue_waiting_deliveries(v_delivery.user_id);
        return;
    end if;

    if v_given_up is not null then
        update resumepair.webhook_deliveries as d
        set status = 'failed', error = v_given_up, next_attempt_at = null, queue_job_id = null, outcomes = v_delivery.outcomes
        where d.id = p_delivery_id;
        perform resumepair.queue_waiting_deliveries(v_delivery.user_id);
        return;
    end if;
    return query
        update resumepair.webhook_deliveries as d
        set attempt = d.attempt + 1, last_attempt_at = now(), outcomes = v_delivery.outcomes
        where d.id = p_delivery_id
        returning d.webhook_id, v_webhook.url,
            array_remove(array[
                v_webhook.secret, case when v_webhook.previous_secret_until > now() then v_webhook.previous_secret end
            ], null),
            d.payload::text, d.attempt, d.max_attempts - d.attempt, d.last_attempt_at;
end
$$;
comment on function resumepair.claim_delivery(uuid, bigint) is
    'Begins the next attempt and returns what it needs; no row when there is nothing to send now (ended, another queue row, webhook disabled or resting, attempts used up). The attempt is the fence of finish_delivery.';

create or replace function resumepair.disable_webhook(p_webhook_id uuid, p_reason text) returns void
language plpgsql set search_path = '' as $$
begin
    update resumepair.webhooks as w set disabled_at = now(), disabled_reason = p_reason where w.id = p_webhook_id;
    update resumepair.webhook_deliveries as d
    set status = 'failed', error = 'The webhook was disabled.', next_attempt_at = null, queue_job_id = null
    where d.webhook_id = p_webhook_id and d.status = 'pending';
end
$$;
comment on function resumepair.disable_webhook(uuid, text) is 'Disables a webhook whose lock is held, and gives up what it was still to be told.';

-- Of several attempts that fail at a time, only the first makes the next rest longer.
create or replace function resumepair.finish_delivery(
    p_delivery_id uuid, p_queue_job_id bigint, p_attempt integer, p_response_status integer, p_error text,
    p_milliseconds integer, p_retry_in interval default null, p_rest interval default null
) returns table (status text, next_attempt_at timestamptz, disabled_reason text)
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
    v_webhook resumepair.webhooks;
    v_delivery resumepair.webhook_deliveries;
    v_again boolean;
    v_reason text;
begin
    -- The webhook's lock first, as whoever changes both.
    select w.* into v_webhook from resumepair.webhooks as w
    where w.id = (select d.webhook_id from resumepair.webhook_deliveries as d where d.id = p_delivery_id)
    for no key update;
    select d.* into v_delivery from resumepair.webhook_deliveries as d
    where d.id = p_delivery_id and d.queue_job_id = p_queue_job_id and d.attempt = p_attempt and d.status = 'pending'
    for update;
    if not found then
        return;
    end if;

    v_again := p_error is not null and p_response_status is distinct from 410 and p_retry_in is not null
        and v_delivery.attempt < v_delivery.max_attempts;
    update resumepair.webhook_deliveries as d
    set status = case when p_error is null then 'delivered' when v_again then 'pending' else 'failed' end,
        response_status = p_response_status, error = p_error, queue_job_id = null,
        next_attempt_at = case when v_again then now() + p_retry_in end,
        delivered_at = case when p_error is null then now() end,
        outcomes = d.outcomes || jsonb_strip_nulls(jsonb_build_object(
            'number', d.attempt, 'at', d.last_attempt_at, 'responseStatus', p_response_status, 'error', p_error,
            'milliseconds', p_milliseconds
        ))
    where d.id = p_delivery_id
    returning d.* into v_delivery;

    if p_error is null then
        update resumepair.webhooks as w
        set failing_since = null, failed_rounds = 0, failed_deliveries = 0, resting_until = null
        where w.id = v_webhook.id and w.failing_since is not null;
    else
        v_webhook.failing_since := coalesce(v_webhook.failing_since, now());
        if not v_again and v_delivery.event <> 'webhook.test' then
            v_webhook.failed_deliveries := v_webhook.failed_deliveries + 1;
        end if;
        if v_delivery.last_attempt_at >= coalesce(v_webhook.resting_until, '-infinity') then
            v_webhook.resting_until :=
                now() + greatest(p_rest, least(p_rest * 2 ^ least(v_webhook.failed_rounds, 10), interval '5 minutes'));
            v_webhook.failed_rounds := v_webhook.failed_rounds + 1;
        end if;
        update resumepair.webhooks as w
        set failing_since = v_webhook.failing_since, failed_deliveries = v_webhook.failed_deliveries,
            resting_until = v_webhook.resting_until, failed_rounds = v_webhook.failed_rounds
        where w.id = v_webhook.id;
        v_reason := case
            when v_webhook.disabled_at is not null then null
            when p_response_status = 410 then 'The endpoint answered 410 Gone.'
            when v_again or v_delivery.event = 'webhook.test' then null
            when v_webhook.failing_since <= now() - interval '5 days'
            then 'Nothing could be delivered for five days. The last attempt: ' || p_error
            when v_webhook.failed_deliveries >= 20
            then format('%s deliveries in a row were given up. The last attempt: %s', v_webhook.failed_deliveries, p_error)
        end;
        if v_reason is not null then
            perform resumepair.disable_webhook(v_webhook.id, v_reason);
        end if;
    end if;
    perform resumepair.queue_waiting_deliveries(v_webhook.user_id);
    return query select v_delivery.status, v_delivery.next_attempt_at, v_reason;
end
$$;
comment on function resumepair.finish_delivery(uuid, bigint, integer, integer, text, integer, interval, interval) is
    'Says how the attempt ended: delivered without an error; else pending again when a pause is given and attempts are left, or failed. The webhook then has a rest, and is disabled by 410, after five days, or after 20 deliveries in a row that were given up; why, if so. No row when the attempt is no longer the present one.';

create or replace function resumepair.release_delivery(p_delivery_id uuid, p_queue_job_id bigint, p_attempt integer)
returns boolean
language sql security definer set search_path = '' as $$
    with released as (
        update resumepair.webhook_deliveries as d set max_attempts = d.max_attempts + 1
        where d.id = p_delivery_id and d.queue_job_id = p_queue_job_id and d.attempt = p_attempt and d.status = 'pending'
        returning true
    )
    select exists (select from released)
$$;
comment on function resumepair.release_delivery(uuid, bigint, integer) is
    'Does not count the attempt, because its worker stops; false when it is no longer the present one.';

create or replace function resumepair.queue_due_deliveries(p_limit integer) returns double precision
language plpgsql security definer set search_path = '' as $$
declare
    v_user_id uuid;
    v_queued integer := 0;
begin
    for v_user_id in
        select d.user_id from resumepair.webhook_deliveries as d
        where d.status = 'pending' and d.queue_job_id is null and d.next_attempt_at <= now()
        group by d.user_id order by min(d.next_attempt_at)
    loop
        v_queued := v_queued + resumepair.queue_waiting_deliveries(v_user_id);
        if v_queued >= p_limit then
            return 0;
        end if;
    end loop;
    return (
        select extract(epoch from min(d.next_attempt_at) - now()) from resumepair.webhook_deliveries as d
        where d.status = 'pending' and d.queue_job_id is null and d.next_attempt_at > now()
    );
end
$$;
comment on function resumepair.queue_due_deliveries(integer) is
    'Queues the deliveries whose time has come, two of each user at a time, until there are so many; returns the seconds until there is more to queue, null when none waits for its time.';

create or replace function resumepair.requeue_deliveries(p_deadline interval) returns setof uuid
language plpgsql security definer set search_path = procrastinate, pg_temp as $$
declare
    v_row record;
begin
    if not pg_try_advisory_xact_lock(hashtextextended('resumepair.webhooks', 0)) then
        return; -- another worker is at it
    end if;
    for v_row in
        select d.id, q.id as queue_job_id, q.status
        from resumepair.webhook_deliveries as d
        left join procrastinate_jobs as q on q.id = d.queue_job_id and q.status in ('todo', 'doing')
        where d.status = 'pending' and d.queue_job_id is not null and (
            q.id is null
            or q.status = 'doing' and now() - p_deadline > (
                select max(e.at) from procrastinate_events as e where e.job_id = q.id and e.type = 'started'
            )
        )
        order by d.id for update of d skip locked
    loop
        if v_row.queue_job_id is not null then -- a live worker that could not save the end of its task
            perform from procrastinate_jobs as q where q.id = v_row.queue_job_id and q.status = 'doing' for update skip locked;
            continue when not found;
            perform procrastinate_finish_job_v1(v_row.queue_job_id, 'aborted', false);
        end if;
        return query
            update resumepair.webhook_deliveries as d set queue_job_id = resumepair.queue_delivery(d.id)
            where d.id = v_row.id
            returning d.id;
    end loop;
end
$$;
comment on function resumepair.requeue_deliveries(interval) is
    'Queues every pending delivery anew whose queue row ended without it, is gone, or was begun longer ago than this; returns their ids.';

create or replace function resumepair.prune_deliveries(p_older_than interval, p_limit integer) returns integer
language sql security definer set search_path = '' as $$
    with deleted as (
        delete from resumepair.webhook_deliveries as d
        where d.id = any (array( -- not `in`: PostgreSQL 15 reads the whole table for it
            select old.id from resumepair.webhook_deliveries as old
            where old.status <> 'pending' and old.created_at < now() - p_older_than
            order by old.created_at limit p_limit for update skip locked
        ))
        returning true
    )
    select count(*)::integer from deleted
$$;
comment on function resumepair.prune_deliveries(interval, integer) is
    'Deletes deliveries that have ended and are older than this, the oldest first and no more than the limit; returns how many.';

-- ------------------------------------------------------------------------------------------ row-level security and grants

alter table resumepair.export_batches enable row level security;
alter table resumepair.export_jobs enable row level security;
alter table resumepair.export_history enable row level security;
alter table resumepair.export_bundles enable row level security;
alter table resumepair.export_schedules enable row level security;
alter table resumepair.stored_files enable row level security;
alter table resumepair.user_usage enable row level security;
alter table resumepair.export_statistics enable row level security;
alter table resumepair.user_limits enable row level security;

revoke all on schema resumepair from public;
grant usage on schema resumepair to anon, authenticated, service_role, resumepair_worker;
revoke all on all tables in schema resumepair from public, anon, authenticated, service_role, resumepair_worker;

grant select on
    resumepair.export_batches, resumepair.export_jobs, resumepair.export_history, resumepair.export_bundles,
    resumepair.export_schedules, resumepair.stored_files, resumepair.user_usage, resumepair.user_limits
to authenticated, service_role;
grant select on resumepair.export_statistics to service_role;
grant insert, delete, update (
    max_active_requests, max_batch_documents, max_attempts, quota_bytes, max_schedules, max_documents, max_webhooks
)
    on resumepair.user_limits to service_role;

drop policy if exists export_batches_own on resumepair.export_batches;
create policy export_batches_own on resumepair.export_batches for select to authenticated
    using ((select auth.uid()) = user_id);
drop policy if exists export_batches_service on resumepair.export_batches;
create policy export_batches_service on resumepair.export_batches for select to service_role using (true);

drop policy if exists export_jobs_own on resumepair.export_jobs;
create policy export_jobs_own on resumepair.export_jobs for select to authenticated using ((select auth.uid()) = user_id);
drop policy if exists export_jobs_service on resumepair.export_jobs;
create policy export_jobs_service on resumepair.export_jobs for select to service_role using (true);

drop policy if exists export_history_own on resumepair.export_history;
create policy export_history_own on resumepair.export_history for select to authenticated
    using ((select auth.uid()) = user_id);
drop policy if exists export_history_service on resumepair.export_history;
create policy export_history_service on resumepair.export_history for select to service_role using (true);

drop policy if exists export_bundles_own on resumepair.export_bundles;
create policy export_bundles_own on resumepair.export_bundles for select to authenticated
    using ((select auth.uid()) = user_id);
drop policy if exists export_bundles_service on resumepair.export_bundles;
create policy export_bundles_service on resumepair.export_bundles for select to service_role using (true);

drop policy if exists stored_files_own on resumepair.stored_files;
create policy stored_files_own on resumepair.stored_files for select to authenticated using ((select auth.uid()) = user_id);
drop policy if exists stored_files_service on resumepair.stored_files;
create policy stored_files_service on resumepair.stored_files for select to service_role using (true);

drop policy if exists user_usage_own on resumepair.user_usage;
create policy user_usage_own on resumepair.user_usage for select to authenticated using ((select auth.uid()) = user_id);
drop policy if exists user_usage_service on resumepair.user_usage;
create policy user_usage_service on resumepair.user_usage for select to service_role using (true);

drop policy if exists export_schedules_own on resumepair.export_schedules;
create policy export_schedules_own on resumepair.export_schedules for select to authenticated
    using ((select auth.uid()) = user_id);
drop policy if exists export_schedules_service on resumepair.export_schedules;
create policy export_schedules_service on resumepair.export_schedules for select to service_role using (true);

drop policy if exists export_statistics_service on resumepair.export_statistics;
create policy export_statistics_service on resumepair.export_statistics for select to service_role using (true);

drop policy if exists user_limits_own on resumepair.user_limits;
create policy user_limits_own on resumepair.user_limits for select to authenticated
    using (user_id in ((select auth.uid()), '00000000-0000-0000-0000-000000000000'));
drop policy if exists user_limits_service on resumepair.user_limits;
create policy user_limits_service on resumepair.user_limits for all to service_role using (true) with check (true);
drop policy if exists user_limits_keep_defaults on resumepair.user_limits;
create policy user_limits_keep_defaults on resumepair.user_limits as restrictive for delete to service_role
    using (user_id <> '00000000-0000-0000-0000-000000000000');

do $$
begin
    if (select relkind from pg_class where oid = 'resumepair.documents'::regclass) <> 'r' then
        -- The host application's view decides who sees what; the API needs no more than to read it.
        grant select on resumepair.documents to authenticated, service_role;
        return;
    end if;
    alter table resumepair.documents enable row level security;
    grant select, delete, insert (user_id, title, data, idempotency_key, request_hash), update (title, data)
        on resumepair.documents to authenticated;
    grant select on resumepair.documents to service_role;

    drop policy if exists documents_read_own on resumepair.documents;
    create policy documents_read_own on resumepair.documents for select to authenticated
        using ((select auth.uid()) = user_id);
    drop policy if exists documents_insert_own on resumepair.documents;
    create policy documents_insert_own on resumepair.documents for insert to authenticated
        with check ((select auth.uid()) = user_id);
    drop policy if exists documents_update_own on resumepair.documents;
    create policy documents_update_own on resumepair.documents for update to authenticated
        using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
    drop policy if exists documents_delete_own on resumepair.documents;
    create policy documents_delete_own on resumepair.documents for delete to authenticated
        using ((select auth.uid()) = user_id);
    drop policy if exists documents_service on resumepair.documents;
    create policy documents_service on resumepair.documents for select to service_role using (true);
end
$$;

revoke execute on all functions in schema resumepair from public, anon, authenticated, service_role, resumepair_worker;
grant execute on function
    resumepair.save_document(text, jsonb, text),
    resumepair.enqueue_export(uuid[], jsonb, text, boolean, boolean),
    resumepair.cancel_export(uuid),
    resumepair.cancel_batch(uuid),
    resumepair.bundle_batch(uuid),
    resumepair.retry_export(uuid),
    resumepair.record_download(uuid, boolean),
    resumepair.delete_export(uuid),
    resumepair.schedule_export(uuid, jsonb, timestamptz, text, text, timestamptz, text, boolean),
    resumepair.delete_schedule(uuid)
to authenticated;
grant execute on function resumepair.queue_depth() to authenticated, service_role;
-- They show no more than the caller may see: the first two by row-level security, the third by itself.
grant execute on function
    resumepair.limits_of(uuid), resumepair.bytes_used(uuid), resumepair.queue_positions(uuid[])
to authenticated, service_role;
grant execute on function
    resumepair.claim_export(uuid, bigint),
    resumepair.report_progress(uuid, integer, text),
    resumepair.reserve_upload(uuid, integer, text, bigint),
    resumepair.publish_export(uuid, integer, text, text, text, bigint, integer, text, jsonb, jsonb, jsonb, interval, text),
    resumepair.reusable_file(uuid, integer, text, interval),
    resumepair.reuse_export(uuid, integer, text, interval),
    resumepair.expire_exports(integer),
    resumepair.expire_old_files(interval, integer),
    resumepair.files_after(uuid, integer),
    resumepair.expire_lost_files(uuid[]),
    resumepair.unknown_files(text[]),
    resumepair.take_removals(interval, integer),
    resumepair.forget_files(uuid[]),
    resumepair.prune_history(interval, integer),
    resumepair.fail_export(uuid, integer, text, text, interval),
    resumepair.release_export(uuid, integer),
    resumepair.claim_bundle(uuid, bigint),
    resumepair.report_bundle(uuid, integer),
    resumepair.reserve_bundle(uuid, integer, text, bigint),
    resumepair.publish_bundle(uuid, integer, text, text, bigint, text, integer, timestamptz, interval),
    resumepair.fail_bundle(uuid, integer, text, text, interval),
    resumepair.release_bundle(uuid, integer),
    resumepair.rescue_exports(interval, interval),
    resumepair.requeue_exports(),
    resumepair.ring_due_jobs(),
    resumepair.prune_queue(interval, integer),
    resumepair.due_schedules(interval, integer),
    resumepair.run_schedule(uuid, timestamptz, timestamptz, interval)
to resumepair_worker;

-- ----------------------------------------------------------------- webhooks: row-level security and grants

alter table resumepair.webhooks enable row level security;
alter table resumepair.webhook_deliveries enable row level security;

-- Nobody reads a secret: it is shown by the function that makes it.
grant select (
    id, user_id, url, events, previous_secret_until, failing_since, failed_rounds, failed_deliveries, resting_until,
    disabled_at, disabled_reason, idempotency_key, request_hash, created_at
) on resumepair.webhooks to authenticated, service_role;
grant select on resumepair.webhook_deliveries to authenticated, service_role;

drop policy if exists webhooks_own on resumepair.webhooks;
create policy webhooks_own on resumepair.webhooks for select to authenticated using ((select auth.uid()) = user_id);
drop policy if exists webhooks_service on resumepair.webhooks;
create policy webhooks_service on resumepair.webhooks for select to service_role using (true);

drop policy if exists webhook_deliveries_own on resumepair.webhook_deliveries;
create policy webhook_deliveries_own on resumepair.webhook_deliveries for select to authenticated
    using ((select auth.uid()) = user_id);
drop policy if exists webhook_deliveries_service on resumepair.webhook_deliveries;
create policy webhook_deliveries_service on resumepair.webhook_deliveries for select to service_role using (true);

grant execute on function
    resumepair.register_webhook(text, text[], text),
    resumepair.delete_webhook(uuid),
    resumepair.rotate_webhook_secret(uuid),
    resumepair.enable_webhook(uuid),
    resumepair.test_webhook(uuid),
    resumepair.redeliver_webhook(uuid)
to authenticated;
grant execute on function
    resumepair.claim_delivery(uuid, bigint),
    resumepair.finish_delivery(uuid, bigint, integer, integer, text, integer, interval, interval),
    resumepair.release_delivery(uuid, bigint, integer),
    resumepair.queue_due_deliveries(integer),
    resumepair.requeue_deliveries(interval),
    resumepair.prune_deliveries(interval, integer)
to resumepair_worker;

-- The queue is the worker's room; users reach it only through the functions above.
revoke all on schema procrastinate from public;
revoke all on all tables in schema procrastinate from public;
grant usage on schema procrastinate to resumepair_worker;
grant select, insert, update, delete on all tables in schema procrastinate to resumepair_worker;
grant usage on all sequences in schema procrastinate to resumepair_worker;

-- ------------------------------------------------------------------------------------------------------------- storage

-- Where Supabase Storage is: the private bucket of finished files, and who may read in it. Its tables are somebody else's:
-- a role that may not do this is told what to do, and the rest holds. `make db` names the bucket (STORAGE_BUCKET).
do $$
declare
    v_bucket constant text := coalesce(nullif(current_setting('resumepair.bucket', true), ''), 'exports');
    v_limit constant bigint := 210 * 1024 * 1024; -- an archive of ten documents of 20 MB, and something over
    v_types constant text[] := array['application/pdf', 'application/zip'];
    -- The first folder of a file's path is its owner's id. The worker's service key needs no policy.
    v_rule constant text :=
        format('bucket_id = %L and (storage.foldername(name))[1] = (select auth.uid())::text', v_bucket);
begin
    begin
        if to_regclass('storage.buckets') is null or to_regclass('storage.objects') is null then
            return;
        end if;
        insert into storage.buckets as b (id, name, public, file_size_limit, allowed_mime_types)
        values (v_bucket, v_bucket, false, v_limit, v_types)
        on conflict (id) do update
        set public = false, file_size_limit = excluded.file_size_limit, allowed_mime_types = excluded.allowed_mime_types
        where (b.public, b.file_size_limit, b.allowed_mime_types) is distinct from (false, v_limit, v_types);
    exception when syntax_error_or_access_rule_violation then -- all that a role may not do, or finds otherwise
        raise warning 'the bucket of Supabase Storage was not set up (%): make a private bucket "%" in the dashboard, for %',
            sqlerrm, v_bucket, array_to_string(v_types, ' and ');
    end;
    begin
        drop policy if exists resumepair_exports_own on storage.objects;
        execute format(
            'create policy resumepair_exports_own on storage.objects for select to authenticated using (%s)', v_rule
        );
    exception when syntax_error_or_access_rule_violation then
        raise warning 'the policy of Supabase Storage was not set up (%): add one in the dashboard, on storage.objects, for SELECT by authenticated: %',
            sqlerrm, v_rule;
    end;
end
$$;

commit;
