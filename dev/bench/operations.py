"""The two operations that `api` measures, and how the answer is written where no GraphQL is in between."""

from typing import Any, Final

JOB: Final = """query ($id: ID!) {
  job(id: $id) { id status attempt progress { percent stage sequence } createdAt startedAt finishedAt }
}"""
HISTORY: Final = """query ($first: Int!) {
  history(first: $first) {
    edges { cursor node { id fileName byteSize pageCount downloadCount createdAt expiresAt } }
    pageInfo { hasNextPage endCursor }
  }
}"""
PAGE: Final = 50


def plain_job(row: dict[str, Any]) -> dict[str, Any]:
    """A row of `jobs_by_id` with the fields of JOB."""
    return {
        "id": row["id"],
        "status": row["status"],
        "attempt": row["attempt"],
        "progress": {"percent": row["percent"], "stage": row["stage"], "sequence": row["sequence"]},
        "createdAt": row["created_at"],
        "startedAt": row["started_at"],
        "finishedAt": row["finished_at"],
    }


def plain_export(row: dict[str, Any]) -> dict[str, Any]:
    """A row of `history_page` with the fields of HISTORY."""
    return {
        "id": row["id"],
        "fileName": row["file_name"],
        "byteSize": row["byte_size"],
        "pageCount": row["page_count"],
        "downloadCount": row["download_count"],
        "createdAt": row["created_at"],
        "expiresAt": row["expires_at"],
    }
