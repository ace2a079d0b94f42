"""`/exports/{id}/download`: the lasting address of a finished export or bundle, for those who have a token.

It redirects to a link that needs none, as `createDownloadUrl` makes them.
"""

from http import HTTPStatus
from typing import Protocol
from uuid import UUID

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.websockets import WebSocket

from resumepair_graphql.auth import ANONYMOUS, Identity
from resumepair_graphql.context import Context, Services
from resumepair_graphql.errors import ErrorCode, Refusal
from resumepair_graphql.history import key_to_download, link_to
from resumepair_graphql.http_refusal import HttpCode, HttpRefusal, json_response
from resumepair_graphql.negotiation import MediaType

STATUS_OF_CODE = {
    ErrorCode.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    ErrorCode.FORBIDDEN: HTTPStatus.FORBIDDEN,
    ErrorCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorCode.INVALID_STATE: HTTPStatus.CONFLICT,
    ErrorCode.EXPORT_EXPIRED: HTTPStatus.GONE,
    ErrorCode.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}
# Where a link leads to changes; and neither it nor the token is anybody else's business.
HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


class Door(Protocol):
    """What is needed of the endpoint: who asks, and where they reach us."""

    async def identify(self, headers: Headers) -> Identity:
        """Raises HttpRefusal."""
        ...

    def base_url(self, request: Request | WebSocket) -> str:
        """An HTTP URL."""
        ...


class Downloads:
    """Answers `GET` with a redirect, and counts the download; `HEAD` the same, and counts nothing."""

    def __init__(self, services: Services, door: Door) -> None:
        self._services = services
        self._door = door

    async def serve(self, request: Request) -> Response:
        """Redirect (302), or say why not: 401, 403, 404, 409 (a bundle that is not completed), 410 (expired), 503."""
        try:
            link = await self._link(await self._context(request), request.path_params["id"], request.method)
        except HttpRefusal as refusal:
            return refusal.response()
        except Refusal as refusal:
            status = STATUS_OF_CODE.get(refusal.code, HTTPStatus.BAD_REQUEST)
            return json_response({"errors": [refusal.formatted]}, status, MediaType.JSON)
        return RedirectResponse(link, HTTPStatus.FOUND, HEADERS)

    async def _context(self, request: Request) -> Context:
        identity = await self._door.identify(request.headers)
        if identity == ANONYMOUS:
            raise HttpRefusal(HttpCode.UNAUTHENTICATED, "Sign in to do this.", {"WWW-Authenticate": "Bearer"})
        authorization = request.headers.get("authorization")
        return Context(self._services, self._door.base_url(request), identity, authorization=authorization)

    async def _link(self, context: Context, id_: str, method: str) -> str:
        key = _plain_uuid(id_) or key_to_download(id_)
        return (await link_to(context, key, count=method == "GET")).url


def _plain_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
