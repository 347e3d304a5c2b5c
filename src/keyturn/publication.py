"""The journal of the database, published as a folder of files that anybody can verify."""

from contextlib import closing
from pathlib import Path

from keyturn import keyfile
from keyturn.config import Config
from keyturn.errors import NotFound
from keyturn.journal import Checkpoint, publish, published
from keyturn.store.journal_rows import JournalRows
from keyturn.store.sqlite import connect

DATABASE = "keyturn.db"
VERIFIER = "verifier.key"


def publish_journal(config: Config, directory: Path, *, payloads: bool) -> Checkpoint:
    """Bring ``directory`` up to the database's journal; safe while the gateway runs.

    ``payloads``: also what is kept beside the log (arguments, rationales, results), which may be personal or secret.
    Beside the log stands the public key; whoever verifies should have it from elsewhere.
    """
    path = config.folder / DATABASE
    if not path.exists():
        raise NotFound(f"there is no database in {config.folder}", hint="start the gateway once: keyturn serve")
    signer = keyfile.signer(config.folder, config.journal.origin)
    directory.mkdir(parents=True, exist_ok=True)
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
