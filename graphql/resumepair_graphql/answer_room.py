"""The room that an answer has for what is large: the data of documents, counted as text when they are read.

Everything else in an answer is small, and there is no more of it than `cost` allows.
"""

import asyncio
from typing import Final

from resumepair_graphql.request_errors import RequestError, RequestErrorCode

MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024


class AnswerRoom:
    """How many bytes still fit; who fills it holds `filling`, so that no two read what only one has room for."""

    def __init__(self) -> None:
        self.left = MAX_ANSWER_BYTES
        self.filling = asyncio.Lock()

    def take(self, size: int) -> bool:
        """Take so many bytes, if there is room for them."""
        if size > self.left:
            return False
        self.left -= size
        return True


def no_room() -> RequestError:
    """The error in place of what there is no room for."""
    return RequestError(
        RequestErrorCode.RESPONSE_TOO_LARGE,
        f"An answer has room for {MAX_ANSWER_BYTES} bytes of documents' data; ask for fewer at a time.",
        limit=MAX_ANSWER_BYTES,
    )
