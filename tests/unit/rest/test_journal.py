"""The journal over REST: what is served is a log that the offline verifier takes, and proofs that hold."""

import base64
from pathlib import Path
from typing import Any

from keyturn.journal import (
    Checkpoint,
    commit,
    edge_tiles,
    leaf_hash,
    newly_full,
    unpack_bundle,
    verify_consistency,
    verify_directory,
    verify_inclusion,
)
from keyturn.journal.tiles import bundle_path, tile_path


async def signed(api: Any) -> tuple[bytes, Checkpoint]:
    raw = (await api.get("aud", "/v1/journal/checkpoint")).content
    return raw, Checkpoint.open(raw, [api.signer.verifier])


async def test_the_served_files_are_a_log_that_verifies_offline(api: Any, tmp_path: Path) -> None:
    for number in range(150):
        await api.propose("search", query=str(number))
    await api.house.store.write(lambda tx: None)
    raw, checkpoint = await signed(api)
    assert checkpoint.size > 256
    tiles = [(level, index, 256) for level, index in newly_full(0, checkpoint.size)]
    tiles += list(edge_tiles(checkpoint.size))
    paths = [tile_path(*tile) for tile in tiles] + [bundle_path(i, w) for level, i, w in tiles if level == 0]
    folder = tmp_path / "log"
    for path in paths:
        answer = await api.get("aud", f"/v1/journal/{path}")
        assert answer.status_code == 200, path
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(answer.content)
    (folder / "checkpoint").write_bytes(raw)
    report = verify_directory(folder, api.signer.verifier)
    assert report.ok, report.problems
    assert report.entries == checkpoint.size


async def test_a_proof_of_inclusion_and_one_of_consistency_hold(api: Any) -> None:
    _, old = await signed(api)
    await api.propose("isolate", host="h1")
    _, new = await signed(api)
    assert new.size > old.size
    told = (await api.get("aud", "/v1/journal/inclusion/3")).json()
    proof = [bytes.fromhex(h) for h in told["proof"]]
    assert verify_inclusion(bytes.fromhex(told["leaf"]), 3, new.size, proof, new.root)
    bundle = (await api.get("aud", f"/v1/journal/{bundle_path(0, new.size)}")).content
    assert leaf_hash(unpack_bundle(bundle, new.size)[3]).hex() == told["leaf"]
    told = (await api.get("aud", "/v1/journal/consistency", old=old.size)).json()
    assert verify_consistency(old.size, told["new"], old.root, new.root, [bytes.fromhex(h) for h in told["proof"]])


async def test_a_case_tells_its_story_with_payloads_that_fit_their_commitments(api: Any) -> None:
    await api.propose("isolate", host="h1")
    first = (await api.get("aud", "/v1/cases/INC-1/entries", limit=2)).json()
    rest = (await api.get("aud", "/v1/cases/INC-1/entries", after=first["next"])).json()
    entries = first["entries"] + rest["entries"]
    assert [e["entry"]["kind"] for e in entries] == ["mandate_issued", "proposed", "decided"]
    assert rest["next"] is None
    kept = [(e["entry"]["payloads"][name], p) for e in entries for name, p in e["payloads"].items()]
    assert len(kept) == 3
    for commitment, payload in kept:
        assert commit(bytes.fromhex(payload["salt"]), base64.b64decode(payload["body"])) == commitment


NO_TILES = (
    "0/999",
    "0/000",
    "0/000.p/256",
    "0/000.p/0",
    "0/000.p/250",
    "00/000.p/1",
    "64/000.p/1",
    "1/000.p/1",
    "0/x000/000.p/1",
    "0/0.p/1",
    "entries/%2e%2e/0/000.p/1",
    "entries/000",
    "-1/000.p/1",
    "0/x999/x999/x999/x999/x999/x999/999",
)


async def test_a_tile_that_is_not_there_is_404(api: Any) -> None:
    for path in NO_TILES:
        assert (await api.get("aud", f"/v1/journal/tile/{path}")).status_code == 404, path


async def test_the_journal_is_for_people(api: Any) -> None:
    for path in ("journal/checkpoint", "journal/tile/0/000.p/1", "journal/inclusion/0", "cases/INC-1/entries"):
        assert (await api.get("responder", f"/v1/{path}")).status_code == 403, path
        assert (await api.get("", f"/v1/{path}")).status_code == 401, path


async def test_a_proof_between_sizes_that_are_none_is_refused(api: Any) -> None:
    for old, new, status in ((5, 3, 400), (0, 10**9, 400), (-1, 3, 400), (0, 3, 200)):
        assert (await api.get("aud", "/v1/journal/consistency", old=old, new=new)).status_code == status, (old, new)
