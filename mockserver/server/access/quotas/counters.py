"""Counters of calls: how many in a time, and how long to wait for the next one. Times are seconds."""


class Bucket:
    """A leaky bucket: each call adds one, and `per_second` of them leak out. What does not fit is refused."""

    __slots__ = ("at", "level", "most", "per_second")

    def __init__(self, per_second: float, most: float) -> None:
        self.per_second, self.most = per_second, most
        self.level = self.at = 0.0

    def take(self, now: float) -> float:
        """Add a call and return 0, or return the seconds after which a call will fit."""
        level = self.level - (now - self.at) * self.per_second
        if level < 0:
            level = 0.0
        self.at = now
        if (excess := level + 1 - self.most) > 0:
            self.level = level
            return excess / self.per_second
        self.level = level + 1
        return 0.0

    def charge(self) -> None:
        """Add a call more, even if it does not fit: later calls wait for longer."""
        self.level += 1


class Window:
    """A number of calls in a time that begins with the first of them.

    Other servers may count too. Then `total` is the number of all calls before, since ever. The first window
    began when it was 0.
    """

    __slots__ = ("_before", "began", "count")

    def __init__(self, began: float = float("-inf")) -> None:
        self.began, self.count, self._before = began, 0, 0

    def take(self, now: float, length: float, most: int, total: int = 0) -> float:
        """Count a call and return 0, or return the seconds until the next window begins."""
        if now - self.began >= length:
            self.began, self.count, self._before = now, 0, total
        self.count = max(self.count, total - self._before)
        if self.count >= most:
            return self.began + length - now
        self.count += 1
        return 0.0
