"""How fast a client may send messages over its WebSocket: so many a second, and so much text in them."""

from typing import Final

MESSAGES_PER_SECOND: Final = 50
MESSAGE_BURST: Final = 200
CHARACTERS_PER_SECOND: Final = 128 * 1024
CHARACTER_BURST: Final = 1024 * 1024


class MessagePace:
    """One connection's; what is not used is saved up to the burst."""

    def __init__(self) -> None:
        self._messages = float(MESSAGE_BURST)
        self._characters = float(CHARACTER_BURST)
        self._counted_at = 0.0

    def exceeded_by(self, characters: int, now: float) -> str | None:
        """Count a message of this length; the limit that it exceeds, if any. `now` are seconds of any clock."""
        since, self._counted_at = now - self._counted_at, now
        self._messages = min(self._messages + since * MESSAGES_PER_SECOND, MESSAGE_BURST) - 1
        self._characters = min(self._characters + since * CHARACTERS_PER_SECOND, CHARACTER_BURST) - characters
        if self._messages < 0:
            return f"More than {MESSAGES_PER_SECOND} messages a second"
        if self._characters < 0:
            return f"More than {CHARACTERS_PER_SECOND // 1024} KiB of messages a second"
        return None
