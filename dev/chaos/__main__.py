"""`python -m dev.chaos`: a throwaway server, two workers, all faults; exit code 1 when anything was lost or doubled."""

import os
import sys
from contextlib import ExitStack

from rich.console import Console

from dev.browser import find_or_install
from dev.chaos.faults import FAULTS, Scene
from dev.chaos.fleet import Fleet
from dev.chaos.ledger import Balance, Ledger
from dev.chaos.run import run, table
from dev.errors import SetupError
from dev.throwaway import throwaway

WORKERS = 2


def main() -> int:
    """Run every fault; ROUNDS limits how often each is injected."""
    rounds = int(os.environ["ROUNDS"]) if os.environ.get("ROUNDS") else None
    with ExitStack() as stack:
        try:
            chromium = find_or_install(os.environ, lambda line: print(line, file=sys.stderr))
            place = stack.enter_context(throwaway())
        except SetupError as error:
            print(f"chaos: {error}", file=sys.stderr)
            return 1
        ledger = stack.enter_context(Ledger.open(place.server.url(), place.storage))
        fleet = stack.enter_context(Fleet(place.worker_url, place.storage, chromium, place.log, WORKERS))

        def restart() -> None:
            place.server.stop()
            place.server.restart()

        scene = Scene(fleet, ledger, restart)
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
