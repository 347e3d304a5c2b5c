"""``python -m keyturn.cli``: the same as ``keyturn``."""

from keyturn.cli.main import main

main()
