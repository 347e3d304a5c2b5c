"""The tables. A row's ``body`` is the whole value (MessagePack of its Struct); the columns beside it are what
we search by. Migrations are in order, each runs once, in one transaction with its number."""

import sqlite3
from collections.abc import Iterator

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE agents (id TEXT PRIMARY KEY, token_hash TEXT NOT NULL UNIQUE, body BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE people (id TEXT PRIMARY KEY, token_hash TEXT NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
    CREATE UNIQUE INDEX people_token ON people (token_hash) WHERE token_hash <> '';
    CREATE TABLE aliases (alias TEXT PRIMARY KEY, person TEXT NOT NULL) WITHOUT ROWID;

    CREATE TABLE mandates (
        id TEXT PRIMARY KEY, agent TEXT NOT NULL, expires_at INTEGER NOT NULL, body BLOB NOT NULL,
        spent_actions INTEGER NOT NULL DEFAULT 0, spent_responds INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID;
    CREATE INDEX mandates_agent ON mandates (agent, expires_at);
    CREATE TABLE mandate_targets (
        mandate TEXT, kind TEXT, id TEXT, PRIMARY KEY (mandate, kind, id)
    ) WITHOUT ROWID;
    CREATE TABLE chains (
        agent TEXT, case_id TEXT, upstream TEXT, tool TEXT, analysed INTEGER NOT NULL,
        PRIMARY KEY (agent, case_id, upstream, tool)
    ) WITHOUT ROWID;

    CREATE TABLE actions (
        id TEXT PRIMARY KEY, state TEXT NOT NULL, agent TEXT NOT NULL, mandate TEXT NOT NULL, case_id TEXT NOT NULL,
        upstream TEXT NOT NULL, fingerprint TEXT NOT NULL, due_at INTEGER NOT NULL, keyed INTEGER NOT NULL,
        body BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX actions_held ON actions (due_at, id) WHERE state = 'held';
    CREATE INDEX actions_held_by_mandate ON actions (mandate) WHERE state = 'held';
    CREATE INDEX actions_held_twin ON actions (agent, fingerprint) WHERE state = 'held';
    CREATE INDEX actions_held_keyed ON actions (id) WHERE state = 'held' AND keyed = 1;
    CREATE INDEX actions_ready ON actions (due_at, id) WHERE state = 'ready';
    CREATE INDEX actions_executing ON actions (due_at, id) WHERE state = 'executing';
    CREATE INDEX actions_confirming ON actions (due_at, id) WHERE state = 'confirming';
    CREATE INDEX actions_reverting ON actions (due_at, id) WHERE state = 'reverting';
    CREATE INDEX actions_unknown ON actions (due_at, id) WHERE state = 'unknown';
    CREATE INDEX actions_refused ON actions (case_id, fingerprint) WHERE state = 'refused';

    CREATE TABLE stops (id TEXT PRIMARY KEY, lifted INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE pins (upstream TEXT, tool TEXT, body BLOB NOT NULL, PRIMARY KEY (upstream, tool)) WITHOUT ROWID;

    CREATE TABLE journal (
        seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, action TEXT NOT NULL, case_id TEXT NOT NULL,
        leaf BLOB NOT NULL, entry BLOB NOT NULL
    );
    CREATE INDEX journal_action ON journal (action, seq) WHERE action <> '';
    CREATE INDEX journal_case ON journal (case_id, seq) WHERE case_id <> '';
    CREATE TABLE journal_head (one INTEGER PRIMARY KEY CHECK (one = 1), at INTEGER NOT NULL, frontier BLOB NOT NULL);
    CREATE TABLE tiles (level INTEGER, idx INTEGER, hashes BLOB NOT NULL, PRIMARY KEY (level, idx)) WITHOUT ROWID;
    CREATE TABLE payloads (
        seq INTEGER, name TEXT, action TEXT NOT NULL, salt BLOB NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (seq, name)
    ) WITHOUT ROWID;
    CREATE INDEX payloads_action ON payloads (action, name, seq) WHERE action <> '';
    CREATE TABLE settings (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    """,
    # Holds are counted for an agent in a case, whichever of its mandates they are under.
    """
    DROP INDEX actions_held_by_mandate;
    CREATE INDEX actions_held_by_agent ON actions (agent, case_id) WHERE state = 'held';
    """,
    # What changes seldom has a version (store/remembered.py); open holds are counted as they open and move on.
    """
    CREATE TABLE seldom (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL);
    INSERT INTO seldom VALUES (1, 0);

    DROP INDEX actions_held_by_agent;
    CREATE TABLE open_holds (
        agent TEXT, case_id TEXT, count INTEGER NOT NULL, PRIMARY KEY (agent, case_id)
    ) WITHOUT ROWID;
    INSERT INTO open_holds SELECT agent, case_id, count(*) FROM actions WHERE state = 'held' GROUP BY agent, case_id;
    CREATE TRIGGER hold_opens AFTER INSERT ON actions WHEN new.state = 'held'
    BEGIN
        INSERT INTO open_holds VALUES (new.agent, new.case_id, 1) ON CONFLICT DO UPDATE SET count = count + 1;
    END;
    CREATE TRIGGER hold_moves AFTER UPDATE OF state ON actions WHEN (old.state = 'held') <> (new.state = 'held')
    BEGIN
        INSERT INTO open_holds VALUES (new.agent, new.case_id, 1)
        ON CONFLICT DO UPDATE SET count = count + iif(new.state = 'held', 1, -1);
    END;
    """,
    # What one person released alone, until somebody looks at it. Older rows say so in their body: the
    # field's name in MessagePack, then true.
    """
    ALTER TABLE actions ADD COLUMN review_due INTEGER NOT NULL DEFAULT 0;
    UPDATE actions SET review_due = 1 WHERE instr(body, x'aa7265766965775f647565c3') > 0;
    CREATE INDEX actions_review_due ON actions (id) WHERE review_due = 1;
    """,
    # How people come in (store/access_rows.py). A session that is over is kept, for whoever asks later.
    """
    CREATE TABLE passkeys (
        credential TEXT PRIMARY KEY, person TEXT NOT NULL, state TEXT NOT NULL, created_at INTEGER NOT NULL,
        body BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX passkeys_person ON passkeys (person, state);
    CREATE TABLE ceremonies (id TEXT PRIMARY KEY, expires_at INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
    CREATE INDEX ceremonies_end ON ceremonies (expires_at);
    CREATE TABLE sessions (
        id TEXT PRIMARY KEY, token_hash TEXT NOT NULL UNIQUE, person TEXT NOT NULL, live INTEGER NOT NULL,
        expires_at INTEGER NOT NULL, body BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX sessions_person ON sessions (person, expires_at) WHERE live = 1;
    CREATE TABLE invitations (
        id TEXT PRIMARY KEY, token_hash TEXT NOT NULL UNIQUE, used INTEGER NOT NULL, expires_at INTEGER NOT NULL,
        body BLOB NOT NULL
    ) WITHOUT ROWID;
    """,
    # What people are to be told (gate/outbox.py): a claimed row is one whose due_at is put off.
    """
    CREATE TABLE outbox (
        id INTEGER PRIMARY KEY, notice TEXT NOT NULL, target TEXT NOT NULL, state TEXT NOT NULL,
        due_at INTEGER NOT NULL, give_up_at INTEGER NOT NULL, attempts INTEGER NOT NULL, holder TEXT NOT NULL,
        because TEXT NOT NULL, body BLOB NOT NULL,
        UNIQUE (notice, target)
    );
    CREATE INDEX outbox_waiting ON outbox (target, due_at, id) WHERE state = 'waiting';
    """,
    # The people at the checkpoint: what waits in order, deputies, who opened what, answers, drills, counters. A drill
    # is no hold of the agent that it is told of, so it does not count against the agent's open holds.
    """
    CREATE TABLE waiting (
        action TEXT PRIMARY KEY, open INTEGER NOT NULL, rank INTEGER NOT NULL, expires_at INTEGER NOT NULL,
        case_id TEXT NOT NULL, agent TEXT NOT NULL, tool TEXT NOT NULL, oversight TEXT NOT NULL,
        together INTEGER NOT NULL, escalates_at INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX waiting_order ON waiting (rank, action) WHERE open = 1;
    CREATE INDEX waiting_alike ON waiting (case_id, agent, tool, oversight, expires_at, together) WHERE open = 1;
    CREATE INDEX waiting_escalating ON waiting (escalates_at) WHERE open = 1 AND escalates_at > 0;
    CREATE TABLE tallies (
        person TEXT, hour INTEGER, what TEXT, n INTEGER NOT NULL, PRIMARY KEY (person, hour, what)
    ) WITHOUT ROWID;
    CREATE TABLE deputies (id TEXT PRIMARY KEY, until INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
    CREATE INDEX deputies_until ON deputies (until);
    CREATE TABLE opened (
        action TEXT, person TEXT, at INTEGER NOT NULL, PRIMARY KEY (action, person)
    ) WITHOUT ROWID;
    CREATE INDEX opened_at ON opened (at, person);
    CREATE TABLE decisions (
        at INTEGER NOT NULL, person TEXT NOT NULL, action TEXT NOT NULL, answer TEXT NOT NULL, reading_ms INTEGER,
        tired INTEGER NOT NULL, drill INTEGER NOT NULL
    );
    CREATE INDEX decisions_at ON decisions (at, person);
    CREATE INDEX decisions_person ON decisions (person, at, answer);
    CREATE TABLE drills (
        action TEXT PRIMARY KEY, opened_at INTEGER NOT NULL, result TEXT NOT NULL, body BLOB NOT NULL
    ) WITHOUT ROWID;

    DROP TRIGGER hold_opens;
    DROP TRIGGER hold_moves;
    CREATE TRIGGER hold_opens AFTER INSERT ON actions WHEN new.state = 'held' AND new.fingerprint NOT LIKE 'drill:%'
    BEGIN
        INSERT INTO open_holds VALUES (new.agent, new.case_id, 1) ON CONFLICT DO UPDATE SET count = count + 1;
    END;
    CREATE TRIGGER hold_moves AFTER UPDATE OF state ON actions
    WHEN (old.state = 'held') <> (new.state = 'held') AND new.fingerprint NOT LIKE 'drill:%'
    BEGIN
        INSERT INTO open_holds VALUES (new.agent, new.case_id, 1)
        ON CONFLICT DO UPDATE SET count = count + iif(new.state = 'held', 1, -1);
    END;
    """,
    # Accounts at an OpenID Connect provider, and browsers on their way there and back (store/oidc_rows.py).
    """
    CREATE TABLE identities (
        issuer TEXT, subject TEXT, person TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (issuer, subject)
    ) WITHOUT ROWID;
    CREATE INDEX identities_person ON identities (person);
    CREATE TABLE journeys (state TEXT PRIMARY KEY, expires_at INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
    CREATE INDEX journeys_end ON journeys (expires_at);
    """,
    # How far the gate's time runs ahead of the clock: what an owner accepted after a clock went astray.
    """
    ALTER TABLE journal_head ADD COLUMN ahead INTEGER NOT NULL DEFAULT 0;
    """,
    # The same call again while it waits to be confirmed is the same action.
    """
    CREATE INDEX actions_confirming_twin ON actions (agent, fingerprint) WHERE state = 'confirming';
    """,
)


def statements(script: str) -> Iterator[str]:
    """The statements of a migration, one by one: each ends with a line that completes it."""
    lines: list[str] = []
    for line in script.splitlines():
        lines.append(line)
        if sqlite3.complete_statement(text := "\n".join(lines)):
            yield text
            lines.clear()
