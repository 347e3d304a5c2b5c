"""Why this verdict, and what would change it."""

from collections.abc import Callable

from keyturn.core.explain import alternatives, explain
from keyturn.core.facts import Facts
from keyturn.core.policy import Policy
from keyturn.core.profile import Reversible, Stage, Touches
from keyturn.packs import load_pack

MakeFacts = Callable[..., Facts]
PACK = load_pack("standard")
POLICY = Policy.load(PACK.schema, PACK.guardrails, PACK.sources)


def test_it_says_what_each_level_met(make_facts: MakeFacts) -> None:
    facts = make_facts(stage=Stage.RESPOND, reversible=Reversible.HARD, chain={"analysed": True})
    explained = explain(POLICY, facts)
    assert explained.verdict == POLICY.decide(facts)
    assert [(level.oversight, level.permitted) for level in explained.levels] == [
        ("free", False),
        ("confirm", False),
        ("one_key", False),
        ("two_key", True),
    ]
    assert "guardrail-4-detect-and-respond" in [reason.policy for reason in explained.levels[2].reasons]


def test_it_names_the_single_facts_that_would_change_it(make_facts: MakeFacts) -> None:
    held = explain(POLICY, make_facts(stage=Stage.RESPOND, reversible=Reversible.HARD, chain={"analysed": True}))
    lines = [change.words for change in held.changes]
    assert "if another agent had investigated the case: one_key" in lines
    assert "if it were outside the mandate: denied" in lines
    read = explain(POLICY, make_facts(touches=(Touches.SECRETS,)))
    assert "if a person's mandate named exactly these objects: free" in [change.words for change in read.changes]
    assert "if it did not touch secrets: free" in [change.words for change in read.changes]


def test_every_change_that_it_names_is_true_and_none_is_left_out(make_facts: MakeFacts) -> None:
    facts = make_facts(stage=Stage.RESPOND, reversible=Reversible.REVERSIBLE, has_inverse=True)
    verdict = POLICY.decide(facts).word
    expected = {
        (fact, instead, POLICY.decide(other).word)
        for fact, instead, _, other in alternatives(facts)
        if POLICY.decide(other).word != verdict
    }
    assert {(c.fact, c.instead, c.verdict) for c in explain(POLICY, facts).changes} == expected
    assert len(expected) > 10


def test_each_alternative_differs_from_the_facts_in_the_fact_it_names(make_facts: MakeFacts) -> None:
    facts = make_facts()
    for fact, _, words, other in alternatives(facts):
        assert other != facts, words
        changed = {name for name in Facts.__struct_fields__ if getattr(other, name) != getattr(facts, name)}
        assert changed - {"outside"} == {fact.partition(".")[0]}
