"""How the process is: for orchestrators (`/health/live`, `/health/ready`) and for Prometheus (`/metrics`)."""

from functools import partial

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from resumepair_graphql.connections import Connections
from resumepair_graphql.context import Services


def health_routes(services: Services, connections: Connections) -> list[Route]:
    """The three endpoints."""
    registry = CollectorRegistry()
    listening = Gauge("resumepair_graphql_feed_listening", "1 while changes of jobs are heard.", registry=registry)
    listening.set_function(lambda: services.feed.listening)
    watchers = Gauge("resumepair_graphql_watchers", "Subscriptions that follow a job.", registry=registry)
    watchers.set_function(lambda: services.feed.watcher_count)
    name, help_ = "resumepair_graphql_connections", "Open WebSockets and event streams."
    opened = Gauge(name, help_, ["transport"], registry=registry)
    for transport in connections.by_transport:
        opened.labels(transport).set_function(partial(connections.by_transport.__getitem__, transport))

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def ready(_: Request) -> Response:
        checks = {"database": await services.database.answers(), "feed": services.feed.listening}
        good = all(checks.values())
        return JSONResponse({"status": "ready" if good else "not ready", **checks}, 200 if good else 503)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return [Route("/health/live", live), Route("/health/ready", ready), Route("/metrics", metrics)]
