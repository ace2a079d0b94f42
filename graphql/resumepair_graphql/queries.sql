-- The API's queries by name. Row-level security decides what each user sees; a filter on the user repeats it where an
-- index needs it, and on documents, which may be a host application's view without policies.

-- insert_document --
select id, title, version, created_at, updated_at, replayed
from resumepair.save_document(%(title)s, %(data)s, %(idempotency_key)s)

-- update_document --
update resumepair.documents set title = coalesce(%(title)s, title), data = coalesce(%(data)s, data)
where id = %(id)s and user_id = (select auth.uid())
returning id, title, version, created_at, updated_at, false as replayed

-- delete_document --
delete from resumepair.documents where id = %(id)s and user_id = (select auth.uid()) returning id

-- documents_by_id --
select id, title, version, created_at, updated_at from resumepair.documents
where id = any(%(ids)s) and user_id = (select auth.uid())

-- document_data --
select id, byte_size, case when sum(byte_size) over (order by id) <= %(room)s then data end as data
from (
    select id, data, octet_length(data::text) as byte_size from resumepair.documents
    where id = any(%(ids)s) and user_id = (select auth.uid())
) as d

-- documents_page --
select id, title, version, created_at, updated_at from resumepair.documents
where user_id = (select auth.uid())
    and (%(after_at)s::timestamptz is null or (updated_at, id) < (%(after_at)s, %(after_id)s::uuid))
order by updated_at desc, id desc
limit %(limit)s

-- enqueue_export --
select job_id, batch_id, replayed
from resumepair.enqueue_export(%(document_ids)s, %(options)s, %(idempotency_key)s, %(batch)s, %(fresh)s)

-- cancel_export --
select resumepair.cancel_export(%(id)s) as job_id

-- retry_export --
select resumepair.retry_export(%(id)s) as job_id

-- record_download --
select d.storage_path, d.file_name, coalesce(h.expires_at, b.expires_at) as expires_at
from resumepair.record_download(%(id)s, %(count)s) as d
left join resumepair.export_history as h on h.id = %(id)s
left join resumepair.export_bundles as b on b.id = %(id)s

-- delete_export --
select resumepair.delete_export(%(id)s) as export_id

-- jobs_by_id --
select j.id, j.document_id, j.document_version, j.document_title, j.batch_id, j.format, j.options,
       j.status, j.stage, j.percent, j.sequence, j.attempt, j.max_attempts,
       j.failure_code, j.failure_message, j.failure_retryable, j.next_attempt_at, j.created_at, j.started_at, j.finished_at,
       h.id as export_id, h.storage_path, h.file_name, h.byte_size, h.page_count, h.sha256, h.proof, h.fit, h.warnings,
       h.cached, h.expires_at
from resumepair.export_jobs as j
left join resumepair.export_history as h on h.job_id = j.id
where j.id = any(%(ids)s)

-- jobs_page --
select id, created_at from resumepair.export_jobs
where user_id = (select auth.uid())
    and (%(statuses)s::text[] is null or status = any(%(statuses)s::text[]))
    and (%(document_id)s::uuid is null or document_id = %(document_id)s)
    and (%(after_at)s::timestamptz is null or (created_at, id) < (%(after_at)s, %(after_id)s::uuid))
order by created_at desc, id desc
limit %(limit)s

-- activity --
select now() as looked_at, array(
    select id from resumepair.export_jobs
    where user_id = (select auth.uid()) and status in ('pending', 'processing')
    order by created_at, id limit %(limit)s
) as active, array(
    select id from resumepair.export_jobs
    where user_id = (select auth.uid()) and finished_at >= %(ended_since)s::timestamptz
    order by finished_at desc limit %(limit)s
) as ended

-- queue_positions --
select job_id as id, queue_position from resumepair.queue_positions(%(ids)s)

-- job_changes --
select id as job_id, user_id, batch_id, sequence, status, stage, percent, attempt, started_at
from resumepair.export_jobs
where id = any(%(keys)s) or batch_id = any(%(keys)s)
    or user_id = any(%(keys)s) and status in ('pending', 'processing')
    or user_id = any(%(keys)s) and finished_at >= now() - make_interval(secs => %(ended_within)s)
union all -- of a bundle only that it has changed
select null, user_id, batch_id, sequence, null, null, null, null, null
from resumepair.export_bundles
where batch_id = any(%(keys)s)

-- batches_by_id --
select b.id, b.total, b.created_at, b.finished_at, z.id as bundle_id, z.status as bundle_status, z.sequence as bundle_sequence, (
    select json_object_agg(j.id, json_build_array(j.sequence, j.status, j.percent))
    from resumepair.export_jobs as j
    where j.batch_id = b.id
) as jobs
from resumepair.export_batches as b
left join resumepair.export_bundles as z on z.batch_id = b.id
where b.id = any(%(ids)s)

-- batch_jobs_page --
select id, batch_position from resumepair.export_jobs
where batch_id = %(id)s and (%(after_position)s::integer is null or batch_position > %(after_position)s::integer)
order by batch_position
limit %(limit)s

-- bundles_by_id --
select id, status, file_name, storage_path, byte_size, sha256, entry_count,
       failure_code, failure_message, failure_retryable, next_attempt_at,
       download_count, last_downloaded_at, created_at, finished_at, expires_at
from resumepair.export_bundles
where id = any(%(ids)s) and status <> 'deleted'

-- bundle_batch --
select resumepair.bundle_batch(%(id)s) as batch_id

-- cancel_batch --
select resumepair.cancel_batch(%(id)s) as batch_id

-- exports_by_id --
select id, job_id, document_id, document_version, document_title, template, format, file_name,
       byte_size, page_count, sha256, proof, fit, warnings, cached, download_count,
       last_downloaded_at, created_at, expires_at
from resumepair.export_history
where id = any(%(ids)s)

-- history_page --
select id, job_id, document_id, document_version, document_title, template, format, file_name,
       byte_size, page_count, sha256, proof, fit, warnings, cached, download_count,
       last_downloaded_at, created_at, expires_at
from resumepair.export_history
where user_id = (select auth.uid())
    and (%(document_id)s::uuid is null or document_id = %(document_id)s)
    and (%(template)s::text is null or template = %(template)s)
    and (%(format)s::text is null or format = %(format)s)
    and (%(available)s::boolean is null or (expires_at > now()) = %(available)s)
    and (%(since)s::timestamptz is null or created_at >= %(since)s)
    and (%(until)s::timestamptz is null or created_at < %(until)s)
    and (%(after_at)s::timestamptz is null or (created_at, id) < (%(after_at)s, %(after_id)s::uuid))
order by created_at desc, id desc
limit %(limit)s

-- viewer --
select l.max_active_requests, l.max_batch_documents, l.max_attempts, l.quota_bytes, l.max_schedules, l.max_documents,
       l.max_webhooks, (
    select count(distinct coalesce(batch_id, id)) from resumepair.export_jobs
    where user_id = (select auth.uid()) and status in ('pending', 'processing')
) as active_requests, resumepair.bytes_used((select auth.uid())) as bytes_used, (
    select count(*) from resumepair.export_schedules
    where user_id = (select auth.uid()) and next_run_at is not null
) as active_schedules, (
    select count(*) from resumepair.documents where user_id = (select auth.uid())
) as documents, (
    select count(*) from resumepair.webhooks where user_id = (select auth.uid())
) as webhooks
from resumepair.limits_of((select auth.uid())) as l

-- schedule_export --
select schedule_id, replayed
from resumepair.schedule_export(
    %(document_id)s, %(options)s, %(run_at)s, %(cron)s, %(time_zone)s, %(next_run_at)s, %(idempotency_key)s,
    %(fresh)s
)

-- delete_schedule --
select resumepair.delete_schedule(%(id)s) as schedule_id

-- schedules_by_id --
select id, document_id, options, fresh, run_at, cron, time_zone, next_run_at, last_run_at, last_job_id,
       last_refusal_state, last_refusal_message, created_at
from resumepair.export_schedules
where id = any(%(ids)s)

-- schedules_page --
select id, document_id, options, fresh, run_at, cron, time_zone, next_run_at, last_run_at, last_job_id,
       last_refusal_state, last_refusal_message, created_at
from resumepair.export_schedules
where user_id = (select auth.uid())
    and (%(after_at)s::timestamptz is null or (created_at, id) < (%(after_at)s, %(after_id)s::uuid))
order by created_at desc, id desc
limit %(limit)s

-- register_webhook --
select webhook_id, secret, replayed from resumepair.register_webhook(%(url)s, %(events)s, %(idempotency_key)s)

-- delete_webhook --
select resumepair.delete_webhook(%(id)s) as webhook_id

-- rotate_webhook_secret --
select resumepair.rotate_webhook_secret(%(id)s) as secret

-- enable_webhook --
select resumepair.enable_webhook(%(id)s) as webhook_id

-- test_webhook --
select resumepair.test_webhook(%(id)s) as delivery_id

-- redeliver_webhook --
select resumepair.redeliver_webhook(%(id)s) as delivery_id

-- webhooks_by_id --
select id, url, events, previous_secret_until, failing_since, disabled_at, disabled_reason, created_at
from resumepair.webhooks
where id = any(%(ids)s)

-- webhooks_page --
select id, url, events, previous_secret_until, failing_since, disabled_at, disabled_reason, created_at
from resumepair.webhooks
where user_id = (select auth.uid())
    and (%(after_at)s::timestamptz is null or (created_at, id) < (%(after_at)s, %(after_id)s::uuid))
order by created_at desc, id desc
limit %(limit)s

-- webhook_deliveries_by_id --
select id, job_id, event, status, attempt, max_attempts, outcomes, response_status, error, payload,
       created_at, last_attempt_at, next_attempt_at, delivered_at
from resumepair.webhook_deliveries
where id = any(%(ids)s)

-- webhook_deliveries_page --
select id, job_id, event, status, attempt, max_attempts, outcomes, response_status, error, payload,
       created_at, last_attempt_at, next_attempt_at, delivered_at
from resumepair.webhook_deliveries
where webhook_id = %(webhook_id)s
    and (%(statuses)s::text[] is null or status = any(%(statuses)s::text[]))
    and (%(after_at)s::timestamptz is null or (created_at, id) < (%(after_at)s, %(after_id)s::uuid))
order by created_at desc, id desc
limit %(limit)s

-- stats_of_user --
select jobs.*, jobs.job_downloads + bundles.downloads as downloads, resumepair.bytes_used((select auth.uid())) as bytes_used,
       queue.*, quota_bytes
from (
    select count(*) filter (where j.status = 'pending') as pending,
           count(*) filter (where j.status = 'processing') as processing,
           count(*) filter (where j.status = 'completed') as completed,
           count(*) filter (where j.status = 'failed') as failed,
           count(*) filter (where j.status = 'cancelled') as cancelled,
           percentile_cont(array[0.5, 0.95]) within group (order by extract(epoch from j.finished_at - j.started_at) * 1000)
               filter (where j.status = 'completed') as durations,
           percentile_cont(array[0.5, 0.95]) within group (order by extract(epoch from j.started_at - j.created_at) * 1000)
               filter (where j.status = 'completed') as waits,
           coalesce(sum(j.download_count), 0)::bigint as job_downloads
    from resumepair.export_jobs as j
    where j.user_id = (select auth.uid()) and j.created_at >= coalesce(%(since)s::timestamptz, '-infinity')
) as jobs, ( -- a bundle that is made anew stays that of its batch
    select coalesce(sum(z.download_count), 0)::bigint as downloads
    from resumepair.export_bundles as z
    join resumepair.export_batches as b on b.id = z.batch_id
    where z.user_id = (select auth.uid()) and b.created_at >= coalesce(%(since)s::timestamptz, '-infinity')
) as bundles, resumepair.queue_depth() as queue, resumepair.limits_of((select auth.uid())) as limits

-- templates_of_user --
select j.template, count(*) as completed, sum(j.byte_size)::bigint as byte_size, sum(j.page_count)::bigint as page_count,
       sum(j.download_count)::bigint as downloads
from resumepair.export_jobs as j
where j.user_id = (select auth.uid()) and j.template is not null -- that is, completed
    and j.created_at >= coalesce(%(since)s::timestamptz, '-infinity')
group by j.template
order by completed desc, j.template

-- stats_of_system --
with days as (
    select * from resumepair.export_statistics
    where day >= coalesce((%(since)s::timestamptz at time zone 'UTC')::date, '-infinity')
), lately as ( -- all of it when a time was named, else what an operator looks for: today and yesterday
    select * from days where %(since)s::timestamptz is not null or day >= (now() at time zone 'UTC')::date - 1
), buckets as (
    select kind, bucket, sum(jobs) over (partition by kind order by bucket) as up_to, sum(jobs) over (partition by kind) as jobs
    from (
        select 'duration' as kind, d.bucket, sum(d.jobs) as jobs
        from lately, unnest(lately.durations) with ordinality as d (jobs, bucket) group by d.bucket
        union all
        select 'wait', w.bucket, sum(w.jobs)
        from lately, unnest(lately.waits) with ordinality as w (jobs, bucket) group by w.bucket
    ) as counted
), percentiles as (
    select b.kind, p.fraction, power(1.2, min(b.bucket) - 0.5)::float8 as milliseconds
    from buckets as b, (values (0.5), (0.95)) as p (fraction)
    where b.up_to >= p.fraction * b.jobs
    group by b.kind, p.fraction
)
select active.*, ended.*, queue.*, null::bigint as quota_bytes,
       (select array_agg(p.milliseconds order by p.fraction) from percentiles as p where p.kind = 'duration') as durations,
       (select array_agg(p.milliseconds order by p.fraction) from percentiles as p where p.kind = 'wait') as waits,
       (select coalesce(sum(u.bytes_used), 0)::bigint from resumepair.user_usage as u) as bytes_used
from (
    select count(*) filter (where j.status = 'pending') as pending, count(*) filter (where j.status = 'processing') as processing
    from resumepair.export_jobs as j
    where j.status in ('pending', 'processing')
) as active, (
    select coalesce(sum(completed), 0)::bigint as completed, coalesce(sum(failed), 0)::bigint as failed,
           coalesce(sum(cancelled), 0)::bigint as cancelled,
           coalesce(sum(download_count + bundle_download_count), 0)::bigint as downloads
    from days
) as ended, resumepair.queue_depth() as queue

-- templates_of_system --
select template, sum(completed)::bigint as completed, sum(byte_size)::bigint as byte_size,
       sum(page_count)::bigint as page_count, sum(download_count)::bigint as downloads
from resumepair.export_statistics
where day >= coalesce((%(since)s::timestamptz at time zone 'UTC')::date, '-infinity')
group by template
having sum(completed) + sum(download_count) > 0
order by completed desc, template
