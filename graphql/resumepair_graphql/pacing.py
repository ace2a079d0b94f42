"""The pace of a subscription whose events ask the database again: each is paid for as a query is, or waits for that."""

import asyncio
from datetime import UTC, datetime

from resumepair_graphql.rate_limit import CostBudget

SHORTEST_WAIT = 0.05


class Pace:
    """Called before each event; says whether that had to wait, so that there may be news. The first one is paid for."""

    def __init__(self, budget: CostBudget | None, payer: str | None, cost: int) -> None:
        self._budget = budget if payer else None
        self._payer = payer or ""
        self._cost = cost
        self._begun = False

    async def __call__(self) -> bool:
        """Wait for the points."""
        waited = False
        while self._begun and self._budget and (retry_at := self._budget.take(self._payer, self._cost).retry_at):
            waited = True
            await asyncio.sleep(max((retry_at - datetime.now(UTC)).total_seconds(), SHORTEST_WAIT))
        self._begun = True
        return waited
