"""``keyturn review``, over real HTTP, on a gate whose clock the test moves: what one person released alone."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from tests.unit.cli.conftest import Run
from tests.unit.gate.conftest import House, build

from keyturn.rest import create_app
from keyturn.store import SqliteStore
from keyturn.store.schema import MIGRATIONS

COOLING_MS = 2 * 60_000


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """The small-team pack: one person after a cooling-off time is enough, and a review is due."""
    made = await build(tmp_path / "keyturn.db", pack="small-team")
    yield made
    await made.gate.stop_running()
    made.store.close()


async def alone(house: House, host: str) -> Any:
    """An action that lena, who issued the mandate, released alone."""
    record = (await house.gate.propose(house.agent, house.call("isolate", host=host))).record
    await house.gate.turn(house.people["lena"], record.id, record.digest)
    house.clock.ms += COOLING_MS
    await house.gate.sweep()
    await house.gate.sweep()
    return await house.until(record.id)


async def test_only_what_one_person_released_alone_is_due(house: House) -> None:
    assert await house.gate.reviews(house.people["ana"]) == []
    lonely = await alone(house, "h1")
    together = (await house.gate.propose(house.agent, house.call("isolate", host="h2"))).record
    await house.gate.turn(house.people["ana"], together.id, together.digest)
    await house.until(together.id)
    assert house.fleet.changes == [("isolate", "h1"), ("isolate", "h2")]
    assert [record.id for record in await house.gate.reviews(house.people["ana"])] == [lonely.id]
    await house.gate.reviewed(house.people["bob"], lonely.id, "it was right")
    assert await house.gate.reviews(house.people["ana"]) == []


async def test_the_list_is_read_by_its_index_and_older_rows_are_in_it(house: House, tmp_path: Path) -> None:
    lonely, older = await alone(house, "h1"), tmp_path / "older.db"
    await house.gate.propose(house.agent, house.call("isolate", host="h2"))
    now = sqlite3.connect(tmp_path / "keyturn.db")
    (plan,) = now.execute("EXPLAIN QUERY PLAN SELECT body FROM actions WHERE review_due = 1 ORDER BY id LIMIT 9")
    assert "USING INDEX actions_review_due" in plan[3]
    number = next(n for n, script in enumerate(MIGRATIONS) if "actions_review_due" in script)
    before = sqlite3.connect(older)
    for script in MIGRATIONS[:number]:
        before.executescript(script)
    columns = ", ".join(row[1] for row in before.execute("PRAGMA table_info(actions)"))
    rows = now.execute(f"SELECT {columns} FROM actions").fetchall()
    before.executemany(f"INSERT INTO actions VALUES ({', '.join('?' * len(rows[0]))})", rows)
    before.execute(f"PRAGMA user_version = {number}")
    before.commit()
    for db in (now, before):
        db.close()
    opened = SqliteStore(older)
    assert len(await opened.read(lambda tx: tx.actions_like("a", 9))) == len(rows) == 2
    assert [record.id for record in await opened.read(lambda tx: tx.reviews_due(9))] == [lonely.id]
    opened.close()


async def test_a_person_lists_looks_and_notes(house: House, run: Run) -> None:
    token = (await house.gate.add_person(house.people["olga"], "kim", (next(iter(house.people["ana"].roles)),))).token
    config = uvicorn.Config(create_app(house.gate), log_level="error", lifespan="off", timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    listener = uvicorn.Config(create_app(house.gate), port=0, log_level="error").bind_socket()
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    async def keyturn(*args: str) -> Any:
        return await asyncio.to_thread(run, *args, token=token, url=url)

    assert (await keyturn("review")).output == "Nothing is to review.\n"
    record = await alone(house, "h1")
    listed = (await keyturn("review")).output
    assert record.id in listed and "succeeded; released by lena alone at 2026-" in listed
    assert "no limit" not in listed and "1 to review. Look at one with: keyturn review ID" in listed
    seen = (await keyturn("review", record.id)).output
    assert "nobody has looked at it since" in seen
    assert f"keyturn review {record.id} --note" in seen
    assert (await keyturn("review", "--note", "x")).exit_code == 2
    noted = await keyturn("review", record.id, "--note", "the alert was real")
    assert (noted.exit_code, noted.output) == (0, f"Your look is recorded. soc/isolate ({record.id}) is succeeded.\n")
    assert (await keyturn("review")).output == "Nothing is to review.\n"
    assert (await keyturn("review", record.id, "--note", "again")).exit_code == 1
    entry = next(e for e in await house.entries() if e["kind"] == "reviewed")
    assert json.dumps([entry["action"], entry["by"], entry["note"]]) == json.dumps(
        [record.id, "kim", "the alert was real"]
    )
    server.should_exit = True
    await serving
