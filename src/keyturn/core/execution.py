"""The state machine of an action (design, section 2). Every transition that exists is in :data:`STEPS`."""

from enum import StrEnum

from keyturn.errors import Conflict


class State(StrEnum):
    """Where an action is. Only :data:`OPEN` states can still change."""

    DENIED = "denied"
    HELD = "held"
    READY = "ready"
    EXECUTING = "executing"
    CONFIRMING = "confirming"
    REVERTING = "reverting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"
    REVERTED = "reverted"
    REFUSED = "refused"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class Step(StrEnum):
    """What can happen to an action."""

    KEYS_COMPLETE = "keys_complete"
    HOLD_AGAIN = "hold_again"
    DENY = "deny"
    REFUSE = "refuse"
    EXPIRE = "expire"
    WITHDRAW = "withdraw"
    RELEASE = "release"
    SUCCEED = "succeed"
    SUCCEED_UNCONFIRMED = "succeed_unconfirmed"
    FAIL = "fail"
    LOSE = "lose"
    CONFIRM = "confirm"
    REVERT = "revert"
    REVERT_DONE = "revert_done"
    REVERT_LOST = "revert_lost"
    REVERT_LATER = "revert_later"
    REVERT_UNSENT = "revert_unsent"
    RETRY = "retry"
    DRILLED = "drilled"


STEPS: dict[tuple[State, Step], State] = {
    (State.HELD, Step.KEYS_COMPLETE): State.READY,
    (State.HELD, Step.REFUSE): State.REFUSED,
    (State.HELD, Step.EXPIRE): State.EXPIRED,
    (State.HELD, Step.WITHDRAW): State.WITHDRAWN,
    (State.HELD, Step.DENY): State.DENIED,
    (State.HELD, Step.DRILLED): State.WITHDRAWN,
    (State.READY, Step.RELEASE): State.EXECUTING,
    (State.READY, Step.HOLD_AGAIN): State.HELD,
    (State.READY, Step.DENY): State.DENIED,
    (State.READY, Step.REFUSE): State.REFUSED,
    (State.READY, Step.EXPIRE): State.EXPIRED,
    (State.READY, Step.WITHDRAW): State.WITHDRAWN,
    (State.EXECUTING, Step.SUCCEED): State.SUCCEEDED,
    (State.EXECUTING, Step.SUCCEED_UNCONFIRMED): State.CONFIRMING,
    (State.EXECUTING, Step.FAIL): State.FAILED,
    (State.EXECUTING, Step.LOSE): State.UNKNOWN,
    (State.CONFIRMING, Step.CONFIRM): State.SUCCEEDED,
    (State.CONFIRMING, Step.REVERT): State.REVERTING,
    (State.SUCCEEDED, Step.REVERT): State.REVERTING,
    (State.REVERTING, Step.REVERT_DONE): State.REVERTED,
    (State.REVERTING, Step.REVERT_LOST): State.UNKNOWN,
    (State.REVERTING, Step.REVERT_LATER): State.CONFIRMING,
    (State.REVERTING, Step.REVERT_UNSENT): State.SUCCEEDED,
    (State.UNKNOWN, Step.SUCCEED): State.SUCCEEDED,
    (State.UNKNOWN, Step.FAIL): State.FAILED,
    (State.UNKNOWN, Step.REVERT): State.REVERTING,
    (State.UNKNOWN, Step.REVERT_DONE): State.REVERTED,
    (State.UNKNOWN, Step.RETRY): State.READY,
}

_DONE = {
    Step.KEYS_COMPLETE: "get its keys",
    Step.HOLD_AGAIN: "be held again",
    Step.DENY: "be denied",
    Step.REFUSE: "be refused",
    Step.EXPIRE: "expire",
    Step.WITHDRAW: "be withdrawn",
    Step.DRILLED: "end as a drill",
    Step.RELEASE: "be released",
    Step.SUCCEED: "succeed",
    Step.SUCCEED_UNCONFIRMED: "succeed for a time",
    Step.FAIL: "fail",
    Step.LOSE: "be lost",
    Step.CONFIRM: "be confirmed",
    Step.REVERT: "be taken back",
    Step.REVERT_DONE: "have been taken back",
    Step.REVERT_LOST: "be lost while it is taken back",
    Step.REVERT_LATER: "be taken back later",
    Step.REVERT_UNSENT: "stay because its reversal was not sent",
    Step.RETRY: "be tried again",
}

OPEN = frozenset(state for state, _ in STEPS)


def advance(state: State, step: Step) -> State:
    """The state after a step, or :class:`Conflict`: no other code decides what may follow what."""
    after = STEPS.get((state, step))
    if after is None:
        raise Conflict(f"an action that is {state} can't {_DONE[step]}", hint="look at it again")
    return after
