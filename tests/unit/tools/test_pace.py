"""How soon something that keeps failing is tried again."""

from keyturn.tools.pace import Pace


def test_it_doubles_up_to_the_cap_and_starts_over_when_all_is_well() -> None:
    pace = Pace(1.0, 10.0, lambda: 1.0)
    assert pace.wait(0.0) == 0.0
    assert [pace.failed(0.0) for _ in range(6)] == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    assert pace.wait(4.0) == 6.0
    assert pace.wait(11.0) == 0.0
    pace.worked()
    assert pace.failed(20.0) == 1.0


def test_what_lasted_long_enough_did_not_fail_in_a_row() -> None:
    pace = Pace(1.0, 10.0, lambda: 1.0)
    assert [pace.failed(0.0), pace.failed(0.0, 9.9), pace.failed(0.0, 10.0)] == [1.0, 2.0, 1.0]


def test_jitter_spreads_the_tries() -> None:
    spread = iter([0.5, 1.5])
    pace = Pace(2.0, 10.0, lambda: next(spread))
    assert [pace.failed(0.0), pace.failed(0.0)] == [1.0, 6.0]
    assert Pace(1.0, 10.0, lambda: 1.0).failed(100.0) == 1.0


def test_a_thousand_failures_do_not_overflow() -> None:
    pace = Pace(1.0, 30.0, lambda: 1.0)
    assert max(pace.failed(0.0) for _ in range(2000)) == 30.0
