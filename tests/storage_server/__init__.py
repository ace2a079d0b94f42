"""A stand-in for Supabase Storage: its HTTP API as the product uses it, with its quirks, and faults on demand.

    with StorageServer() as server:
        server.url, server.service_key, server.anon_key   # what a project gives you
        server.user_token(user_id)                         # what a signed-in user sends
        server.objects()                                   # what is stored, by key
        server.faults.answer(503, times=2)                 # what the next requests meet

`python -m tests.storage_server` serves one until Ctrl-C and prints its settings.
"""

from tests.storage_server.faults import Faults
from tests.storage_server.server import StorageServer

__all__ = ["Faults", "StorageServer"]
