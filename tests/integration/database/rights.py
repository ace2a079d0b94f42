"""Who may do what in the database: the data of `test_row_level_security.py`, which tries all of it.

What the catalogs have and this has not fails a test: a new table, column or function needs its row here.
"""

YES = "reaches it"
NONE = "reaches no row"
DENIED = "denied"

CALLERS = ("owner", "other user", "anon", "service_role", "resumepair_worker", "resumepair_api")
# What becomes of an attempt on the owner's rows.
TABLES = {
    #                                owner   other   anon    service worker  api
    ("documents", "select"):        (YES,    NONE,   DENIED, YES,    DENIED, DENIED),
    ("documents", "insert"):        (YES,    DENIED, DENIED, DENIED, DENIED, DENIED),
    ("documents", "update"):        (YES,    NONE,   DENIED, DENIED, DENIED, DENIED),
    ("documents", "delete"):        (YES,    NONE,   DENIED, DENIED, DENIED, DENIED),
    ("export_jobs", "select"):      (YES,    NONE,   DENIED, YES,    DENIED, DENIED),
    ("export_jobs", "insert"):      (DENIED, DENIED, DENIED, DENIED, DENIED, DENIED),
    ("export_jobs", "update"):      (DENIED, DENIED, DENIED, DENIED, DENIED, DENIED),
    ("export_jobs", "delete"):      (DENIED, DENIED, DENIED, DENIED, DENIED, DENIED),
    ("export_batches", "select"):   (YES,    NONE,   DENIED, YES,    DENIED, DENIED),
    ("export_batches", "insert"):   (DENIED, DENIED, DENIED, DENIED, DENIED, DENIED),
    ("export_batches", "update"):   (DENIED, DENIED, DENIED, DENIED, DENIED, DENIED),
    ("export_batches", "delete"):   (DENIED, DENIED, DENIED, DENIED, DENIED, DENIED),
    ("export_history", "select"):   (YES,    NONE,   DENIED, YES,    DENIED, DENIED),
    ("export_history", "insert"):   (DENIED, DENIED, DENIED, DENIED, DENIED, DENIED),
    ("export_history", "update"):   (DENIED, DENIED, DENIED, DENIED, DENIED, DENIED),
    ("export_history", "delete"):   (DENIED, DENIED, DENIED, DENIED, DENIED, DENIED),
    ("export_bundles", "select"):   (YES,    NONE,   DENIED, YES,    DENIED, DENIED),
    ("export_bundles", "insert"):   (DENIED, DENIED, DENIED, DENIED, DENIED, DENIED),
    ("export_bundles", "update"):   (DENIED, DENIED, DENIED, DENIED, DENIED, DENIED),
    ("export_bundles", "delete"):   (DENIED, DENIED, DENIED, DENIED, DENIED, DENIED),
    ("export_schedules", "select"): (YES,    NONE,   DENIED, YES,    DENIED, DENIED),
    ("export_schedules", "insert"): (DENIED, DENIED, DENIED, DENIED, DENIED, DENIED),
    ("export_schedules", "update"): (DENIED, DENIED, DENIED, DENIED, DENIED, DENIED),
    ("export_schedules", "delete"): (DENIED, DENIED, DENIED, DENIED, DENIED, DENIED),
    ("export_statistics", "select"): (DENIED, DENIED, DENIED, YES,   DENIED, DENIED),
    ("export_statistics", "insert"): (DENIED, DENIED, DENIED, DENIED, DENIED, DENIED),
    ("export_statistics", "update"): (DENIED, DENIED, DENIED, DENIED, DENIED, DENIED),
    ("export_statistics", "delete"): (DENIED, DENIED, DENIED, DENIED, DENIED, DENIED),
    ("webhooks", "select"):         (YES,    NONE,   DENIED, YES,    DENIED, DENIED),
    ("webhooks", "insert"):         (DENIED, DENIED, DENIED, DENIED, DENIED, DENIED),
    ("webhooks", "update"):         (DENIED, DENIED, DENIED, DENIED, DENIED, DENIED),
    ("webhooks", "delete"):         (DENIED, DENIED, DENIED, DENIED, DENIED, DENIED),
    ("webhook_deliveries", "select"): (YES,  NONE,   DENIED, YES,    DENIED, DENIED),
    ("webhook_deliveries", "insert"): (DENIED, DENIED, DENIED, DENIED, DENIED, DENIED),
    ("webhook_deliveries", "update"): (DENIED, DENIED, DENIED, DENIED, DENIED, DENIED),
    ("webhook_deliveries", "delete"): (DENIED, DENIED, DENIED, DENIED, DENIED, DENIED),
    **{
        (table, right): (YES, NONE, DENIED, YES, DENIED, DENIED) if right == "select" else (DENIED,) * 6
        for table in ("stored_files", "user_usage")
        for right in ("select", "insert", "update", "delete")
    },
    ("user_limits", "select"):      (YES,    NONE,   DENIED, YES,    DENIED, DENIED),
    ("user_limits", "insert"):      (DENIED, DENIED, DENIED, YES,    DENIED, DENIED),
    ("user_limits", "update"):      (DENIED, DENIED, DENIED, YES,    DENIED, DENIED),
    ("user_limits", "delete"):      (DENIED, DENIED, DENIED, YES,    DENIED, DENIED),
}  # fmt: skip

# The columns of which a role may write only some: those that it may set in a new row, and change.
LIMITS = {
    "max_active_requests",
    "max_batch_documents",
    "max_attempts",
    "quota_bytes",
    "max_schedules",
    "max_documents",
    "max_webhooks",
}
COLUMNS: dict[tuple[str, str], tuple[set[str], set[str]]] = {
    ("documents", "authenticated"): (
        {"user_id", "title", "data", "idempotency_key", "request_hash"},
        {"title", "data"},
    ),
    ("user_limits", "service_role"): (LIMITS | {"user_id"}, LIMITS),
}
# The columns that nobody reads, of tables of which the others are read.
UNREADABLE = {("webhooks", "secret"), ("webhooks", "previous_secret")}

USERS = {"owner", "other user"}
WORKER = {"resumepair_worker"}
NOBODY: set[str] = set()
# Who may call it; what they get is up to the function.
FUNCTIONS: dict[str, set[str]] = {
    "auth.uid": USERS | {"anon", "service_role"},
    "queue_depth": USERS | {"service_role"},
    "limits_of": USERS | {"service_role"},
    "bytes_used": USERS | {"service_role"},
    "queue_positions": USERS | {"service_role"},
    **dict.fromkeys(
        (
            "save_document",
            "enqueue_export",
            "cancel_export",
            "cancel_batch",
            "bundle_batch",
            "retry_export",
            "record_download",
            "delete_export",
            "schedule_export",
            "delete_schedule",
            "register_webhook",
            "delete_webhook",
            "rotate_webhook_secret",
            "enable_webhook",
            "test_webhook",
            "redeliver_webhook",
        ),
        USERS,
    ),
    **dict.fromkeys(
        (
            "claim_export",
            "report_progress",
            "reserve_upload",
            "publish_export",
            "reusable_file",
            "reuse_export",
            "expire_exports",
            "expire_old_files",
            "expire_lost_files",
            "files_after",
            "unknown_files",
            "take_removals",
            "forget_files",
            "prune_history",
            "fail_export",
            "release_export",
            "claim_bundle",
            "report_bundle",
            "reserve_bundle",
            "publish_bundle",
            "fail_bundle",
            "release_bundle",
            "rescue_exports",
            "requeue_exports",
            "ring_due_jobs",
            "prune_queue",
            "due_schedules",
            "run_schedule",
            "claim_delivery",
            "finish_delivery",
            "release_delivery",
            "queue_due_deliveries",
            "requeue_deliveries",
            "prune_deliveries",
        ),
        WORKER,
    ),
    **dict.fromkeys(
        (
            "refuse",
            "lock_user",
            "require_user",
            "require_free_request",
            "require_free_storage",
            "require_free_schedule",
            "lock_files",
            "remove_unused_files",
            "let_go_of_files",
            "let_go_of_bundles",
            "has_downloads",
            "make_bundle",
            "drop_bundle",
            "queue_bundle",
            "record_bundle_download",
            "number_bundle_changes",
            "announce_bundle",
            "release_bundle_files",
            "expire_exports_of",
            "abandon_upload",
            "count_usage",
            "queue_removal",
            "next_virtual_time",
            "queue_job",
            "lost_queue_rows",
            "wake_workers",
            "touch_document",
            "limit_documents",
            "enforce_job_state",
            "announce_job",
            "count_batch",
            "count_statistics",
            "duration_bucket",
            "count_in_bucket",
            "wake_on_return",
            "forget_worker",
            "require_free_webhook",
            "require_webhook",
            "new_webhook_secret",
            "global_id",
            "iso_time",
            "webhook_payload",
            "export_event_data",
            "queue_delivery",
            "queue_waiting_deliveries",
            "add_delivery",
            "disable_webhook",
            "tell_webhooks",
        ),
        NOBODY,
    ),
}
ROLES = ("anon", "authenticated", "service_role", "resumepair_worker", "resumepair_api", "public")
