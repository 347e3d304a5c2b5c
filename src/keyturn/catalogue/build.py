"""``python -m keyturn.catalogue.build``: check every vendor's file, and pack them into the one that is loaded."""

import sys
from collections.abc import Mapping
from pathlib import Path

from keyturn.catalogue.catalogue import PACKAGED, Catalogue
from keyturn.catalogue.vendor import pack, read_vendor, unpack
from keyturn.errors import ProfileError

DATA = Path(__file__).parent / "data"


def texts(folder: Path = DATA) -> dict[str, str]:
    """Every vendor's file below a folder, by its path there."""
    found = {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.yaml")}
    return dict(sorted(found.items()))


def faults(files: Mapping[str, str]) -> list[str]:
    """What is wrong, a line each; at most one a file."""
    found = []
    for source, text in files.items():
        try:
            read_vendor(text, source)
        except ProfileError as error:
            found.append(f"{error.message}: {error.hint}" if error.hint else error.message)
    return found


def main() -> int:
    """Write the packed file; 1 and what is wrong if a vendor's file can't be believed."""
    files = texts()
    try:
        wrong = faults(files)
        if not wrong:
            made = pack(files)
            Catalogue.of(unpack(made))
            PACKAGED.write_bytes(made)
    except ProfileError as error:
        wrong = [error.message]
    sys.stderr.writelines(f"{line}\n" for line in wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
