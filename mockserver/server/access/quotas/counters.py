"""Counters of calls: how many in a time, and how long to wait for the next one. Times are seconds."""

from collections import deque


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
    """A number of calls in a time that begins with the first of them."""

    __slots__ = ("began", "count")

    def __init__(self) -> None:
        self.began, self.count = float("-inf"), 0

    def take(self, now: float, length: float, most: int) -> float:
        """Count a call and return 0, or return the seconds until the next window begins."""
        if now - self.began >= length:
            self.began, self.count = now, 0
        if self.count >= most:
            return self.began + length - now
        self.count += 1
        return 0.0


class Recent:
    """The moments of the latest events."""

    __slots__ = ("_moments",)

    def __init__(self) -> None:
        self._moments: deque[float] = deque()

    def wait(self, now: float, length: float, most: int) -> float:
        """Return the seconds until there are less than `most` events in the latest `length` seconds."""
        moments = self._moments
        while moments and now - moments[0] >= length:
            moments.popleft()
        return 0.0 if len(moments) < most else moments[-most] + length - now

    def add(self, now: float) -> None:
        self._moments.append(now)
