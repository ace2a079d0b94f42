"""A cache that forgets what was longest not asked for; bounded by the number of entries and by their weight."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Lru(Generic[K, V]):
    """Entries with a weight each, such as bytes; one that is heavier than all may weigh is not kept."""

    def __init__(self, max_count: int, max_weight: int) -> None:
        self._max_count = max_count
        self._max_weight = max_weight
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self.weight = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def get(self, key: K) -> V | None:
        """The entry, which thereby becomes the one to keep longest."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: K, value: V, weight: int) -> None:
        """Keep an entry, in place of the oldest ones if need be."""
        if weight > self._max_weight:
            return
        if known := self._entries.pop(key, None):
            self.weight -= known[1]
        self._entries[key] = (value, weight)
        self.weight += weight
        while len(self._entries) > self._max_count or self.weight > self._max_weight:
            _, (_, lost) = self._entries.popitem(last=False)
            self.weight -= lost
