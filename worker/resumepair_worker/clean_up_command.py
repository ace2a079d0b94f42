"""The command `resumepair-clean-up`: all sweeps once, for an operator or a scheduler outside.

The workers do the same by themselves; the command is for those who want it at times of their own, or want to see it.
"""

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta

import psycopg
from psycopg_pool import PoolTimeout

from resumepair_worker.clean_up import CleanUp, StorageMismatch
from resumepair_worker.connections import create_pool
from resumepair_worker.errors import ExportError
from resumepair_worker.files import Files
from resumepair_worker.logs import configure_logs
from resumepair_worker.settings import Settings, SettingsError
from resumepair_worker.stores import open_store

POOL_SIZE = 2
FAILED, WRONG_SETTINGS = 1, 2
# Removing a file twice does no harm, and nothing is to be left waiting.
NOW = timedelta(0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Console script `resumepair-clean-up`: prints what was done, by kind; exits with 1 when something could not be."""
    parser = argparse.ArgumentParser(
        prog="resumepair-clean-up",
        description="Remove expired exports with their files, and make storage and database agree. "
        "Reads the worker's environment variables.",
    )
    parser.add_argument(
        "--trust",
        action="store_true",
        help="storage and database belong together, however much they differ: remove all files without an export, and "
        "make all exports expired whose file is gone",
    )
    given = parser.parse_args(arguments)
    try:
        settings = Settings.load()
    except SettingsError as error:
        sys.stderr.write(f"resumepair-clean-up: {error}\n")
        sys.exit(WRONG_SETTINGS)
    configure_logs(settings.log_format)
    counts: Counter[str] = Counter()
    problem = None
    try:
        asyncio.run(clean_up_once(settings, counts, trust=given.trust))
    except (psycopg.Error, PoolTimeout, ExportError, StorageMismatch) as error:
        problem = " ".join(str(error).split())
    if counts or not problem:
        sys.stdout.write(f"{_told(counts)}\n")
    if problem:
        sys.stderr.write(f"resumepair-clean-up: {problem}\n")
        sys.exit(FAILED)


async def clean_up_once(settings: Settings, counts: Counter[str], *, trust: bool = False) -> None:
    """All sweeps, one after the other; what they did is added to `counts`.

    Raises:
        psycopg.Error, PoolTimeout: The database does not answer.
        StorageUnavailable, StorageRefused: The storage does not.
        StorageMismatch: See `CleanUp.sweep`.
    """

    def count(kind: str, number: int) -> None:
        counts[kind] += number

    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(
            create_pool(settings.database_url, POOL_SIZE, pooler=settings.polling_mode)
        )
        store = await stack.enter_async_context(open_store(settings.storage, make=False))
        clean_up = CleanUp(Files(pool), store, settings.ages, count)
        await clean_up.expire()
        await clean_up.remove(NOW)
        await clean_up.sweep(trust=trust)
        await clean_up.remove(NOW)


def _told(counts: Counter[str]) -> str:
    done = {kind: number for kind, number in sorted(counts.items()) if number}
    return ", ".join(f"{number} {kind}" for kind, number in done.items()) or "nothing to clean up"


if __name__ == "__main__":
    main()
