"""Serve a stand-in for a Supabase project until Ctrl-C, to try the product against it."""

import sys
import threading
from contextlib import suppress
from importlib import import_module

from tests.storage_server import StorageServer


def main() -> None:
    try:
        import_module("python_multipart")  # Starlette misses it only when an upload comes
    except ImportError:
        sys.exit("tests.storage_server: python-multipart is not installed; run `make setup` first")
    with StorageServer() as server, suppress(KeyboardInterrupt):
        print(  # noqa: T201 # for a person at a terminal
            f"STORAGE_BACKEND=supabase\nSUPABASE_URL={server.url}\nSUPABASE_JWT_SECRET={server.secret}\n"
            f"SUPABASE_ANON_KEY={server.anon_key}\nSUPABASE_SERVICE_KEY={server.service_key}",
            flush=True,
        )
        threading.Event().wait()


if __name__ == "__main__":
    main()
