"""The ``keyturn`` command, also as ``python -m keyturn.cli``: the rest is imported where Ctrl-C is heard already."""

import sys


def start() -> None:
    """Run the command line; Ctrl-C while it is still loading ends it as quietly as later."""
    try:
        from keyturn.cli.main import main

        main()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    start()
