"""Where finished exports are downloaded: the path of the lasting address, as clients see it and as it is routed."""

from urllib.parse import quote

ROUTE = "/exports/{id}/download"


def download_path(export_id: str) -> str:
    """The path for an export's global id."""
    return ROUTE.replace("{id}", quote(export_id, safe=""))
