"""Holds and keys: whose yes counts, and when there are enough of them.

Distinct people, not accounts: a person is one :func:`person_id` whatever the spelling, and an alias resolves to
the person before a key is made. Zero is never enough (OpenBao, inspect_ai: 0 == 0 passed).
"""

import unicodedata
from typing import Literal

import msgspec

from keyturn.core.facts import Oversight
from keyturn.core.hidden import mixes_alphabets
from keyturn.errors import Conflict, InvalidInput

KEYS_NEEDED = {Oversight.ONE_KEY: 1, Oversight.TWO_KEY: 2}


def person_id(name: str) -> str:
    """One spelling for one person: NFKC, case folded, without surrounding or zero-width space.

    Raises :class:`InvalidInput` for an empty name, one with control or format characters left in it, and one with
    a word of Latin letters and others that look like them.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip()
    if not folded or len(folded) > 200:
        raise InvalidInput("a person's name is empty or over 200 characters")
    if any(unicodedata.category(ch) in {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"} for ch in folded):
        raise InvalidInput(f"{name!r} holds invisible characters", hint="write the name in plain letters")
    if mixes_alphabets(folded):
        raise InvalidInput(f"{name!r} mixes alphabets that look alike", hint="write each word in one alphabet")
    return " ".join(folded.split())


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One person's yes to one digest, under one policy and one definition of the tool.

    ``method``: signed by the passkey ``credential``, or said under a token.
    """

    person: str
    digest: str
    policy: str
    definition: str
    turned_at: int
    method: Literal["token", "passkey"] = "token"
    credential: str = ""


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """An action that waits for keys. ``expires_at`` denies: a time-out is never a yes, nor a person's no.

    ``touches`` as in the facts that opened it; ``escalates_at``: when further roles begin to count (0 is never, or no
    more); ``drill``: the secret mark of a test action, which nothing ever runs.
    """

    action: str
    digest: str
    policy: str
    definition: str
    oversight: Oversight
    opened_at: int
    expires_at: int
    keys: tuple[Key, ...] = ()
    touches: tuple[str, ...] = ()
    escalates_at: int = 0
    drill: str = ""

    def counted(self) -> tuple[Key, ...]:
        """The keys that still fit what the people saw: digest, policy and definition, one for each person."""
        by_person: dict[str, Key] = {}
        for key in self.keys:
            if (key.digest, key.policy, key.definition) == (self.digest, self.policy, self.definition):
                by_person.setdefault(key.person, key)
        return tuple(by_person.values())

    def missing(self) -> int:
        """How many more people's keys it takes by number alone; the policy may ask for more (who, how long)."""
        return max(0, KEYS_NEEDED[self.oversight] - len(self.counted()))

    def with_key(self, key: Key, now: int) -> "Hold":
        """The hold with one more key; :class:`Conflict` if it is not for this digest, or comes late or twice."""
        if now >= self.expires_at:
            raise Conflict(f"the hold on {self.action} has expired", hint="the agent must propose it again")
        if key.digest != self.digest:
            raise Conflict("this key is for another digest", hint="look at the action again, then turn the key")
        if any(k.person == key.person for k in self.counted()):
            raise Conflict(f"{key.person} has already turned a key", hint="another person's key is needed")
        return msgspec.structs.replace(self, keys=(*self.keys, key))

    def without(self, credential: str) -> "Hold":
        """The hold without the keys that this passkey turned: it is revoked."""
        return msgspec.structs.replace(self, keys=tuple(k for k in self.keys if k.credential != credential))

    def renewed(self, oversight: Oversight, policy: str, definition: str) -> "Hold":
        """The same hold as it must be judged now; keys turned on what has changed since count no more."""
        return msgspec.structs.replace(self, oversight=oversight, policy=policy, definition=definition)
