"""A transparency log in C2SP formats: tlog-tiles, tlog-checkpoint, signed-note.

It knows nothing of the rest of Keyturn but its errors, so that it can be reviewed, and used, alone.

Growing: :class:`Frontier` (root), :func:`newly_full`, :class:`Tile` (for a database), :func:`publish` (a folder).
Proving: :func:`inclusion_proof`, :func:`consistency_proof` over a :class:`TileReader`.
In one file: :class:`Excerpt`, :func:`check_excerpt`.
Verifying: :func:`verify_directory`, :func:`verify_extension`, :func:`verify_inclusion`, :func:`verify_consistency`.
"""

from keyturn.journal.checkpoint import Checkpoint
from keyturn.journal.directory import LogDirectory, erase_payload, publish, published
from keyturn.journal.entry import read_entry
from keyturn.journal.excerpt import (
    FORMAT,
    Excerpt,
    ExcerptReport,
    KeptPayload,
    Proven,
    check_excerpt,
    read_excerpt,
)
from keyturn.journal.merkle import (
    EMPTY_ROOT,
    Frontier,
    TileReader,
    consistency_proof,
    inclusion_proof,
    inclusion_proofs,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)
from keyturn.journal.note import Note, Signer, Verifier, open_note, sign
from keyturn.journal.payload import commit, decode_payload, encode_payload, matches, payload_path
from keyturn.journal.tiles import (
    MAX_ENTRY,
    Tile,
    TileBuilder,
    bundle_path,
    edge_tiles,
    newly_full,
    pack_bundle,
    tile_path,
    unpack_bundle,
)
from keyturn.journal.verify import Extension, Problem, Report, verify_directory, verify_extension

__all__ = [
    "EMPTY_ROOT",
    "FORMAT",
    "MAX_ENTRY",
    "Checkpoint",
    "Excerpt",
    "ExcerptReport",
    "Extension",
    "Frontier",
    "KeptPayload",
    "LogDirectory",
    "Note",
    "Problem",
    "Proven",
    "Report",
    "Signer",
    "Tile",
    "TileBuilder",
    "TileReader",
    "Verifier",
    "bundle_path",
    "check_excerpt",
    "commit",
    "consistency_proof",
    "decode_payload",
    "edge_tiles",
    "encode_payload",
    "erase_payload",
    "inclusion_proof",
    "inclusion_proofs",
    "leaf_hash",
    "matches",
    "newly_full",
    "node_hash",
    "open_note",
    "pack_bundle",
    "payload_path",
    "publish",
    "published",
    "read_entry",
    "read_excerpt",
    "sign",
    "tile_path",
    "unpack_bundle",
    "verify_consistency",
    "verify_directory",
    "verify_extension",
    "verify_inclusion",
]
