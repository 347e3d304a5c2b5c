"""How often strangers may begin to come in: each begun sign-in is kept for a while, and costs the disk a write."""

from collections import Counter

from starlette.exceptions import HTTPException

MINUTE_MS = 60_000
OF_ONE = 60
OF_ALL = 300
"""A minute. In the minutes that a ceremony lasts no more come than are kept
(:data:`keyturn.gate.ceremonies.OPEN_SIGN_INS`), so nobody pushes another's out."""


class Rate:
    """Counts by address within a minute, in memory; no more addresses than :data:`OF_ALL`. Behind a proxy, all come
    from its one."""

    def __init__(self) -> None:
        self._minute = 0
        self._begun: Counter[str] = Counter()

    def take(self, address: str, now: int) -> None:
        """One more from there; 429 if that is too many."""
        if now // MINUTE_MS != self._minute:
            self._minute = now // MINUTE_MS
            self._begun.clear()
        if self._begun[address] >= OF_ONE or self._begun.total() >= OF_ALL:
            raise HTTPException(429, "too many begin to sign in", {"Retry-After": "60"})
        self._begun[address] += 1
