"""Measures and prints.

SECONDS=4 makes every measurement of rendering and of the API longer, RENDERS=0 leaves the memory curve out, ROWS=0 the
queue, SUBSCRIBERS=0 the API with the attacks on it. ONLY=api or ONLY=abuse measures nothing else.
"""

import asyncio
import os
import sys

from dev.bench.abuse import measure_abuse
from dev.bench.api import measure_api
from dev.bench.memory import memory_curve
from dev.bench.queue import measure_queue
from dev.bench.rendering import compare_renderers
from dev.bench.tokens import measure_tokens
from dev.browser import find_or_install
from dev.errors import SetupError


def main() -> int:
    """Run every benchmark."""
    seconds = float(os.environ.get("SECONDS", "2"))
    only = os.environ.get("ONLY")
    if subscribers := int(os.environ.get("SUBSCRIBERS", "1000")):
        if only != "abuse":
            measure_api(seconds=seconds, subscribers=subscribers)
        if only != "api":
            measure_abuse(seconds=seconds)
    if only in {"api", "abuse"}:
        return 0
    try:
        chromium = find_or_install(os.environ, lambda line: print(line, file=sys.stderr))
    except SetupError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    measure_tokens()
    asyncio.run(compare_renderers(chromium, seconds=seconds))
    if renders := int(os.environ.get("RENDERS", "2000")):
        asyncio.run(memory_curve(chromium, renders))
    if rows := int(os.environ.get("ROWS", "1000000")):
        measure_queue(chromium, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
