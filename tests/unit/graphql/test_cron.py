"""Cron expressions that are kept or refused, and when they first fire. Germany's clocks change in March and October."""

from datetime import UTC, datetime

import pytest

from resumepair_graphql.cron import first_run
from resumepair_graphql.errors import ErrorCode, Refusal
from resumepair_worker.schedules import next_run

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


# cron, time zone, after, first
TIMES = [
    ("0 8 * * MON", "UTC", "2027-01-06T12:00Z", "2027-01-11T08:00Z"),
    ("0 8 * * *", BERLIN, "2027-01-06T12:00Z", "2027-01-07T07:00Z"),
    ("0 8 * * *", BERLIN, "2027-07-06T12:00Z", "2027-07-07T06:00Z"),
    ("*/15 * * * *", "UTC", "2027-01-06T12:00:00.001Z", "2027-01-06T12:15Z"),
    ("0 0 29 2 *", "UTC", "2027-01-06T12:00Z", "2028-02-29T00:00Z"),
    ("0 0 L * *", "UTC", "2027-02-06T12:00Z", "2027-02-28T00:00Z"),
    # 2:30 is skipped on 2027-03-28: it comes when the gap is over.
    ("30 2 * * *", BERLIN, "2027-03-27T12:00+01:00", "2027-03-28T03:00+02:00"),
    ("30 2 * * *", BERLIN, "2027-03-28T03:00+02:00", "2027-03-29T02:30+02:00"),
    # 2:30 is there twice on 2027-10-31: it comes once.
    ("30 2 * * *", BERLIN, "2027-10-30T12:00+02:00", "2027-10-31T02:30+02:00"),
    ("30 2 * * *", BERLIN, "2027-10-31T02:30+02:00", "2027-11-01T02:30+01:00"),
    ("30 2 * * *", BERLIN, "2027-10-31T02:10+01:00", "2027-11-01T02:30+01:00"),
    # With a star it goes by what the clock shows.
    ("*/30 * * * *", BERLIN, "2027-10-31T02:30+02:00", "2027-10-31T02:00+01:00"),
    ("30 * * * *", BERLIN, "2027-03-28T01:30+01:00", "2027-03-28T03:30+02:00"),
]


@pytest.mark.parametrize("of", [first_run, next_run], ids=["API", "worker"])
@pytest.mark.parametrize(("cron", "time_zone", "after", "expected"), TIMES)
def test_api_and_worker_find_the_same_time(
    of: type[object], cron: str, time_zone: str, after: str, expected: str
) -> None:
    assert of(cron, time_zone, at(after)) == at(expected)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("cron", "reason"),
    [
        ("", "five fields"),
        ("every day", "five fields"),
        ("* * * * * *", "five fields"),
        ("@daily", "five fields"),
        ("0 8 * * MON" + " " * 100, "five fields"),
        ("0 24 * * *", "bad hour"),
        ("0 8 * * FUN", "bad day-of-week"),
        ("0 0 31 2 *", "bad day-of-month"),
        ("*/0 * * * *", "bad minute"),
        ("²L * * * *", "bad minute"),
        ("\0 * * * *", "bad minute"),
        ("* * * * *", "too often"),
        ("*/10 * * * *", "too often"),
        ("0,50 * * * *", "too often"),
        ("0,1 0 1 * *", "too often"),
        ("0,55 0,23 1,31 * *", "too often"),
        ("0,15,30,46 0-22/2,23 * * *", "too often"),
    ],
)
def test_what_is_no_cron_expression_or_too_dense_is_refused(cron: str, reason: str) -> None:
    with pytest.raises(Refusal) as refusal:
        first_run(cron, BERLIN, at("2027-01-06T12:00Z"))
    assert (refusal.value.code, refusal.value.input_path) == (ErrorCode.INVALID_INPUT, ["input", "cron"])
    assert reason in str(refusal.value)


@pytest.mark.parametrize("time_zone", ["", "Mars/Olympus", "europe/berlin", "Europe", "../etc/passwd", "\0", "+02:00"])
def test_an_unknown_time_zone_is_refused(time_zone: str) -> None:
    with pytest.raises(Refusal) as refusal:
        first_run("0 8 * * *", time_zone, at("2027-01-06T12:00Z"))
    assert (refusal.value.code, refusal.value.input_path) == (ErrorCode.INVALID_INPUT, ["input", "timeZone"])


@pytest.mark.parametrize("day", ["2027-01-06", "2027-03-27", "2027-10-30"])
def test_the_change_of_the_clocks_decides_nothing_about_density(day: str) -> None:
    assert first_run("10,50 2,3 * * *", BERLIN, at(f"{day}T12:00Z"))


def test_what_fires_rarely_is_kept() -> None:
    assert first_run("0 0 1 1 *", "UTC", at("2027-01-06T12:00Z"))
    assert first_run("0 0 29 2 */7", "UTC", at("2027-01-06T12:00Z")) == at("2032-02-29T00:00Z")
    assert first_run("0 0 * 2 MON#5", "UTC", at("2027-01-06T12:00Z")) == at("2044-02-29T00:00Z")
