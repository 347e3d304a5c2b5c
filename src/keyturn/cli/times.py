"""Times as people on call read them."""

import time


def now() -> int:
    """Milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


def clock(milliseconds: int) -> str:
    """A moment: UTC, to the second."""
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(milliseconds / 1000))


def left(until: int, at: int) -> str:
    """The time between two moments in its two largest units; ``over`` if it has passed."""
    seconds = (until - at) // 1000
    if until <= 0:
        return "no limit"
    if seconds < 0:
        return "over"
    days, hours, minutes = seconds // 86_400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days} d {hours} h left"
    if hours:
        return f"{hours} h {minutes} min left"
    return f"{minutes} min left" if minutes else f"{seconds} s left"
