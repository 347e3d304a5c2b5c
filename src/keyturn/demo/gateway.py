"""The gateway of the demonstration: ``keyturn serve`` in a process of its own, as an operator would run it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keyturn.errors import KeyturnError

READY = "listening on "


@contextmanager
def running(config: Path) -> Iterator[str]:
    """Start the gateway, give its address, and end it in order; :class:`KeyturnError` if it does not start."""
    log = config.with_name("gateway.log")
    with log.open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own program, with a path of ours
            [sys.executable, "-m", "keyturn.cli", "serve", "-c", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            yield _address(process, log)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _address(process: "subprocess.Popen[str]", log: Path) -> str:
    assert process.stdout is not None  # noqa: S101 - it was asked for above
    for line in process.stdout:
        if READY in line:
            return line.partition(READY)[2].strip()
    told = log.read_text(encoding="utf-8", errors="replace")[-2_000:]
    raise KeyturnError(f"the gateway did not start: {told}", hint="look at its configuration")
