"""The public surface: what ``from keyturn import …`` offers, all of it and nothing else."""

import subprocess
import sys

import keyturn


def test_everything_that_is_promised_is_there() -> None:
    assert {name for name in keyturn.__all__ if not hasattr(keyturn, name)} == set()
    assert sorted(keyturn.__all__) == keyturn.__all__


def test_what_is_not_there_is_said_so() -> None:
    assert not hasattr(keyturn, "Gate")


def test_importing_the_package_or_the_client_loads_no_part_of_the_gateway() -> None:
    code = (
        "import sys, keyturn; assert 'httpx2' not in sys.modules; keyturn.Client;"
        "loaded = {m.split('.')[1] for m in sys.modules if m.startswith('keyturn.')};"
        "assert loaded == {'errors', 'sdk'}, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
