"""The HTTP API: the routes under `/storage/v1` that the product calls, as the real server answers them."""

import re
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import quote

import jwt
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.storage_server.bucket import Bucket, Claims, StoredObject, check_key, is_service, iso, listing
from tests.storage_server.errors import Refused, no_bucket, no_object, not_allowed, unauthorized
from tests.storage_server.faults import Exchange, Faults
from tests.storage_server.keys import Keys

RANGE = re.compile(r"bytes=(\d+)-(\d*)")
BUCKET, OBJECT = "/{bucket}", "/{bucket}/{path:path}"

Work = Callable[[Request], Coroutine[Any, Any, Response]]


class StorageApi:
    """The routes over the buckets of one server."""

    def __init__(self, keys: Keys, buckets: dict[str, Bucket], faults: Faults) -> None:
        self._keys = keys
        self._buckets = buckets
        self._faults = faults

    def app(self) -> ASGIApp:
        at = "/storage/v1"
        return Starlette(
            routes=[
                self._route(f"{at}/bucket", "POST", self.create_bucket, None),
                self._route(f"{at}/object/list{BUCKET}", "POST", self.list, "list"),
                self._route(f"{at}/object/info{OBJECT}", "GET", self.info, "info"),
                self._route(f"{at}/object/sign{BUCKET}", "POST", self.sign, "sign"),
                self._route(f"{at}/object/sign{OBJECT}", "GET", self.follow, "link"),
                self._route(f"{at}/object{BUCKET}", "DELETE", self.remove, "remove"),
                self._route(f"{at}/object{OBJECT}", "POST", self.upload, "upload"),
                self._route(f"{at}/object{OBJECT}", "GET", self.download, "download"),
                Route("/auth/v1/.well-known/jwks.json", lambda _: JSONResponse({"keys": []})),
            ]
        )

    def _route(self, path: str, method: str, work: Work, kind: str | None) -> Route:
        """GET takes HEAD too, as the real server's framework has it."""
        return Route(path, _Endpoint(work, kind, self._faults), methods=[method])

    # What may be called without a good token answers as if the bucket were not there; the others say what is wrong.

    def _claims(self, request: Request) -> Claims:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            return self._keys.claims_of(token if scheme.lower() == "bearer" else "")
        except jwt.PyJWTError as error:
            raise unauthorized(str(error)) from None

    def _claims_for_reading(self, request: Request) -> Claims:
        try:
            return self._claims(request)
        except Refused:
            raise no_bucket() from None

    def _bucket(self, request: Request) -> Bucket:
        try:
            return self._buckets[request.path_params["bucket"]]
        except KeyError:
            raise no_bucket() from None

    async def create_bucket(self, request: Request) -> Response:
        if not is_service(self._claims(request)):
            raise not_allowed()
        asked = await request.json()
        if asked["id"] in self._buckets:
            raise Refused(409, "Duplicate", "The resource already exists")
        types = asked.get("allowed_mime_types")
        self._buckets[asked["id"]] = Bucket(asked["id"], asked.get("file_size_limit"), types and tuple(types))
        return JSONResponse({"name": asked["id"]})

    async def upload(self, request: Request) -> Response:
        claims, bucket = self._claims(request), self._bucket(request)
        name = request.path_params["path"]
        async with request.form() as form:
            file, cache_time = form["file"], form.get("cacheControl")
            assert isinstance(file, UploadFile)
            content, content_type = await file.read(), file.content_type or ""
        check_key(name)
        if not is_service(claims):  # the policy is for reading only
            raise not_allowed()
        bucket.check_type(content_type)
        bucket.check_size(len(content))
        cache_control = f"max-age={cache_time}" if cache_time else "no-cache"
        if found := bucket.objects.get(name):
            if request.headers.get("x-upsert") != "true":
                raise Refused(409, "Duplicate", "The resource already exists")
            found.replace(content, content_type, cache_control)
        else:
            found = bucket.objects[name] = StoredObject(name, content, content_type, cache_control)
        return JSONResponse({"Id": found.id, "Key": f"{bucket.id}/{name}"})

    async def download(self, request: Request) -> Response:
        return _send(request, self._visible(request))

    async def info(self, request: Request) -> Response:
        found = self._visible(request)
        return JSONResponse(
            {
                "id": found.id, "name": found.name, "version": found.etag, "bucket_id": request.path_params["bucket"],
                "size": len(found.content), "content_type": found.content_type,
                "cache_control": found.cache_control, "etag": found.etag, "metadata": None,
                "last_modified": iso(found.updated_at), "created_at": iso(found.created_at),
            }
        )  # fmt: skip

    def _visible(self, request: Request) -> StoredObject:
        claims, bucket = self._claims_for_reading(request), self._bucket(request)
        check_key(request.path_params["path"])
        try:
            return bucket.visible(claims)[request.path_params["path"]]
        except KeyError:
            raise no_object() from None

    # These three ask the table alone: a bucket that is not there is one with nothing in it.

    def _rows(self, request: Request, claims: Claims) -> dict[str, StoredObject]:
        bucket = self._buckets.get(request.path_params["bucket"])
        return bucket.visible(claims) if bucket else {}

    async def list(self, request: Request) -> Response:
        rows = self._rows(request, self._claims(request))
        asked = await request.json()
        page = listing(rows.values(), asked["prefix"], asked.get("limit", 100), asked.get("offset", 0))
        return JSONResponse(page)

    async def remove(self, request: Request) -> Response:
        claims = self._claims(request)
        prefixes = (await request.json())["prefixes"]
        rows = self._rows(request, claims) if is_service(claims) else {}  # no error, and nothing removed
        removed = [rows.pop(name) for name in prefixes if name in rows]
        return JSONResponse([{"name": found.name, "id": found.id} for found in removed])

    async def sign(self, request: Request) -> Response:
        rows = self._rows(request, self._claims(request))
        asked, bucket = await request.json(), request.path_params["bucket"]
        lifetime = int(asked["expiresIn"])
        if lifetime < 1:
            raise Refused(400, "Error", "body/expiresIn must be >= 1")
        return JSONResponse([self._signed(bucket, path, lifetime, path in rows) for path in asked["paths"]])

    def _signed(self, bucket: str, path: str, lifetime: int, is_there: bool) -> dict[str, str | None]:
        if not is_there:
            error = "Either the object does not exist or you do not have access to it"
            return {"error": error, "path": path, "signedURL": None}
        url = f"{bucket}/{path}"
        token = self._keys.sign_link(url, lifetime)
        return {"error": None, "path": path, "signedURL": f"/object/sign/{url}?token={token}"}

    async def follow(self, request: Request) -> Response:
        path = request.path_params["path"]
        try:
            claims = self._keys.claims_of_link(request.query_params.get("token", ""))
        except jwt.PyJWTError as error:
            raise Refused(400, "InvalidJWT", str(error)) from None
        if claims.get("url") != f"{request.path_params['bucket']}/{path}":
            raise Refused(400, "InvalidSignature", "Invalid signature")
        found = self._bucket(request).objects.get(path)
        if found is None:
            raise no_object()
        return _send(request, found)


class _Endpoint:
    """A route's work, unless a fault comes in between."""

    def __init__(self, work: Work, kind: str | None, faults: Faults) -> None:
        self._work = work
        self._kind = kind
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def answer() -> Response:
            try:
                return await self._work(Request(scope, receive))
            except Refused as refused:
                return refused.response()

        exchange = Exchange(scope, receive, send, answer)
        misbehave = self._faults.take(self._kind) if self._kind else None
        await (misbehave(exchange) if misbehave else exchange.respond())


def _send(request: Request, found: StoredObject) -> Response:
    """The file, or the part of it that was asked for."""
    headers = {
        "Accept-Ranges": "bytes", "ETag": found.etag, "Cache-Control": found.cache_control,
        "Content-Type": found.content_type,
    }  # fmt: skip
    if name := request.query_params.get("download"):
        encoded = quote(name, safe="!~*'()")
        headers["Content-Disposition"] = f"attachment; filename={encoded}; filename*=UTF-8''{encoded};"
    content, size = found.content, len(found.content)
    if asked := RANGE.fullmatch(request.headers.get("range", "")):
        first, last = int(asked[1]), min(int(asked[2] or size - 1), size - 1)
        if first > last:
            raise Refused(416, "InvalidRange", "The requested range is not satisfiable", 416)
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        return Response(content[first : last + 1], 206, headers)
    return Response(content, 200, headers)
