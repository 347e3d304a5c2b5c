"""The state machine: every transition there is, and no other."""

import pytest

from keyturn.core.execution import OPEN, STEPS, State, Step, advance
from keyturn.errors import Conflict

ALLOWED = {
    "held": "keys_complete>ready refuse>refused expire>expired withdraw>withdrawn deny>denied drilled>withdrawn",
    "ready": "release>executing hold_again>held deny>denied refuse>refused expire>expired withdraw>withdrawn",
    "executing": "succeed>succeeded succeed_unconfirmed>confirming fail>failed lose>unknown",
    "confirming": "confirm>succeeded revert>reverting",
    "succeeded": "revert>reverting",
    "reverting": "revert_done>reverted revert_lost>unknown revert_later>confirming revert_unsent>succeeded",
    "unknown": "succeed>succeeded fail>failed revert>reverting revert_done>reverted retry>ready",
}
TABLE = {
    (State(state), Step(way.split(">")[0])): State(way.split(">")[1])
    for state, ways in ALLOWED.items()
    for way in ways.split()
}
RAN = {State.EXECUTING, State.CONFIRMING, State.SUCCEEDED, State.REVERTING, State.REVERTED}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("step", Step)
def test_every_transition_and_no_other(state: State, step: Step) -> None:
    after = TABLE.get((state, step))
    if after is None:
        with pytest.raises(Conflict, match="can't"):
            advance(state, step)
    else:
        assert advance(state, step) is after


def test_the_table_is_whole() -> None:
    assert STEPS == TABLE
    assert {step for _, step in TABLE} == set(Step)
    assert {state for state, _ in TABLE} == OPEN


def test_only_a_release_leads_to_execution() -> None:
    assert [pair for pair, after in STEPS.items() if after is State.EXECUTING] == [(State.READY, Step.RELEASE)]


@pytest.mark.parametrize("end", [State.DENIED, State.REFUSED, State.EXPIRED, State.WITHDRAWN, State.FAILED])
def test_what_ended_without_effect_stays_so(end: State) -> None:
    assert all(state is not end for state, _ in STEPS)


def test_what_was_executed_runs_again_only_through_a_retry_that_a_person_chose() -> None:
    back = {step for (state, step), after in STEPS.items() if after is State.READY and state is not State.HELD}
    assert back == {Step.RETRY}
    assert all(after not in {State.READY, State.HELD} for (state, _), after in STEPS.items() if state in RAN)
