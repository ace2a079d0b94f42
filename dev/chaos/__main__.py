"""`python -m dev.chaos`: a throwaway server, two workers, all faults; exit code 1 when anything was lost or doubled."""

import os
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from dev.browser import find_or_install
from dev.chaos.faults import FAULTS, Scene
from dev.chaos.fleet import Fleet
from dev.chaos.ledger import Balance, Ledger
from dev.chaos.run import run, table
from dev.database import prepare
from dev.errors import SetupError
from dev.postgres import PostgresServer
from dev.postgres_binaries import PostgresBinaries
from dev.roles import WORKER_ROLE, role_url, set_passwords

WORKERS = 2
PASSWORD = "only-for-this-run"  # noqa: S105


def main() -> int:
    """Run every fault; ROUNDS limits how often each is injected."""
    rounds = int(os.environ["ROUNDS"]) if os.environ.get("ROUNDS") else None
    with ExitStack() as stack:
        home = Path(tempfile.mkdtemp(prefix="resumepair-chaos-", dir="/tmp"))  # a server's socket needs a short path
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        home.chmod(0o755)
        try:
            chromium = find_or_install(os.environ, lambda line: print(line, file=sys.stderr))
            server = stack.enter_context(
                PostgresServer(
                    home / "postgres",
                    password=PASSWORD,
                    binaries=PostgresBinaries.embedded(),
                    log=home / "postgres.log",
                )
            )
        except SetupError as error:
            print(f"chaos: {error}", file=sys.stderr)
            return 1
        prepare(server.url())
        set_passwords(server.url(), {WORKER_ROLE: PASSWORD})
        storage = home / "storage"
        storage.mkdir()
        fleet = stack.enter_context(
            Fleet(role_url(server.url(), WORKER_ROLE, PASSWORD), storage, chromium, home / "workers.log", WORKERS)
        )

        def restart() -> None:
            server.stop()
            server.restart()

        scene = Scene(fleet, stack.enter_context(Ledger.open(server.url(), storage)), restart)
        console = Console(width=max(Console().width, 110))
        rows: list[tuple[str, int, Balance]] = []
        for row in run(scene, FAULTS, rounds):
            console.print(f"{row[0]}: done", style="dim")
            rows.append(row)
        shown, is_clean = table(rows)
        console.print(shown)
        return 0 if is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
