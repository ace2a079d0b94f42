"""What the worker counts, for Prometheus: served on a port of its own where METRICS_PORT says so."""

from collections.abc import Generator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, start_http_server


class MetricsPortTaken(Exception):
    """The metrics cannot be served at this address; the message says why."""


class Metrics:
    """The worker's counters; each worker counts for itself, from its start."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._attempts = Counter(
            "resumepair_worker_attempts",
            "Attempts at exports, by what became of them: completed, cached, or the code of the failure.",
            ["outcome"],
            registry=self.registry,
        )
        self._bundled = Counter(
            "resumepair_worker_bundle_attempts",
            "Attempts at bundles of batches, by what became of them: completed, or the code of the failure.",
            ["outcome"],
            registry=self.registry,
        )
        self._delivered = Counter(
            "resumepair_worker_deliveries",
            "Attempts at deliveries to webhooks, by what became of these: delivered, retried, or failed.",
            ["outcome"],
            registry=self.registry,
        )
        self._cleaned = Counter(
            "resumepair_worker_cleaned",
            "What the clean-up found and settled, by kind (docs/how-to/clean-up.md).",
            ["kind"],
            registry=self.registry,
        )

    def attempted(self, outcome: str) -> None:
        """Count an attempt that came to an end of its own."""
        self._attempts.labels(outcome).inc()

    def bundled(self, outcome: str) -> None:
        """Count an attempt at a bundle that came to an end of its own."""
        self._bundled.labels(outcome).inc()

    def delivered(self, outcome: str) -> None:
        """Count an attempt at a delivery that came to an end of its own."""
        self._delivered.labels(outcome).inc()

    def cleaned(self, kind: str, count: int) -> None:
        """Count what a sweep did."""
        self._cleaned.labels(kind).inc(count)

    @contextmanager
    def served(self, host: str, port: int) -> Generator[None]:
        """Answer `GET /metrics` while the context is open; a port of 0 is none.

        Raises:
            MetricsPortTaken: It cannot listen there.
        """
        if not port:
            yield
            return
        try:
            server, thread = start_http_server(port, host, self.registry)
        except OSError as error:
            raise MetricsPortTaken(f"cannot listen on {host}:{port}: {error.strerror or error}") from None
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
