"""An action: one proposed tool call, and the digest that people sign.

What is in the digest is what runs: the upstream later receives the canonical arguments of these very bytes
(CVE-2026-32065: a person saw a rendering, something else ran).
"""

from typing import Any

import msgspec

from keyturn.core.canonical import canonical_json, parse_json, sha256_hex
from keyturn.errors import InvalidInput

MAX_RATIONALE = 16_000
MAX_EVIDENCE = 64
MAX_ARGUMENTS = 1_048_576


class ToolRef(msgspec.Struct, frozen=True, order=True):
    """A tool behind the gate: the upstream's name in the configuration, and the tool's own name there."""

    upstream: str
    name: str

    def __str__(self) -> str:
        return f"{self.upstream}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> "ToolRef":
        """``upstream/tool``; the tool's name may itself hold slashes."""
        upstream, slash, name = text.partition("/")
        if not (upstream and slash and name):
            raise InvalidInput(f"{text[:80]!r} names no tool", hint="write upstream/tool, such as edr/isolate_host")
        return cls(upstream, name)


class Target(msgspec.Struct, frozen=True, order=True):
    """What an action touches: a kind (host, user, credential, ip, mailbox, file, ticket …) and its id."""

    kind: str
    id: str


class ModelOutput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the agent says led it here. Hostile text: kept and shown as such, never decided by (G10)."""

    rationale: str = ""
    evidence: tuple[str, ...] = ()
    confidence: float | None = None

    def __post_init__(self) -> None:
        if len(self.rationale) > MAX_RATIONALE:
            raise InvalidInput(f"rationale has {len(self.rationale)} characters", hint=f"at most {MAX_RATIONALE}")
        if len(self.evidence) > MAX_EVIDENCE or any(len(ref) > 1_000 for ref in self.evidence):
            raise InvalidInput("too much evidence", hint=f"at most {MAX_EVIDENCE} references of 1,000 characters")
        if self.confidence is not None and not 0 <= self.confidence <= 1:
            raise InvalidInput(f"confidence {self.confidence} is not between 0 and 1")


class Narrowing(msgspec.Struct, frozen=True):
    """The action is a smaller one of the agent's own: the id of what it was made from, and the people who did so."""

    of: str
    by: tuple[str, ...]


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One proposed tool call.

    ``arguments`` is the parsed JSON object; ``definition`` the SHA-256 over the tool's definition and its
    server's launch at proposal; ``nonce`` 32 random hex digits, so that the digest hides its content. ``narrowed``:
    people changed what the agent proposed; it stands in the content only then.
    """

    id: str
    agent: str
    mandate: str
    case: str
    tool: ToolRef
    definition: str
    arguments: dict[str, Any]
    targets: tuple[Target, ...]
    model_output: ModelOutput
    proposed_at: int
    nonce: str
    narrowed: Narrowing | None = None

    def content(self) -> bytes:
        """The canonical bytes that the digest covers, that a page renders, and that a person signs."""
        narrowed = {} if self.narrowed is None else {"narrowed": msgspec.structs.asdict(self.narrowed)}
        return canonical_json(
            {
                "v": 1,
                "id": self.id,
                "agent": self.agent,
                "mandate": self.mandate,
                "case": self.case,
                "tool": str(self.tool),
                "definition": self.definition,
                "arguments": self.arguments,
                "targets": [{"kind": t.kind, "id": t.id} for t in self.targets],
                "model_output": {
                    "rationale": self.model_output.rationale,
                    "evidence": list(self.model_output.evidence),
                    "confidence": self.model_output.confidence,
                },
                "proposed_at": self.proposed_at,
                "nonce": self.nonce,
                **narrowed,
            }
        )

    @classmethod
    def from_content(cls, content: bytes) -> "Action":
        """The action whose :meth:`content` these bytes are."""
        value = parse_json(content)
        value["tool"] = msgspec.structs.asdict(ToolRef.parse(value["tool"]))
        del value["v"]
        return msgspec.convert(value, cls)


def digest_of(content: bytes) -> str:
    """The digest of an action's content: SHA-256 over its RFC 8785 canonical JSON."""
    return sha256_hex(content)
