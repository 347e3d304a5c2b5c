"""Every error that Keyturn raises on purpose.

::

    KeyturnError
    ├── InvalidInput          what the caller sent can't be used
    │   ├── InvalidJson       not JSON, or JSON that two parsers may read differently
    │   └── InvalidArguments  arguments against the tool's own schema
    ├── Unauthenticated       no token, a wrong one, a revoked or expired one
    ├── Forbidden             known, but not allowed to do this
    ├── NotFound              no such action, mandate, person, tool …
    ├── Conflict              the thing exists, and its state forbids this step
    ├── ConfigError           keyturn.toml, a catalogue file or another file of the operator's
    ├── PolicyError           a policy that does not load, or that erred while deciding
    ├── ProfileError          a tool profile that can't be read
    ├── StoreError            the database refused or failed: nothing was done
    ├── JournalError          the log is malformed, or does not verify
    ├── ProviderError         the OpenID Connect provider does not answer, or answers what can't be
    ├── NotDelivered          somebody was to be told, and the target did not take it
    └── ToolError             a call to a tool behind the gate
        ├── ToolNotSent       it surely never left: nothing happened
        └── ToolLost          it left and no usable answer came: what happened is unknown

Beside them, on the caller's side only (``keyturn.sdk``): ``Unreachable``, and ``NotDone`` with ``Held`` and ``Denied``.

A message says what happened, where, and what would do. It never holds a secret.
"""


class KeyturnError(Exception):
    """The root. ``code`` is the stable word for it on every surface; ``hint`` says what would do."""

    code = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class InvalidInput(KeyturnError):
    """What the caller sent can't be used; nothing was done."""

    code = "invalid_input"


class InvalidJson(InvalidInput):
    """Not JSON, or JSON that two parsers may read differently (RFC 8785 needs I-JSON)."""

    code = "invalid_json"


class InvalidArguments(InvalidInput):
    """The arguments do not fit the tool's own input schema."""

    code = "invalid_arguments"


class Unauthenticated(KeyturnError):
    """No credential, or one that is wrong, revoked or expired."""

    code = "unauthenticated"


class Forbidden(KeyturnError):
    """The caller is known, and may not do this. ``reasons``: where a policy says no, its id and why, one each."""

    code = "forbidden"

    def __init__(self, message: str, *, hint: str = "", reasons: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.reasons = reasons


class NotFound(KeyturnError):
    """There is no such thing, or the caller may not know of it."""

    code = "not_found"


class Conflict(KeyturnError):
    """The thing exists, and its state forbids this step."""

    code = "conflict"


class ConfigError(KeyturnError):
    """A file of the operator's can't be used."""

    code = "config"


class PolicyError(KeyturnError):
    """A policy that does not load, or that erred while deciding: the answer is no."""

    code = "policy"


class ProfileError(KeyturnError):
    """A tool profile that can't be read: the tool counts as the worst case."""

    code = "profile"


class StoreError(KeyturnError):
    """The database refused or failed: the change was not made."""

    code = "store"


class JournalError(KeyturnError):
    """The log is malformed, or does not verify."""

    code = "journal"


class ProviderError(KeyturnError):
    """The provider through which people sign in does not answer, or answers what can't be: nobody came in."""

    code = "provider"


class NotDelivered(KeyturnError):
    """A target did not take a notice. The message holds nothing of the target's address.

    ``final``: it never will. ``retry_after_s``: not before then.
    """

    code = "not_delivered"

    def __init__(self, message: str, *, hint: str = "", final: bool = False, retry_after_s: float = 0.0) -> None:
        super().__init__(message, hint=hint)
        self.final = final
        self.retry_after_s = retry_after_s


class ToolError(KeyturnError):
    """A call to a tool behind the gate went wrong. ``action``: the id to look at, or ``""`` for a call of no action."""

    code = "tool"

    def __init__(self, message: str, *, hint: str = "", action: str = "") -> None:
        super().__init__(message, hint=hint)
        self.action = action


class ToolNotSent(ToolError):
    """The call surely never left: nothing happened in the world."""

    code = "tool_not_sent"


class ToolLost(ToolError):
    """The call left and no usable answer came: what happened is unknown."""

    code = "tool_lost"
