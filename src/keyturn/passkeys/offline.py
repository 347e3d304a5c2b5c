"""Every key of a published journal, verified from its entries alone (docs/spec/keys.md): ``journal verify --keys``.

Give each entry in order to :class:`KeyCheck`, then ask for its report. It trusts nothing that the gateway says of a
signature: each challenge is computed again, each public key is the one that was enrolled, a key must be for the digest
that was proposed, and what was released must have the keys that its verdict asks for. Whoever owns the log can sign it
again, so nothing in it is believed because it is there. What it saw is worth something only if the log itself verifies.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from keyturn.core.hold import person_id
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
NEEDED = {"free": 0, "confirm": 0, "one_key": 1, "two_key": 2}
DECIDERS = {"analyst", "lead", "owner"}
KINDS = (
    "policy_loaded",
    "person_added",
    "roles_changed",
    "person_revoked",
    "proposed",
    "decided",
    "held_again",
    "outcome",
    "settled",
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
    added_by: str
    revoked: bool = False


@dataclass(slots=True)
class _Held:
    """An action that may still run. ``needed``: how many people's keys its verdict asks for, once there is one."""

    digest: str
    needed: int | None = None
    released: bool = False
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
        self._roles: dict[str, frozenset[str]] = {}
        self._revoked: set[str] = set()
        self._policies: dict[str, bool] = {}
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
        self._policies[entry["policy"]] = entry.get("single_operator") is True

    def _person_added(self, entry: Mapping[str, Any]) -> None:
        self._roles[_folded(entry["person"])] = frozenset(entry["roles"])

    def _roles_changed(self, entry: Mapping[str, Any]) -> None:
        self._person_added(entry)

    def _person_revoked(self, entry: Mapping[str, Any]) -> None:
        person = _folded(entry["person"])
        self._revoked.add(person)
        for held in self._held.values():
            held.keys = {key for key in held.keys if key[0] != person}

    def _decides(self, person: str) -> bool:
        return person not in self._revoked and bool(DECIDERS & self._roles.get(person, frozenset()))

    def _proposed(self, entry: Mapping[str, Any]) -> None:
        self._held[entry["action"]] = _Held(entry["digest"])

    def _decided(self, entry: Mapping[str, Any]) -> None:
        if entry["verdict"] == "denied":
            self._held.pop(entry["action"], None)
            return
        held = self._held.get(entry["action"])
        if held is None or held.needed is not None:
            raise Forbidden("a verdict on an action that was not proposed, or has one already")
        held.needed = NEEDED[entry["verdict"]]

    def _held_again(self, entry: Mapping[str, Any]) -> None:
        held = self._held.get(entry["action"])
        if held is not None and entry["verdict"] != "denied":
            held.needed = max(held.needed or 0, NEEDED[entry["verdict"]])

    def _outcome(self, entry: Mapping[str, Any]) -> None:
        if entry["state"] != "unknown":
            self._held.pop(entry["action"], None)

    def _settled(self, entry: Mapping[str, Any]) -> None:
        held = self._held.get(entry["action"])
        if held is not None and entry["state"] == "ready":
            held.released = False
        else:
            self._held.pop(entry["action"], None)

    def _passkey_added(self, entry: Mapping[str, Any]) -> None:
        if entry["credential"] in self._credentials:
            raise Forbidden("this passkey was added before")
        live = entry["pending"] is False
        key, person = from_base64url(entry["public_key"]), _folded(entry["person"])
        self._credentials[entry["credential"]] = _Credential(person, key, int(entry["sign_count"]), live, entry["by"])
        if live:
            self._enrolled.add(person)

    def _passkey_approved(self, entry: Mapping[str, Any]) -> None:
        name, nonce = entry["credential"], from_base64url(entry["nonce"])
        found = self._credentials.get(name)
        if found is None or found.live or found.revoked or found.person != entry["person"]:
            raise Forbidden("an approval of no passkey that waits for one")
        self._may_approve(found, entry["by"])
        statement = approve_statement(found.person, from_base64url(name), found.public_key, nonce)
        self._once(entry["nonce"], ("approve", name))
        self._verify(entry["assertion"], statement, entry["by"], entry["by_credential"])
        found.live = True
        self._enrolled.add(found.person)

    def _may_approve(self, waiting: _Credential, by: str) -> None:
        """Another person who decides, and did not invite to a further one; oneself only where there is nobody else."""
        if by == waiting.person:
            holders = {found.person for found in self._credentials.values() if found.live}
            if any(self._decides(person) for person in holders - {by}):
                raise Forbidden("an approval of one's own passkey, where others have one")
        elif not self._decides(by) or (waiting.person in self._enrolled and by == waiting.added_by):
            raise Forbidden(f"an approval by {by!s:.80}, who has no role for it, or invited to a further passkey")

    def _passkey_revoked(self, entry: Mapping[str, Any]) -> None:
        found = self._credentials[entry["credential"]]
        found.live, found.revoked = False, True
        for held in self._held.values():
            held.keys = {key for key in held.keys if key[2] != entry["credential"]}

    # Keys

    def _key_turned(self, entry: Mapping[str, Any]) -> None:
        held, how = self._held.get(entry["action"]), entry.get("how", "token")
        if held is None or not held.needed:
            raise Forbidden(f"a key on {entry['action']!s:.80}, which is not held")
        if not self._decides(_folded(entry["person"])):
            raise Forbidden(f"a key of {entry['person']!s:.80}, who was revoked, or has no role that turns keys")
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
        if held is None or held.needed is None or held.released:
            raise Forbidden("released without a verdict, after its end, or twice")
        if entry["digest"] != held.digest:
            raise Forbidden("released with another digest than the proposed one")
        people = [key["person"] for key in entry["keys"]]
        for key in entry["keys"]:
            if (key["person"], key["digest"], key.get("credential", "")) not in held.keys:
                raise Forbidden(f"released with a key of {key['person']!s:.80} that was never turned, or not any more")
        if len(set(people)) != len(people):
            raise Forbidden("released with two keys of one person")
        needed = min(held.needed, 1) if self._policies.get(entry["policy"]) else held.needed
        if len(people) < needed:
            raise Forbidden(f"released with {len(people)} of the {needed} keys that its verdict asks for")
        held.released = True

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


def _folded(person: str) -> str:
    """A person's one spelling; :class:`Forbidden` for an entry with another."""
    if person_id(person) != person:
        raise Forbidden(f"{person!s:.80} is not how a person's name is spelled")
    return person
