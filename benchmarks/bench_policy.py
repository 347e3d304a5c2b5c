"""Facts to verdict through Cedar, at 5, 50 and 500 policies, and where the time goes.

Run as a script. "asked" is a question that Cedar has to answer; "again" one that was just asked and is remembered.
The extra policies are an operator's: per tool, per case and per agent, permits and forbids over all actions. The
5-policy set is bare (no guardrails would fit); 50 and 500 have all the guardrails and the standard pack in front.
Medians in microseconds; a noisy machine shows in the spread of the three rounds.
"""

import json
import statistics
import time
from collections.abc import Callable

import cedarpy
import msgspec

from keyturn.core.action import Target
from keyturn.core.cedar import attributes_read, narrowed
from keyturn.core.facts import Chain, Credential, Facts
from keyturn.core.policy import Policy
from keyturn.core.profile import Basis, Reversible, Stage
from keyturn.packs import load_pack

ROUNDS, CALLS = 3, 1_500
BARE = [
    'permit (principal, action == Action::"free", resource) when { context.stage == "analyse" };',
    'forbid (principal, action in [Action::"free", Action::"one_key"], resource) unless { context.in_mandate };',
    'permit (principal, action == Action::"one_key", resource) when { context.reversible == "reversible" };',
    'permit (principal, action == Action::"two_key", resource);',
    'forbid (principal, action == Action::"free", resource) when { context.quarantined };',
]
EXTRA = [
    'forbid (principal, action == Action::"free", resource == Tool::"edr/tool_{n}") when {{ context.crown_jewel }};',
    'permit (principal, action == Action::"one_key", resource) when {{ context.case == "case-{n}" }};',
    'forbid (principal == Agent::"agent-{n}", action in [Action::"confirm", Action::"one_key"], resource);',
    'permit (principal, action == Action::"confirm", resource == Tool::"mail/t_{n}") when {{ context.has_inverse }};',
    'forbid (principal, action in [Action::"free", Action::"confirm"], resource) when {{ context.issuer == "p{n}" }};',
]


def _annotated(texts: list[str]) -> str:
    return "\n".join(f'@id("extra-{n}") @why("an operator said so") {text}' for n, text in enumerate(texts))


def policy_of(size: int) -> Policy:
    """A policy set of exactly ``size`` policies."""
    pack = load_pack("standard")
    if size <= len(BARE):
        return Policy.load(pack.schema, "", {"bare.cedar": _annotated(BARE[:size])})
    shipped = Policy.load(pack.schema, pack.guardrails, pack.sources)
    extra = [EXTRA[n % len(EXTRA)].format(n=n) for n in range(size - len(shipped.rules))]
    return Policy.load(pack.schema, pack.guardrails, {**pack.sources, "team.cedar": _annotated(extra)})


def facts_of_a_read() -> Facts:
    """A plain read inside its mandate."""
    return Facts(
        now=1_790_000_000_000,
        agent="triage-bot",
        owner="olga",
        issuer="ivan",
        case="INC-1042",
        tool="edr/get_host",
        stage=Stage.ANALYSE,
        reversible=Reversible.NO_EFFECT,
        touches=(),
        basis=Basis.REVIEWED,
        has_inverse=False,
        targets=(Target("host", "ws-114"),),
        crown_jewel=False,
        production=False,
        names_objects=False,
        in_mandate=True,
        outside=(),
        within_blast_radius=True,
        chain=Chain(2, 1, analysed=True),
        credential=Credential(),
        quarantined=False,
        refused_before=False,
        stopped="",
    )


def median_us(call: Callable[[int], object]) -> float:
    """The best of some rounds' medians: what the machine does when the neighbours are quiet."""
    medians = []
    for _ in range(ROUNDS):
        taken = []
        for n in range(CALLS):
            started = time.perf_counter_ns()
            call(n)
            taken.append(time.perf_counter_ns() - started)
        medians.append(statistics.median(taken) / 1_000)
    return min(medians)


def run() -> dict[str, float]:
    """Microseconds by name: a read and a change at each size, and the parts of a read at 50."""
    read = facts_of_a_read()
    change = msgspec.structs.replace(read, stage=Stage.RESPOND, reversible=Reversible.HARD)
    figures: dict[str, float] = {}
    for size in (5, 50, 500):
        policy = policy_of(size)
        if len(policy.rules) != size:
            raise SystemExit(f"{len(policy.rules)} policies instead of {size}")
        expected = policy.decide(read).word, policy.decide(change).word
        if expected[0] != "free":
            raise SystemExit(f"a plain read is {expected[0]}")

        def fresh(facts: Facts, policy: Policy = policy) -> Callable[[int], object]:
            names = iter(range(10**9))
            return lambda _: policy.decide(msgspec.structs.replace(facts, agent=f"bot-{next(names)}"))

        figures[f"free_asked_{size}_us"] = median_us(fresh(read))
        figures[f"free_again_{size}_us"] = median_us(lambda _, p=policy: p.decide(read))  # type: ignore[misc]
        figures[f"{expected[1]}_asked_{size}_us"] = median_us(fresh(change))
    return {**figures, **where_the_time_goes(read)}


def where_the_time_goes(facts: Facts) -> dict[str, float]:
    """The parts of one authorization of a read at 50 policies: cumulative, so neighbours differ by one part.

    "Concerned" are the policies that action, stage, agent and tool do not leave out, "read" the facts that these look
    at: that is what is sent. "All" shows what it saves.
    """
    policy = policy_of(50)
    full = cedarpy.Schema.from_str(load_pack("standard").schema)
    entities = cedarpy.Entities.from_json_str("[]", full)
    concerned = [
        rule
        for rule in policy.rules
        if rule.concerns("free")
        and facts.stage in rule.stages()
        and rule.only_for("principal") in (None, facts.agent)
        and rule.only_for("resource") in (None, facts.tool)
    ]
    read = attributes_read(tuple(rule.tree.clauses for rule in concerned)) or frozenset()
    few = narrowed(full, "Facts", read)
    policies = cedarpy.PolicySet.from_str("\n".join(rule.text for rule in concerned))
    everything = cedarpy.PolicySet.from_str("\n".join(rule.text for rule in policy.rules))
    nothing = cedarpy.PolicySet.from_str("")
    whole = msgspec.json.encode(facts).decode()
    part = msgspec.json.encode({name: getattr(facts, name) for name in read}).decode()
    request = {
        "principal": {"type": "Agent", "id": facts.agent},
        "action": {"type": "Action", "id": "free"},
        "resource": {"type": "Tool", "id": facts.tool},
    }

    def ask(policies: cedarpy.PolicySet, context: str, schema: cedarpy.Schema | None) -> float:
        put = {**request, "context": context}
        return median_us(lambda _: cedarpy.is_authorized(put, policies, entities, schema))

    answer = json.dumps(cedarpy.is_authorized({**request, "context": whole}, everything, entities, full)._authz_resp)
    return {
        "part_empty_request_us": ask(nothing, "{}", None),
        f"part_with_the_{len(read)}_facts_read_us": ask(nothing, part, None),
        "part_with_their_schema_us": ask(nothing, part, few),
        f"part_with_the_{len(concerned)}_policies_concerned_us": ask(policies, part, few),
        "all_facts_schema_and_50_policies_us": ask(everything, whole, full),
        "part_facts_to_json_us": median_us(lambda _: msgspec.json.encode(facts)),
        "part_answer_from_json_us": median_us(lambda _: json.loads(answer)),
    }


def main() -> None:
    """Print the figures."""
    for name, value in run().items():
        print(f"{name:50} {value:10.1f}")


if __name__ == "__main__":
    main()
