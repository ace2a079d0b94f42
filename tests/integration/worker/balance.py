"""Whether storage, database and quota agree: what has to hold whenever nothing is under way."""

from pathlib import Path

from tests.integration.conftest import Connection


def files_in(folder: Path) -> dict[str, int]:
    """What is on disk: key and size, unfinished writes as well."""
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def assert_balanced(admin: Connection, folder: Path) -> None:
    """Every file has a row and every row its file, something wants each, and each user is charged just for these."""
    rows = admin.execute("select * from resumepair.stored_files").fetchall()
    assert {row["storage_path"]: row["byte_size"] for row in rows} == files_in(folder)
    assert {row["state"] for row in rows} <= {"stored"}
    wanted = admin.execute(
        "select file_id from resumepair.export_history where file_id is not null"
        " union select file_id from resumepair.export_bundles where file_id is not null"
    ).fetchall()
    assert {row["id"] for row in rows} == {row["file_id"] for row in wanted}
    available = admin.execute(
        "select from resumepair.export_history where expires_at > now() and file_id is null"
        " union all select from resumepair.export_bundles where expires_at > now() and file_id is null"
    ).fetchall()
    assert available == []
    charged = admin.execute("select user_id, bytes_used from resumepair.user_usage where bytes_used > 0").fetchall()
    stored = admin.execute(
        "select user_id, sum(byte_size)::bigint as bytes_used from resumepair.stored_files group by user_id"
    ).fetchall()
    assert sorted(charged, key=str) == sorted(stored, key=str)
    once = admin.execute(
        "select from resumepair.export_jobs as j where status = 'completed'"
        " and (select count(*) from resumepair.export_history as h where h.job_id = j.id) > 1"
    ).fetchall()
    assert once == []
