"""Refusals as the real server gives them: 400 (or 500) outside, the truth as a string inside."""

from starlette.responses import JSONResponse, Response


class Refused(Exception):
    """What was asked is not done."""

    def __init__(self, status: int, error: str, message: str, outside: int = 400) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.message = message
        self.outside = 500 if status == 500 else outside

    def response(self) -> Response:
        body = {"statusCode": str(self.status), "error": self.error, "message": self.message}
        return JSONResponse(body, self.outside)


def no_bucket() -> Refused:
    return Refused(404, "Bucket not found", "Bucket not found")


def no_object() -> Refused:
    return Refused(404, "not_found", "Object not found")


def unauthorized(message: str) -> Refused:
    return Refused(403, "Unauthorized", message)


def not_allowed() -> Refused:
    return unauthorized("new row violates row-level security policy")
