"""What a run of faults came to, as it is printed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from rich.table import Table

from dev.chaos.balance import Balance


@dataclass(frozen=True)
class Heard:
    """What a subscriber met: an error it was told, and how late it heard of its job's end (None: never)."""

    error: str | None
    late: float | None


@dataclass(frozen=True)
class Row:
    """A fault and what became of the exports; of an outage also how soon new ones started, and what was heard."""

    name: str
    times: int
    balance: Balance
    pickups: tuple[float, ...] = ()
    heard: tuple[Heard, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Nothing lost or doubled, every subscriber told of the end and of no error."""
        told = all(one.error is None and one.late is not None for one in self.heard)
        return told and not self.balance.lost and not self.balance.doubled


def losses(rows: Sequence[Row]) -> Table:
    """What became of every export that was accepted."""
    table = Table(
        title="faults on real processes, under load",
        caption="once: completed exactly once, file stored, checksum right; recovery: from the fault to the end of an "
        "export that it met, median / longest; orphans: files that nothing leads to",
    )
    _columns(table, "fault", "times", "jobs", "once", "cancelled", "failed", "lost", "doubled", "orphans", "recovery")
    for row in rows:
        of = row.balance
        numbers = (row.times, of.accepted, of.completed_once, of.cancelled, of.failed, of.lost, of.doubled, of.orphans)
        table.add_row(row.name, *map(str, numbers), _seconds(of.recovery))
    return table


def outages(rows: Sequence[Row]) -> Table:
    """How the subscribers fared in each outage, and whether new exports are picked up as before."""
    table = Table(
        title="outages, as seen from outside",
        caption="heard: from the end of an export, or of the outage, to the event; pickup: of a new export afterwards",
    )
    _columns(
        table, "outage", "subscribers", "told an error", "never told the end", "heard p50 / max", "pickup p50 / max"
    )
    for row in rows:
        if row.heard:
            late = [one.late for one in row.heard if one.late is not None]
            table.add_row(
                row.name,
                str(len(row.heard)),
                str(sum(one.error is not None for one in row.heard)),
                str(sum(one.late is None for one in row.heard)),
                _seconds(late, digits=2),
                f"{median(row.pickups) * 1000:.0f} / {max(row.pickups) * 1000:.0f} ms" if row.pickups else "",
            )
    return table


def waiting(waits: Iterable[tuple[str, Sequence[float]]]) -> Table:
    """How long exports waited for their first attempt, by who asked."""
    table = Table(title="one user with 100 exports, a hundred with one, asked for in this order")
    _columns(table, "", "exports", "wait p50", "wait p95")
    for name, seconds in waits:
        table.add_row(
            name,
            str(len(seconds)),
            f"{median(seconds):.1f} s",
            f"{quantiles(seconds, n=20, method='inclusive')[-1]:.1f} s",
        )
    return table


def _columns(table: Table, *headings: str) -> None:
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left", no_wrap=bool(number))


def _seconds(values: Sequence[float], digits: int = 1) -> str:
    return f"{median(values):.{digits}f} / {max(values):.{digits}f} s" if values else ""
