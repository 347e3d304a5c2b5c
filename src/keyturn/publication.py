"""The journal of the database, published as a folder of files that anybody can verify."""

from contextlib import closing
from pathlib import Path

from keyturn import keyfile
from keyturn.config import Config
from keyturn.errors import JournalError, NotFound
from keyturn.journal import Checkpoint, Signer, publish, published
from keyturn.store.journal_rows import JournalRows
from keyturn.store.sqlite import connect

DATABASE = "keyturn.db"
VERIFIER = "verifier.key"
OURS = frozenset({VERIFIER, "tile", "payload", ".checkpoint.new"})
"""What a publication that was interrupted may have left."""


def publish_journal(config: Config, directory: Path, *, payloads: bool) -> Checkpoint:
    """Bring ``directory`` up to the database's journal; safe while the gateway runs.

    ``payloads``: also what is kept beside the log (arguments, rationales, results), which may be personal or secret.
    Beside the log stands the public key; whoever verifies should have it from elsewhere.
    """
    path = config.folder / DATABASE
    if not path.exists():
        raise NotFound(f"there is no database in {config.folder}", hint="start the gateway once: keyturn serve")
    signer = keyfile.signer(config.folder, config.journal.origin)
    try:
        return _publish(path, directory, signer, payloads=payloads)
    except OSError as error:
        raise JournalError(f"{directory} can't be written: {error}", hint="name a folder to publish into") from None


def _publish(path: Path, directory: Path, signer: Signer, *, payloads: bool) -> Checkpoint:
    directory.mkdir(parents=True, exist_ok=True)
    names = {entry.name for entry in directory.iterdir()}
    if "checkpoint" not in names and (strange := names - OURS):
        raise JournalError(
            f"{directory} holds other things, such as {min(strange)[:80]!r}", hint="publish into an empty folder"
        )
    with closing(connect(path)) as db:
        db.execute("BEGIN")
        rows = JournalRows(db)
        frontier = rows.frontier()
        old = published(directory, signer)
        start = old.size if old else 0
        checkpoint = publish(
            directory,
            rows.entries(start, frontier.size),
            signer,
            payloads=rows.payloads(0 if payloads else frontier.size, frontier.size),
            expect=frontier,
        )
    (directory / VERIFIER).write_text(f"{signer.verifier}\n", encoding="utf-8")
    return checkpoint
