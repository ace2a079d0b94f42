"""Webhooks: one delivery from claim to outcome, signed as Standard Webhooks has it.

At least once: an attempt whose worker is lost is made again, with the same id, by which receivers know it. Every
attempt's outcome is kept with the delivery, for its user; the log names ids only, since addresses may hold secrets.
"""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from itertools import count
from uuid import UUID

import httpx
import psycopg
import structlog
from standardwebhooks import Webhook

from resumepair_worker.backoff import LONGEST_DELIVERY_PAUSE, pause_before_delivery
from resumepair_worker.deliveries import Deliveries, DeliveryClaim, Outcome
from resumepair_worker.public_transport import NotAllowed, NotHttps, PublicTransport, Resolve, look_up

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 15.0
# Only the status says anything; a receiver that answers with more is spared a connection that breaks off.
BODY_BYTES = 8 * 1024
HAND_BACK_SECONDS = 0.5
# What the address, its network and its endpoint can do to an attempt.
EXPECTED = (httpx.HTTPError, httpx.InvalidURL, TimeoutError, UnicodeError)
# Attempts end by themselves long before.
DEADLINE = timedelta(seconds=60)
BITE = 100
LOOKS_PER_REQUEUE = 2

log = structlog.stdlib.get_logger(__name__)


def webhook_client(*, allow_insecure: bool, resolve: Resolve = look_up) -> httpx.AsyncClient:
    """A client for addresses of users: no proxy, no redirect, no cookies.

    It limits only the making of a connection. `Deliverer.patience` is for the attempt as a whole, answer and all.
    """
    client = httpx.AsyncClient(
        transport=PublicTransport(allow_insecure=allow_insecure, resolve=resolve),
        timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
        trust_env=False,
        follow_redirects=False,
        headers={"User-Agent": "ResumePair-Export", "Accept": "*/*", "Accept-Encoding": "identity"},
    )
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return client


@dataclass(frozen=True)
class Deliverer:
    """Makes attempts; any number at once. `retry_base` is the pause after a delivery's first failed attempt.

    `attempted` hears what each one made of its delivery: delivered, retried, failed.
    """

    deliveries: Deliveries
    client: httpx.AsyncClient
    retry_base: timedelta
    patience: float = ANSWER_SECONDS
    attempted: Callable[[str], None] = lambda _: None

    async def run(self, delivery_id: UUID, queue_job_id: int) -> None:
        """Make one attempt at the delivery, if there is one to make.

        Raises:
            psycopg.OperationalError, psycopg.InterfaceError: The database did not answer; run it again.
            asyncio.CancelledError: The worker stops; run it again.
        """
        claim = await self.deliveries.claim(delivery_id, queue_job_id)
        if claim is None:
            log.info("nothing_to_deliver", delivery_id=str(delivery_id))
            return
        started = asyncio.get_running_loop().time()
        try:
            outcome = await self._post(claim)
        except asyncio.CancelledError:
            await self._hand_back(claim)
            raise
        took = timedelta(seconds=asyncio.get_running_loop().time() - started)
        await self._finish(claim, outcome, took)

    async def _post(self, claim: DeliveryClaim) -> Outcome:
        outcome = None
        try:
            async with (
                asyncio.timeout(self.patience),
                self.client.stream("POST", claim.url, content=claim.payload, headers=_headers(claim)) as response,
            ):
                outcome = _outcome_of(response)
                await _take_the_rest(response)
        except Exception as error:  # noqa: BLE001 # whatever it is, the user must learn that the attempt ended
            # Once there is a status, what becomes of the rest changes nothing.
            if outcome is None and not isinstance(error, EXPECTED):
                log.warning("delivery_broken", error=type(error).__name__)  # its text could hold the address
                return Outcome("Something went wrong on our side.")
            return outcome or Outcome(_explained(error), is_final=isinstance(error, NotHttps))
        return outcome

    async def _finish(self, claim: DeliveryClaim, outcome: Outcome, took: timedelta) -> None:
        retry_in = None
        if claim.attempts_left and not outcome.is_final:
            retry_in = pause_before_delivery(claim.attempts_left, self.retry_base)
            retry_in = max(retry_in, outcome.retry_after or timedelta())
        rest = max(self.retry_base, outcome.retry_after or timedelta())
        ended = await self.deliveries.finish(claim, outcome, took, retry_in, rest)

        bound = log.bind(
            delivery_id=str(claim.delivery_id), webhook_id=str(claim.webhook_id), attempt=claim.attempt,
            response_status=outcome.response_status,
        )  # fmt: skip
        if ended is None:
            bound.warning("delivery_superseded")
            return
        self.attempted("retried" if ended.status == "pending" else ended.status)
        if ended.status == "delivered":
            bound.info("delivered")
        elif ended.status == "pending":
            bound.info("delivery_put_off", error=outcome.error, until=str(ended.next_attempt_at))
        else:
            bound.warning("delivery_failed", error=outcome.error)
        if ended.disabled_reason:
            bound.warning("webhook_disabled", reason=ended.disabled_reason)

    async def _hand_back(self, claim: DeliveryClaim) -> None:
        """Not counted; if the database does not take it in time, it is."""
        with suppress(TimeoutError, psycopg.Error):
            async with asyncio.timeout(HAND_BACK_SECONDS):
                await self.deliveries.release(claim)
        log.info("delivery_handed_back", delivery_id=str(claim.delivery_id), attempt=claim.attempt)


def _headers(claim: DeliveryClaim) -> dict[str, str]:
    """As https://www.standardwebhooks.com has them; after a rotation, signed with both secrets."""
    id_, sent_at = str(claim.delivery_id), claim.claimed_at.astimezone(UTC)
    return {
        "Content-Type": "application/json",
        "webhook-id": id_,
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(id_, sent_at, claim.payload) for secret in claim.secrets),
    }


def _outcome_of(response: httpx.Response) -> Outcome:
    status = response.status_code
    if response.is_success:
        return Outcome(None, status)
    redirected = (
        " Redirects are not followed: register the address it leads to." if response.has_redirect_location else ""
    )
    return Outcome(f"The endpoint answered {status}.{redirected}", status, retry_after(response))


def retry_after(response: httpx.Response) -> timedelta | None:
    """How long the endpoint asks us to stay away, at most the longest pause: in seconds, or until a date (RFC 9110)."""
    wanted = response.headers.get("Retry-After", "").strip()
    if wanted.isascii() and wanted.isdigit():
        seconds = float(wanted)
    else:
        try:
            seconds = parsedate_to_datetime(wanted).timestamp() - datetime.now(UTC).timestamp()
        except (ValueError, OverflowError):
            return None
    longest = LONGEST_DELIVERY_PAUSE.total_seconds()
    return timedelta(seconds=min(max(seconds, 0), longest))


async def _take_the_rest(response: httpx.Response) -> None:
    taken = 0
    async for part in response.aiter_raw():
        taken += len(part)
        if taken > BODY_BYTES:
            return


def _explained(error: Exception) -> str:
    """What the user is told of an attempt without an answer; nothing of what a private network may have answered."""
    match error:
        case NotAllowed():
            return str(error)
        case httpx.ConnectTimeout():
            return "No connection could be made in time."
        case TimeoutError() | httpx.TimeoutException():
            return f"The endpoint did not answer within {ANSWER_SECONDS:g} seconds."
        case httpx.ConnectError() if certificate := _certificate_error(error):
            return f"The endpoint's certificate was not accepted: {certificate}."
        case httpx.ConnectError(__cause__=OSError()):
            return str(error)
        case httpx.ConnectError():
            return "No connection could be made."
        case httpx.InvalidURL() | httpx.UnsupportedProtocol() | UnicodeError():
            return "The address cannot be used."
        case _:
            return "The connection broke before there was an answer."


def _certificate_error(error: BaseException | None) -> str | None:
    """What TLS has against the certificate, from wherever it is in the chain of causes."""
    while error:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message.rstrip(".")
        error = error.__cause__ or error.__context__
    return None


async def queue_deliveries_forever(deliveries: Deliveries, look_every: float) -> None:
    """Queue each delivery when its time comes, and what was lost with its worker, until cancelled."""
    for number in count():
        pause = look_every
        try:
            if number % LOOKS_PER_REQUEUE == 0:
                for delivery_id in await deliveries.requeue(DEADLINE):
                    log.warning("delivery_requeued", delivery_id=str(delivery_id))
            due_in = await deliveries.queue_due(BITE)
            pause = look_every if due_in is None else min(due_in, look_every)
        except Exception as error:  # noqa: BLE001 # whatever it is, the loop has to outlive it
            log.warning("deliveries_failed", error=repr(error))
        await asyncio.sleep(pause)
