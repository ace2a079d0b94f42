"""The one error of the local stack: a set-up step that cannot go on, said in one line."""

from typing import Final

MAX_LINE: Final = 400


class SetupError(Exception):
    """The local stack cannot start or go on; its text is the one line a person reads.

    The text says what is wrong and what to do about it, and holds no secret.
    """

    def __init__(self, message: str) -> None:
        line = " ".join(message.split())
        super().__init__(line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]}…")
