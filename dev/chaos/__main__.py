"""`python -m dev.chaos`: a throwaway server, two workers and an API, all faults.

Exit code 1 when anything was lost or doubled, or a subscriber was told an error.
"""

import os
import sys
from contextlib import ExitStack

from rich.console import Console

from dev.browser import find_or_install
from dev.chaos.crowd import crowd
from dev.chaos.faults import FAULTS
from dev.chaos.poison import poison
from dev.chaos.report import Row, losses, outages, waiting
from dev.chaos.run import race_cancels, run
from dev.chaos.stage import stage
from dev.errors import SetupError
from dev.throwaway import PASSWORDS, throwaway

WORKERS = 2
CANCELS = 100


def main() -> int:
    """Run every fault; ROUNDS limits how often each is injected."""
    rounds = int(os.environ["ROUNDS"]) if os.environ.get("ROUNDS") else None
    console = Console(width=max(Console().width, 130))
    rows: list[Row] = []

    def done(row: Row) -> None:
        console.print(f"{row.name}: done", style="dim")
        rows.append(row)

    with ExitStack() as stack:
        try:
            chromium = find_or_install(os.environ, lambda line: print(line, file=sys.stderr))
            place = stack.enter_context(throwaway())

            def restart() -> None:
                place.server.stop()
                place.server.restart()

            scene = stack.enter_context(
                stage(place.server.url(), PASSWORDS, place.home, chromium, workers=WORKERS, restart_postgres=restart)
            )
        except SetupError as error:
            print(f"chaos: {error}", file=sys.stderr)
            return 1
        for row in run(scene, FAULTS, rounds):
            done(row)
        done(race_cancels(scene, CANCELS if rounds is None else 10 * rounds))
        done(poison(scene))
        row, waits = crowd(scene)
        done(row)
    console.print(losses(rows), outages(rows), waiting(waits))
    return 0 if all(row.is_clean for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
