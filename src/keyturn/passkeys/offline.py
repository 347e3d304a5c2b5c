"""Every key of a published journal, verified from its entries alone (docs/spec/keys.md): ``journal verify --keys``.

Give each entry in order to :class:`KeyCheck`, then ask for its report. It trusts nothing that the gateway says of a
signature: each challenge is computed again, each public key is the one that was enrolled, and a key must be for the
digest that was proposed. What it saw is worth something only if the log itself verifies.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from keyturn.core.signing import (
    SignedHold,
    approve_statement,
    challenge_of,
    from_base64url,
    turn_statement,
)
from keyturn.errors import Forbidden, InvalidInput, KeyturnError
from keyturn.passkeys.assertions import PARTS, collected, part, verified

MAX_PROBLEMS = 100
HELD = ("one_key", "two_key")
KINDS = (
    "policy_loaded",
    "proposed",
    "decided",
    "outcome",
    "passkey_added",
    "passkey_approved",
    "passkey_revoked",
    "key_turned",
    "released",
)
OVER = ("refused", "withdrawn", "expired", "denied_at_release")


@dataclass(frozen=True, slots=True)
class KeyProblem:
    """Why a key is refused: the entry's index, and what does not fit."""

    entry: int
    what: str

    def __str__(self) -> str:
        return f"entry {self.entry}: {self.what}"


@dataclass(frozen=True, slots=True)
class KeyReport:
    """What checking found: keys signed with passkeys (all verified, if there is no problem), keys under tokens, the
    origins of the signatures, and the first hundred problems."""

    signed: int
    tokens: int
    origins: tuple[str, ...]
    problems: tuple[KeyProblem, ...]

    @property
    def ok(self) -> bool:
        """Every key is what it says."""
        return not self.problems


@dataclass(slots=True)
class _Credential:
    person: str
    public_key: bytes
    sign_count: int
    live: bool


@dataclass(slots=True)
class _Held:
    digest: str
    keys: set[tuple[str, str, str]] = field(default_factory=set)


@dataclass(slots=True)
class _Signature:
    """A nonce that was used: by whom, for what, and for which of its holds a key was turned."""

    said: object
    turned: set[str] = field(default_factory=set)


class KeyCheck:
    """Reads a journal in order. ``origins``: those that are accepted; none accepts any, and says which there were."""

    def __init__(self, origins: tuple[str, ...] = ()) -> None:
        self._accepted = origins
        self._seen: dict[str, None] = {}
        self._credentials: dict[str, _Credential] = {}
        self._enrolled: set[str] = set()
        self._policies: set[str] = set()
        self._held: dict[str, _Held] = {}
        self._nonces: dict[str, _Signature] = {}
        self._problems: list[KeyProblem] = []
        self._signed = self._tokens = 0

    def __call__(self, index: int, entry: Mapping[str, Any]) -> None:
        """Look at one entry."""
        read = getattr(self, f"_{entry.get('kind')}", None) if entry.get("kind") in KINDS else None
        try:
            if read is not None:
                read(entry)
            elif entry.get("kind") in OVER:
                self._held.pop(str(entry.get("action")), None)
        except KeyturnError as e:
            self._problem(index, e.message)
        except (KeyError, TypeError, ValueError, AttributeError) as e:
            self._problem(index, f"a {entry.get('kind')} entry can't be read ({type(e).__name__}: {e!s:.100})")

    def report(self) -> KeyReport:
        """What was found."""
        return KeyReport(self._signed, self._tokens, tuple(self._seen), tuple(self._problems))

    def _problem(self, index: int, what: str) -> None:
        if len(self._problems) < MAX_PROBLEMS:
            self._problems.append(KeyProblem(index, what))

    # What is known

    def _policy_loaded(self, entry: Mapping[str, Any]) -> None:
        self._policies.add(entry["policy"])

    def _proposed(self, entry: Mapping[str, Any]) -> None:
        self._held[entry["action"]] = _Held(entry["digest"])

    def _decided(self, entry: Mapping[str, Any]) -> None:
        if entry["verdict"] not in HELD:
            self._held.pop(entry["action"], None)

    def _outcome(self, entry: Mapping[str, Any]) -> None:
        if entry["state"] != "unknown":
            self._held.pop(entry["action"], None)

    def _passkey_added(self, entry: Mapping[str, Any]) -> None:
        if entry["credential"] in self._credentials:
            raise Forbidden("this passkey was added before")
        live = entry["pending"] is False
        key = from_base64url(entry["public_key"])
        self._credentials[entry["credential"]] = _Credential(entry["person"], key, int(entry["sign_count"]), live)
        if live:
            self._enrolled.add(entry["person"])

    def _passkey_approved(self, entry: Mapping[str, Any]) -> None:
        name, nonce = entry["credential"], from_base64url(entry["nonce"])
        found = self._credentials.get(name)
        if found is None or found.live or found.person != entry["person"] or entry["by"] == found.person:
            raise Forbidden("an approval of no passkey that waits for one, or by its own person")
        statement = approve_statement(found.person, from_base64url(name), found.public_key, nonce)
        self._once(entry["nonce"], ("approve", name))
        self._verify(entry["assertion"], statement, entry["by"], entry["by_credential"])
        found.live = True
        self._enrolled.add(found.person)

    def _passkey_revoked(self, entry: Mapping[str, Any]) -> None:
        self._credentials[entry["credential"]].live = False
        for held in self._held.values():
            held.keys = {key for key in held.keys if key[2] != entry["credential"]}

    # Keys

    def _key_turned(self, entry: Mapping[str, Any]) -> None:
        held, how = self._held.get(entry["action"]), entry.get("how", "token")
        if held is None:
            raise Forbidden(f"a key on {entry['action']!s:.80}, which is not held")
        if entry["digest"] != held.digest:
            raise Forbidden("the key is for another digest than the proposed one")
        if how == "passkey":
            self._signed += 1
            self._by_passkey(entry)
        elif how == "token":
            self._tokens += 1
            if entry["person"] in self._enrolled:
                raise Forbidden(f"{entry['person']!s:.80} has a passkey, and this key was turned with a token alone")
        else:
            raise InvalidInput(f"a key turned by {how!s:.40}, which is unknown here")
        held.keys.add((entry["person"], entry["digest"], entry.get("credential", "")))

    def _by_passkey(self, entry: Mapping[str, Any]) -> None:
        holds = [SignedHold(action=h["action"], digest=h["digest"], policy=h["policy"]) for h in entry["holds"]]
        own = SignedHold(action=entry["action"], digest=entry["digest"], policy=entry["policy"])
        if holds.count(own) != 1:
            raise Forbidden("the signature does not name this action with this digest and policy once")
        if entry["policy"] not in self._policies:
            raise Forbidden("the signature names a policy that was never loaded")
        said = (entry["person"], entry["credential"], tuple(holds), tuple(sorted(entry["assertion"].items())))
        signature = self._nonces.get(entry["nonce"])
        if signature is None:
            signature = self._once(entry["nonce"], said)
            statement = turn_statement(holds, from_base64url(entry["nonce"]))
            self._verify(entry["assertion"], statement, entry["person"], entry["credential"])
        if signature.said != said or entry["action"] in signature.turned:
            raise Forbidden("its nonce was used before")
        signature.turned.add(entry["action"])

    def _released(self, entry: Mapping[str, Any]) -> None:
        held = self._held.get(entry["action"])
        for key in entry["keys"]:
            if held is None or (key["person"], key["digest"], key.get("credential", "")) not in held.keys:
                raise Forbidden(f"released with a key of {key['person']!s:.80} that was never turned, or not any more")

    def _once(self, nonce: str, said: object) -> _Signature:
        if nonce in self._nonces:
            raise Forbidden("its nonce was used before")
        self._nonces[nonce] = _Signature(said)
        return self._nonces[nonce]

    def _verify(self, assertion: Mapping[str, Any], statement: bytes, person: str, credential: str) -> None:
        found = self._credentials.get(credential)
        if found is None or found.person != person:
            raise Forbidden(f"the passkey was never enrolled for {person!s:.80}")
        if not found.live:
            raise Forbidden("the passkey was revoked, or nobody has approved it")
        parts = {name: part(assertion, name) for name in PARTS}
        origin = collected(parts["client_data_json"]).origin
        if self._accepted and origin not in self._accepted:
            raise Forbidden(f"signed at {origin!s:.200}, not at {', '.join(self._accepted)}")
        challenge = challenge_of(statement)
        known = verified(parts, challenge, origin, credential, found.public_key, found.sign_count)
        found.sign_count = known.new_sign_count
        self._seen[origin] = None
