"""What an export is made of, as one short key: exports with the same key are the same file."""

import json
from dataclasses import asdict
from hashlib import sha256

from resumepair_renderer import RenderOptions


def content_key_of(renderer_version: str, options: RenderOptions, document_json: str) -> str:
    """The SHA-256, in hexadecimal, of all that decides what comes out.

    `document_json` is the document as PostgreSQL writes its `jsonb`: the same value is always the same text.
    """
    parts = (renderer_version, json.dumps(asdict(options), sort_keys=True), document_json)
    return sha256("\n".join(parts).encode()).hexdigest()
