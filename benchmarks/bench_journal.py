"""The journal: appends, publishing, verifying a million entries, and proofs among them.

Run as a script; ``--entries N`` for a smaller log.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import rfc8785

from keyturn.journal import (
    Checkpoint,
    Frontier,
    LogDirectory,
    Signer,
    commit,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    publish,
    verify_consistency,
    verify_inclusion,
)

SIGNER = Signer("bench.example/keyturn", bytes(range(32)))
VERIFY = """
import json, resource, sys, time
from pathlib import Path
from keyturn.journal import Verifier, verify_directory
started = time.perf_counter()
report = verify_directory(Path(sys.argv[1]), Verifier.parse(sys.argv[2]))
seconds = time.perf_counter() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"ok": report.ok, "entries": report.entries, "seconds": seconds, "mb": peak}))
"""


def entries(count: int) -> Iterator[bytes]:
    """Entries of the size and shape that the gate writes (about 400 bytes, one payload each)."""
    sample: Any = {
        "action": "act_01HZX3K8M2N4P6Q8R0S2T4V6W8",
        "agent": "triage-agent",
        "at": 1_790_000_000_000_000,
        "case": "INC-4711",
        "decision": {"determined_by": ["analysis-runs-free"], "verdict": "free"},
        "kind": "decided",
        "payloads": {"arguments": commit(bytes(32), b"{}")},
        "policy": commit(bytes(32), b"policy"),
        "seq": 777_777_777,
        "tool": "edr.search_events",
    }
    before, after = rfc8785.dumps(sample).split(b"777777777")
    for seq in range(count):
        yield b"%s%d%s" % (before, seq, after)


def appends_per_second(count: int = 300_000) -> float:
    """How fast a frontier takes leaf hashes."""
    leaves = [leaf_hash(str(i).encode()) for i in range(count)]
    started = time.perf_counter()
    Frontier().extend(leaves)
    return count / (time.perf_counter() - started)


def proof_milliseconds(directory: Path, checkpoint: Checkpoint, rounds: int = 50) -> dict[str, float]:
    """Time of one proof read from files and checked, at the whole size of a published log."""
    log, size = LogDirectory(directory), checkpoint.size
    inclusion, consistency = [], []
    for turn in range(1, rounds + 1):
        index = size * turn // (rounds + 1)
        leaf = leaf_hash(log.entry(index, size))
        started = time.perf_counter()
        proof = inclusion_proof(index, size, log)
        inclusion.append((time.perf_counter() - started) * 1000)
        if not verify_inclusion(leaf, index, size, proof, checkpoint.root):
            raise SystemExit(f"the proof of entry {index} is wrong")
        started = time.perf_counter()
        consistency_proof(index, size, log)
        consistency.append((time.perf_counter() - started) * 1000)
    old = Frontier().extend(leaf_hash(entry) for entry in entries(size // 3))
    proof = consistency_proof(old.size, size, log)
    if not verify_consistency(old.size, size, old.root(), checkpoint.root, proof):
        raise SystemExit("the consistency proof is wrong")
    return {
        "inclusion_proof_ms_p50": statistics.median(inclusion),
        "inclusion_proof_ms_max": max(inclusion),
        "consistency_proof_ms_p50": statistics.median(consistency),
        "consistency_proof_ms_max": max(consistency),
    }


def run(count: int = 1_000_000) -> dict[str, float | str]:
    """Measure, and return the figures by name; raises if a log of that size does not verify."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "log"
        started = time.perf_counter()
        checkpoint = publish(directory, entries(count), SIGNER)
        published = time.perf_counter() - started
        output = subprocess.run(
            [sys.executable, "-c", VERIFY, str(directory), str(SIGNER.verifier)],
            check=True,
            capture_output=True,
        ).stdout
        verified = json.loads(output)
        if not verified["ok"] or verified["entries"] != count:
            raise SystemExit("the published log does not verify")
        return {
            "entries": float(count),
            "frontier_appends_per_second": appends_per_second(),
            "publish_seconds": published,
            "verify_seconds": verified["seconds"],
            "verify_peak_rss_mb": verified["mb"],
            **proof_milliseconds(directory, checkpoint),
        }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    for name, value in run(parser.parse_args().entries).items():
        print(f"{name:32} {value:>14,.2f}" if isinstance(value, float) else f"{name:32} {value}")


if __name__ == "__main__":
    main()
