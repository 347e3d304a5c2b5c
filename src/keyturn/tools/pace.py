"""How soon something that keeps failing is tried again; pure, time and jitter are given."""

from collections.abc import Callable


class Pace:
    """The first try is at once; then ``first_s`` doubles with every failure up to ``cap_s``, times ``jitter()``."""

    def __init__(self, first_s: float, cap_s: float, jitter: Callable[[], float]) -> None:
        self._first = first_s
        self._cap = cap_s
        self._jitter = jitter
        self._failures = 0
        self._not_before = 0.0

    def wait(self, now: float) -> float:
        """Seconds to wait before the next try."""
        return max(0.0, self._not_before - now)

    def failed(self, now: float, lasted_s: float = 0.0) -> float:
        """A try failed, or what it opened ended after ``lasted_s``; the seconds to wait."""
        if lasted_s >= self._cap:
            self._failures = 0
        delay = min(self._cap, self._first * 2.0 ** min(self._failures, 32))
        self._failures += 1
        self._not_before = now + delay * self._jitter()
        return self.wait(now)

    def worked(self) -> None:
        """All is well again."""
        self._failures = 0
        self._not_before = 0.0
