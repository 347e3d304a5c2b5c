"""Cedar as Keyturn uses it: rules with a place and a reason, and questions whose errors can't get lost.

Cedar skips a policy that errs, so a forbid that errs would let an action through. Here an error is part of the
:class:`Answer` and never beside a yes. The schema goes with every question.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from importlib.metadata import version
from typing import Literal

import cedarpy
import msgspec
from cedarpy import pst

from keyturn.core.profile import Stage
from keyturn.errors import PolicyError

ENGINE = f"cedarpy {version('cedarpy')}"
RUNS = ("free", "confirm", "one_key", "two_key", "read_while_stopped")
ACTIONS = (*RUNS, "turn_key", "release")

STAGES = frozenset(stage.value for stage in Stage)

GUARDRAILS = "guardrails.cedar"
GUARDRAIL_PREFIX = "guardrail-"
SCHEMA = "schema.cedarschema"

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_MAX_WHY = 300
_REMEMBERED, _REMEMBERED_LENGTH, _QUESTIONS = 2_048, 1_024, 512
_LEXEME = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|;|\S', re.DOTALL)
_json = msgspec.json.Encoder()
_NAMED = re.compile(r"policy `([a-z0-9._-]+)`")


class Problem(msgspec.Struct, frozen=True):
    """Something wrong with a policy: how bad, where (``file:line``), what, and what would do."""

    severity: Literal["error", "warning", "note"]
    where: str
    what: str
    hint: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.where}: {self.what} ({self.hint})"


class Rule(msgspec.Struct, frozen=True):
    """One policy as written: its ``@id``, ``@why`` and other annotations, where it stands, and its typed tree.

    ``guardrail``: it stands in front of the operator's sources, which can't override it.
    """

    id: str
    why: str
    where: str
    text: str
    tree: pst.Template
    guardrail: bool = False

    @property
    def effect(self) -> Literal["permit", "forbid"]:
        """Whether it allows or rules out."""
        return self.tree.effect

    def marked(self, annotation: str) -> bool:
        """True if the policy carries this annotation."""
        return annotation in self.tree.annotations

    def concerns(self, action: str) -> bool:
        """False only if the policy's scope surely leaves this action out."""
        scope = self.tree.action
        if isinstance(scope, pst.ActionEq):
            named = [scope.entity] if isinstance(scope.entity, pst.EntityUid) else []
        elif isinstance(scope, pst.ActionIn):
            named = list(scope.entities)
        else:
            return True
        plain = bool(named) and all(str(uid.type) == "Action" and uid.id in ACTIONS for uid in named)
        return not plain or any(uid.id == action for uid in named)

    def only_for(self, who: Literal["principal", "resource"]) -> str | None:
        """The one agent, or tool, that the policy's scope names; ``None`` if it names none, or in another way."""
        scope, kind = getattr(self.tree, who), {"principal": "Agent", "resource": "Tool"}[who]
        if isinstance(scope, pst.ScopeEq) and isinstance(scope.entity, pst.EntityUid):
            return scope.entity.id if str(scope.entity.type) == kind else None
        return None

    def stages(self) -> frozenset[str]:
        """The stages in which the policy can hold, as far as its first condition begins by asking for one.

        Cedar evaluates ``a && b`` from the left and stops at a false ``a``: in any other stage the policy neither
        holds nor errs.
        """
        first = self.tree.clauses[0] if self.tree.clauses else None
        expr = first.expr if isinstance(first, pst.When) else None
        while isinstance(expr, pst.BinaryOp) and expr.op == "and":
            expr = expr.left
        if (
            isinstance(expr, pst.BinaryOp)
            and expr.op in ("eq", "not_eq")
            and expr.left == pst.GetAttr(base=pst.Var("context"), attr="stage")
            and isinstance(expr.right, pst.StringLit)
        ):
            return frozenset(stage for stage in STAGES if (stage == expr.right.value) is (expr.op == "eq"))
        return STAGES


class Answer(msgspec.Struct, frozen=True):
    """What Cedar says to one question: allowed only if a permit holds, no forbid does, and nothing erred."""

    allowed: bool
    reasons: tuple[str, ...]
    errors: tuple[str, ...]


def statements(text: str) -> Iterator[tuple[int, str]]:
    """Each policy of a Cedar text with the line it starts on. What follows the last ``;`` comes too, unless empty."""
    start: int | None = None
    for lexeme in _LEXEME.finditer(text):
        if lexeme.group().startswith("//"):
            continue
        start = lexeme.start() if start is None else start
        if lexeme.group() == ";":
            yield text.count("\n", 0, start) + 1, text[start : lexeme.end()]
            start = None
    if start is not None:
        yield text.count("\n", 0, start) + 1, text[start:].rstrip()


def _read_rule(where: str, text: str, guardrail: bool) -> Rule | Problem:
    try:
        trees = cedarpy.PolicySet.from_str(text).to_pst()
    except ValueError as e:
        return Problem("error", where, f"this is not Cedar: {e}", "compare it with docs/spec/policy.md")
    if trees.templates or len(trees.static_policies) != 1:
        return Problem("error", where, "a template with ?principal or ?resource decides nothing", "write it out")
    (tree,) = trees.static_policies.values()
    name, why = tree.annotations.get("id", ""), tree.annotations.get("why", "")
    if not _ID.fullmatch(name):
        what = f"@id({name[:80]!r}) names no policy" if name else "a policy has no @id"
        return Problem("error", where, what, "lower-case letters, digits, dots and dashes, at most 100")
    if not why.strip() or len(why) > _MAX_WHY or not why.isprintable():
        hint = f"one plain line of at most {_MAX_WHY} characters, for an analyst at 3 a.m."
        return Problem("error", where, f"{name} does not say why in @why", hint)
    if name.startswith(GUARDRAIL_PREFIX) != guardrail:
        what = f"{name} is {'not named as' if guardrail else 'no guardrail, but named like'} a guardrail"
        return Problem("error", where, what, f"only guardrails are named {GUARDRAIL_PREFIX}…")
    if guardrail and tree.effect != "forbid":
        return Problem("error", where, f"{name} permits", "guardrails are forbids; put it into a pack")
    return Rule(name, why, where, text, replace(tree, id=name), guardrail)


def read_rules(guardrails: str, sources: Mapping[str, str]) -> tuple[tuple[Rule, ...], tuple[Problem, ...]]:
    """The policies in order, guardrails first, and what is wrong: syntax, ``@id``, ``@why``, duplicates."""
    rules: dict[str, Rule] = {}
    problems: list[Problem] = []
    texts = [(GUARDRAILS, guardrails, True), *((name, text, False) for name, text in sorted(sources.items()))]
    for source, text, guardrail in texts:
        for line, statement in statements(text):
            read = _read_rule(f"{source}:{line}", statement, guardrail)
            if isinstance(read, Problem):
                problems.append(read)
            elif read.id in rules:
                what = f"@id {read.id} is taken by {rules[read.id].where}"
                problems.append(Problem("error", read.where, what, "give each policy an id of its own"))
            else:
                rules[read.id] = read
    return tuple(rules.values()), tuple(problems)


def validate(schema: str, rules: tuple[Rule, ...]) -> tuple[Problem, ...]:
    """What Cedar's validator has against the policies under this schema, or against the schema itself."""
    try:
        parsed = cedarpy.Schema.from_str(schema)
    except ValueError as e:
        return (Problem("error", SCHEMA, f"the schema does not load: {e}", "restore the shipped schema"),)
    found = cedarpy.validate_policies("\n".join(rule.text for rule in rules), parsed)
    if found.validation_passed:
        return ()
    by_id = {rule.id: rule for rule in rules}
    problems: dict[Problem, None] = {}
    for error in found.errors:
        rule = by_id.get(found.id_annotations_by_policy_id.get(error.policy_id, ""))
        what = error.error.replace(f"`{error.policy_id}`", f"`{rule.id}`") if rule else error.error
        hint = "name facts as schema.cedarschema does, and say which actions it is about"
        problems[Problem("error", rule.where if rule else SCHEMA, what, hint)] = None
    return tuple(problems) or (
        Problem("error", SCHEMA, "Cedar's validator refuses the policies", "ask it: cedar validate"),
    )


def attributes_read(node: object) -> frozenset[str] | None:
    """The attributes of ``context`` that a policy can look at; ``None`` if it looks at the context as a whole."""
    if isinstance(node, pst.GetAttr) and node.base == pst.Var("context"):
        return frozenset((node.attr,))
    if isinstance(node, pst.HasAttr) and node.base == pst.Var("context"):
        return frozenset(node.attrs[:1])
    if node == pst.Var("context"):
        return None
    inner: Iterable[object] = ()
    if isinstance(node, Mapping):
        inner = node.values()
    elif isinstance(node, tuple):
        inner = node
    elif is_dataclass(node):
        inner = [getattr(node, field.name) for field in fields(node)]
    found: frozenset[str] = frozenset()
    for part in inner:
        read = attributes_read(part)
        if read is None:
            return None
        found |= read
    return found


def narrowed(schema: cedarpy.Schema, type_name: str, keep: frozenset[str]) -> cedarpy.Schema:
    """The schema with only these attributes left in one record type (Cedar prints one attribute a line)."""
    lines: list[str] = []
    inside = False
    for line in str(schema).splitlines():
        inside = line == f"type {type_name} = {{" or (inside and line != "};")
        if not inside or line.endswith("{") or line.partition(":")[0].strip() in keep:
            lines.append(line)
    return cedarpy.Schema.from_str("\n".join(lines))


class _Question(msgspec.Struct, frozen=True, eq=False):
    """What is asked: the policies, the schema, and the facts to send (``None`` is all). One object a question."""

    policies: cedarpy.PolicySet
    schema: cedarpy.Schema
    sends: tuple[str, ...] | None


class Engine:
    """A set of policies under a schema, ready to be asked. Immutable, and so are its answers.

    A question is put to the policies that its action, agent, tool and stage do not surely leave out, with the facts
    that these policies read, under the schema of these facts: what is left out could neither permit, forbid nor err.
    Most of the time goes into building the request and into each policy asked.
    """

    def __init__(self, schema: str, rules: tuple[Rule, ...]) -> None:
        try:
            self._schema = cedarpy.Schema.from_str(schema)
            self._entities = cedarpy.Entities.from_json_str("[]", self._schema)
            self._narrowed = lru_cache(maxsize=64)(lambda keep: narrowed(self._schema, "Facts", keep))
            self._rules = {action: [rule for rule in rules if rule.concerns(action)] for action in ACTIONS}
            self._agents = {name for rule in rules if (name := rule.only_for("principal")) is not None}
            self._tools = {name for rule in rules if (name := rule.only_for("resource")) is not None}
            self._question = lru_cache(maxsize=_QUESTIONS)(self._made)
            self._remembered = lru_cache(maxsize=_REMEMBERED)(self._put)
            for action in ACTIONS:
                for stage in STAGES if action in RUNS else (None,):
                    self._question(action, stage, "", "")
        except ValueError as e:
            raise PolicyError(f"{SCHEMA}: {e}", hint="restore the shipped schema") from None

    def _made(self, action: str, stage: str | None, agent: str, tool: str) -> _Question:
        """The question of an action in a stage; ``agent`` and ``tool`` are named only if some policy names them."""
        concerned = [
            rule
            for rule in self._rules[action]
            if stage is None
            or (
                stage in rule.stages()
                and rule.only_for("principal") in (None, agent)
                and rule.only_for("resource") in (None, tool)
            )
        ]
        policies = cedarpy.PolicySet.from_pst(
            pst.PolicySet(
                templates=pst.FrozenMap(),
                static_policies=pst.FrozenMap({rule.id: rule.tree for rule in concerned}),
                template_links=(),
            )
        )
        read = attributes_read(tuple(rule.tree.clauses for rule in concerned))
        if read is None or stage is None:
            return _Question(policies, self._schema, None)
        return _Question(policies, self._narrowed(read), tuple(sorted(read)))

    def ask(self, principal: tuple[str, str], action: str, resource: tuple[str, str], context: object) -> Answer:
        """May ``principal`` do ``action`` on ``resource``? Each of the two is a type and an id.

        ``context`` is a struct or dict as in the schema. Raises :class:`PolicyError` if it has no JSON. The same
        question has the same answer, so a short one that was just asked is not put to Cedar again.
        """
        stage = getattr(context, "stage", None) if action in RUNS else None
        question = self._question(
            action,
            str(stage) if stage in STAGES else None,
            principal[1] if principal[1] in self._agents else "",
            resource[1] if resource[1] in self._tools else "",
        )
        if question.sends is not None:
            context = {name: getattr(context, name) for name in question.sends}
        try:
            sent = _json.encode(context).decode()
        except (ValueError, TypeError) as e:
            raise PolicyError(f"the facts have no JSON: {e}", hint="nothing is decided on them") from None
        short = question.sends is not None and len(sent) <= _REMEMBERED_LENGTH
        return (self._remembered if short else self._put)(question, principal, action, resource, sent)

    def _put(
        self, question: _Question, principal: tuple[str, str], action: str, resource: tuple[str, str], context: str
    ) -> Answer:
        result = cedarpy.is_authorized(
            {
                "principal": {"type": principal[0], "id": principal[1]},
                "action": {"type": "Action", "id": action},
                "resource": {"type": resource[0], "id": resource[1]},
                "context": context,
            },
            question.policies,
            self._entities,
            question.schema,
        )
        diagnostics = result.diagnostics
        errors = tuple(diagnostics.errors)
        if result.decision is cedarpy.Decision.NoDecision and not errors:
            errors = ("Cedar gave no decision",)
        return Answer(result.allowed and not errors, tuple(diagnostics.reasons), errors)


def erring_policy(error: str) -> str:
    """The id of the policy that an error names, or ``""`` when the question itself could not be put."""
    named = _NAMED.search(error)
    return named.group(1) if named else ""
