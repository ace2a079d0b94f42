"""A database that has been in use for long: finished jobs and all that belongs to them, schedules, webhooks."""

import psycopg
from psycopg import sql
from psycopg.rows import DictRow

USERS = 50
SCHEDULES = 20_000

_FILL = """
    set session_replication_role = replica;
    insert into resumepair.documents (id, user_id, title, data)
        select md5('d' || n)::uuid, md5('u' || n % {users})::uuid, 'CV', '{{}}' from generate_series(1, {jobs}) as n;
    insert into procrastinate.procrastinate_jobs (queue_name, task_name, status, args, priority)
        select 'exports', 'render_export', 'succeeded', '{{}}', -n from generate_series(1, {jobs}) as n;
    insert into procrastinate.procrastinate_events (job_id, type, at)
        select id, 'succeeded', now() - interval '1 hour' from procrastinate.procrastinate_jobs;
    insert into resumepair.export_jobs (
        id, user_id, document_id, document_version, document_title, status, stage, attempt, max_attempts, virtual_time,
        queue_job_id, template, byte_size, page_count, request_hash, created_at, started_at, finished_at
    ) select md5('j' || id)::uuid, md5('u' || id % {users})::uuid, md5('d' || id)::uuid, 1, 'CV', 'completed', 'done',
        1, 5, id, id, 'classic', 1, 1, '', now() - id * interval '1 second', now(), now()
    from procrastinate.procrastinate_jobs where status = 'succeeded' and args = '{{}}';
    insert into resumepair.export_history (
        job_id, user_id, document_id, document_version, document_title, template, format, file_name,
        storage_path, byte_size, page_count, sha256, file_id, created_at, expires_at
    ) select id, user_id, document_id, 1, 'CV', 'classic', 'pdf', 'cv.pdf', id::text, 1, 1, repeat('0', 64), id,
        created_at, now() + interval '7 days' from resumepair.export_jobs where request_hash = '';
    insert into resumepair.stored_files (
        id, user_id, storage_path, byte_size, state, job_id, attempt, content_key, created_at
    ) select id, user_id, id::text, 1, 'stored', id, 1, id::text, created_at
        from resumepair.export_jobs where request_hash = '';
    insert into resumepair.user_usage (user_id, bytes_used)
        select user_id, count(*) from resumepair.stored_files group by user_id;
    insert into resumepair.export_batches (id, user_id, total, remaining, finished_at)
        select md5('b' || n)::uuid, md5('u' || n % {users})::uuid, 1, 0, now() from generate_series(1, {jobs}) as n;
    insert into resumepair.export_bundles (
        batch_id, user_id, status, attempt, max_attempts, virtual_time, queue_job_id, failure_code, finished_at
    ) select id, user_id, 'failed', 1, 5, 1, row_number() over (), 'QUOTA_EXCEEDED', now()
        from resumepair.export_batches;
    insert into resumepair.export_schedules (
        user_id, document_id, cron, next_run_at, last_job_id, request_hash, created_at
    ) select user_id, document_id, '0 8 * * *', now() + attempt * interval '1 hour', id, '', created_at
        from resumepair.export_jobs where request_hash = '' limit {schedules};
    insert into resumepair.webhooks (id, user_id, url, events, secret, request_hash)
        select md5('w' || n)::uuid, md5('w' || n)::uuid, 'https://hooks.example/', '{{export.completed}}', 'whsec_', ''
        from generate_series(1, {schedules}) as n;
    insert into resumepair.webhook_deliveries (
        webhook_id, user_id, job_id, event, payload, status, attempt, max_attempts, next_attempt_at, delivered_at,
        created_at
    ) select md5('w' || n % 100)::uuid, md5('w' || n % 100)::uuid, md5('j' || n)::uuid, 'export.completed', '{{}}',
        case when n % 10 = 0 then 'pending' else 'delivered' end, 1, 8,
        case when n % 10 = 0 then now() + interval '1 hour' end, case when n % 10 <> 0 then now() end,
        now() - n * interval '1 second'
    from generate_series(1, {jobs}) as n;
    insert into resumepair.export_statistics (day, template, completed, durations, waits)
        select current_date - day, template, 100, array_fill(1::bigint, array[60]), array_fill(1::bigint, array[60])
        from generate_series(1, {jobs} / 86400 + 1) as day, unnest('{{classic,modern,compact}}'::text[]) as template;
    set session_replication_role = origin;
"""


def grow(connection: psycopg.Connection[DictRow], jobs: int) -> None:
    """Add so many finished jobs of fifty users to an empty database, as a superuser in autocommit mode."""
    connection.execute(
        sql.SQL(_FILL).format(users=sql.Literal(USERS), jobs=sql.Literal(jobs), schedules=sql.Literal(SCHEDULES))
    )
    connection.execute("vacuum analyze")
