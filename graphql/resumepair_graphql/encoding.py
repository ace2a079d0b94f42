"""Answers as JSON: fast, and whole where the fast encoder gives up."""

import json

import orjson


def encode(value: object) -> bytes:
    """The value as JSON in UTF-8.

    orjson takes 254 levels and integers of 64 bits; a document from the database may have more of both.
    """
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def is_too_deep(value: object) -> bool:
    """Whether it is nested deeper than what the fast encoder takes."""
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return True
    return False
