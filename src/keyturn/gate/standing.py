"""How a person stands to a hold: with which roles, for whom, how tired, and who else could turn a key on it.

A deputy has the roles of the absent person too, and nothing else of theirs: counts once, has no roles from somebody who
turns a key there in person, and, where those roles are needed, is not independent of what the absent is involved in.
"""

from collections.abc import Sequence

import msgspec

from keyturn.core.action import Action
from keyturn.core.facts import Facts
from keyturn.core.hold import Hold
from keyturn.core.policy import ReleaseFacts, Ruling, TurnFacts
from keyturn.core.quorum import KeySet, Tally, helps, sets_for, sets_of, tally
from keyturn.gate.care_records import Budget, Deputy
from keyturn.gate.context import Context
from keyturn.gate.ports import Tx
from keyturn.gate.records import DECIDERS, ActionRecord, Person

replace = msgspec.structs.replace
QUORUM = "guardrail-9-quorum"
HOUR_MS = 3600 * 1000


class Standing(msgspec.Struct, frozen=True):
    """A person at a hold: all roles that count there, and for whom the person stands in. ``pairs``: whose involvement
    the person shares, (deputy, absent)."""

    person: Person
    roles: tuple[str, ...]
    deputy_for: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]


def people_behind(tx: Tx, hold: Hold, now: int) -> list[Person]:
    """The people whose keys count now: each once, and only while they are not revoked."""
    found = (tx.person(key.person) for key in hold.counted())
    return [p for p in found if p is not None and (p.revoked_at is None or p.revoked_at > now)]


def standing(tx: Tx, hold: Hold, person: Person, deputies: Sequence[Deputy], now: int) -> Standing:
    """How one person stands; ``deputies`` are those that reach past the hold's opening."""
    mine = [each for each in deputies if each.deputy == person.id and each.since <= now]
    turned = {key.person for key in hold.counted()}
    roles: dict[str, None] = dict.fromkeys(role.value for role in person.roles)
    stands_for = []
    for each in mine:
        absent = tx.person(each.absent)
        if absent is not None and absent.revoked_at is None and each.live(now) and absent.id not in turned:
            roles.update(dict.fromkeys(role.value for role in absent.roles if role in DECIDERS))
            stands_for.append(absent.id)
    return Standing(person, tuple(roles), tuple(stands_for), tuple((each.deputy, each.absent) for each in mine))


def standings(tx: Tx, hold: Hold, now: int) -> list[Standing]:
    """How the people stand whose keys count."""
    deputies = tx.care.deputies(hold.opened_at)
    return [standing(tx, hold, person, deputies, now) for person in people_behind(tx, hold, now)]


def tally_of(sets: Sequence[KeySet], stand: Sequence[Standing], hold: Hold, now: int) -> Tally:
    """Who counts where, and what is missing."""
    return tally(sets, {each.person.id: each.roles for each in stand}, now - hold.opened_at)


def spelled(ruling: Ruling, count: Tally) -> Ruling:
    """The ruling with what the quorum still lacks in the words of its reason."""
    reasons = tuple(
        replace(r, why=f"it still takes {' and '.join(count.words)}") if r.policy == QUORUM and count.words else r
        for r in ruling.reasons
    )
    return replace(ruling, reasons=reasons)


def wanted(ctx: Context, tx: Tx, record: ActionRecord, now: int) -> tuple[str, ...]:
    """What a hold lacks, in words, from the row alone (no tool needs to be there)."""
    hold = record.hold
    if hold is None:
        return ()
    sets = sets_of(ctx.quorum, hold.oversight, hold.touches, str(record.tool), record.stage)
    return tally_of(sets, standings(tx, hold, now), hold, now).words


def release_facts(
    ctx: Context, action: Action, hold: Hold, facts: Facts, stand: Sequence[Standing]
) -> tuple[ReleaseFacts, Tally]:
    """What the policy is asked with, and the tally that is in it.

    Being named a deputy binds nobody (else an absent person could take away everybody's independence): where the keys
    are not enough with the absent ones' roles, those count as themselves whose own roles do as much.
    """
    asked = _asked(ctx, action, hold, facts, stand)
    if not any(each.pairs for each in stand) or ctx.policy.may_release(asked[0]).allowed:
        return asked
    return _asked(ctx, action, hold, facts, _as_themselves(ctx, action, hold, facts, stand))


def _as_themselves(
    ctx: Context, action: Action, hold: Hold, facts: Facts, stand: Sequence[Standing]
) -> tuple[Standing, ...]:
    """The people, without their deputyships where their own roles let them turn the key and fill as many places."""
    sets, found = sets_for(ctx.quorum, hold.oversight, facts), list(stand)
    for place_of, each in enumerate(found):
        if not each.pairs:
            continue
        own = Standing(each.person, tuple(role.value for role in each.person.roles), (), ())
        turn = TurnFacts(
            facts=facts,
            action=action.id,
            oversight=hold.oversight,
            person=own.person.id,
            roles=own.roles,
            already_turned=False,
            method="passkey",
            has_passkey=True,
        )
        without = [*found[:place_of], own, *found[place_of + 1 :]]
        before, after = (tally_of(sets, people, hold, facts.now) for people in (found, without))
        if len(after.counted) == len(before.counted) and ctx.policy.may_turn(turn).allowed:
            found[place_of] = own
    return tuple(found)


def _asked(
    ctx: Context, action: Action, hold: Hold, facts: Facts, stand: Sequence[Standing]
) -> tuple[ReleaseFacts, Tally]:
    count = tally_of(sets_for(ctx.quorum, hold.oversight, facts), stand, hold, facts.now)
    people = {each.person.id for each in stand}
    asked = ReleaseFacts(
        facts=facts,
        action=action.id,
        oversight=hold.oversight,
        people=tuple(each.person.id for each in stand),
        roles=tuple(sorted({role for each in stand for role in each.roles})),
        held_for_ms=facts.now - hold.opened_at,
        co_authors=action.narrowed.by if action.narrowed is not None else (),
        passkeys=sum(key.method == "passkey" and key.person in people for key in hold.counted()),
        quorum_met=count.met,
        deputies=tuple(pair for each in stand for pair in each.pairs),
    )
    return asked, count


def budget(ctx: Context, tx: Tx, person: str, now: int) -> Budget:
    """The person's keys of the last hour."""
    return Budget(tx.care.turned_since(person, now - HOUR_MS), ctx.care.keys_per_hour)


class Place(msgspec.Struct, frozen=True):
    """One question: how does this person stand to this hold, on these facts?"""

    turn: TurnFacts
    standing: Standing
    helps: bool
    independent: bool


def place(ctx: Context, tx: Tx, action: Action, hold: Hold, facts: Facts, person: Person) -> Place:
    """Everything that decides whether this person may turn a key here, and whether it would help."""
    now, deputies = facts.now, tx.care.deputies(hold.opened_at)
    stand = [standing(tx, hold, each, deputies, now) for each in people_behind(tx, hold, now)]
    mine = standing(tx, hold, person, deputies, now)
    would, independent = _useful(ctx, action, hold, facts, stand, mine)
    turn = replace(
        _turn(tx, action, hold, facts, mine),
        tired=budget(ctx, tx, person.id, now).tired,
        others=_others(ctx, tx, action, hold, facts, stand, person, deputies),
    )
    return Place(turn, mine, would, independent)


def _turn(tx: Tx, action: Action, hold: Hold, facts: Facts, stand: Standing) -> TurnFacts:
    """The question for somebody who turns a key as this person would: with a passkey, if there is one."""
    has_passkey = tx.access.has_passkey(stand.person.id)
    return TurnFacts(
        facts=facts,
        action=action.id,
        oversight=hold.oversight,
        person=stand.person.id,
        roles=stand.roles,
        already_turned=any(key.person == stand.person.id for key in hold.counted()),
        method="passkey" if has_passkey else "token",
        has_passkey=has_passkey,
    )


def _useful(
    ctx: Context, action: Action, hold: Hold, facts: Facts, stand: Sequence[Standing], one: Standing
) -> tuple[bool, bool]:
    """Would this person's key bring the hold nearer to its release, and is the person independent?"""
    asked, _ = release_facts(ctx, action, hold, facts, (*stand, one))
    there = ctx.policy.independent(asked)
    alone = one.person.id in there
    if any(each.person.id == one.person.id for each in stand):
        return False, alone
    before = {each.person.id: each.roles for each in stand}
    sets = sets_for(ctx.quorum, hold.oversight, facts)
    fills = helps(sets, before, one.person.id, one.roles, facts.now - hold.opened_at)
    return fills or (alone and there == {one.person.id}), alone


def _others(
    ctx: Context,
    tx: Tx,
    action: Action,
    hold: Hold,
    facts: Facts,
    stand: Sequence[Standing],
    person: Person,
    deputies: Sequence[Deputy],
) -> int:
    """How many other people are there, rested, may turn a key on it by the policy, and would help by it."""
    now = facts.now
    away = {each.absent for each in deputies if each.live(now)}
    since = now - ctx.care.there_s * 1000
    signed_in = {session.person for session in tx.access.sessions(None, now) if session.seen_at > since}
    there = (tx.care.seen_since(since) | signed_in) - away - {person.id}
    found = 0
    for other in tx.people():
        if other.id not in there or other.revoked_at is not None or DECIDERS.isdisjoint(other.roles):
            continue
        theirs = standing(tx, hold, other, deputies, now)
        may = ctx.policy.may_turn(_turn(tx, action, hold, facts, theirs)).allowed
        rested = not budget(ctx, tx, other.id, now).tired
        found += may and rested and _useful(ctx, action, hold, facts, stand, theirs)[0]
    return found
