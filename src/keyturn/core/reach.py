"""Can these policies hold together? A search over the finite space of facts that their conditions look at.

A condition is a boolean tree over *atoms*. An atom that compares one fact with constants is judged over the values
that make a difference (each literal, each neighbour of a number, each subset of the words that are looked for).
Any other atom is *opaque*: it may be true or false, whatever the facts. So "impossible" is always right, and
"possible" is right as far as no opaque atom and no tie between two facts was needed for it.
"""

import operator
from collections.abc import Callable, Iterable, Mapping
from itertools import chain, combinations
from typing import Any, Final

import msgspec
from cedarpy import pst

from keyturn.core.cedar import Rule
from keyturn.core.facts import Oversight
from keyturn.core.profile import Basis, Reversible, Stage, Touches

Variable = tuple[str, ...] | pst.Expr | pst.PrincipalOrResourceConstraint
"""A fact by its path in the context, or an opaque atom."""

LIMIT: Final = 20_000
PRINCIPAL: Final = ("principal",)
_OTHER: Final = "(another)"
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "stage": tuple(Stage),
    "reversible": tuple(Reversible),
    "basis": tuple(Basis),
    "oversight": tuple(level.word for level in Oversight),
}
_MAX_WORDS: Final = 7
_TESTS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "eq": operator.eq,
    "not_eq": operator.ne,
    "less": operator.lt,
    "less_eq": operator.le,
    "greater": operator.gt,
    "greater_eq": operator.ge,
    "contains": lambda words, word: word in words,
    "contains_all": operator.ge,
    "contains_any": lambda words, sought: bool(words & sought),
}
_SETS: Final = frozenset({"contains", "contains_all", "contains_any"})


class Atom(msgspec.Struct, frozen=True):
    """A comparison of one fact with a constant."""

    path: tuple[str, ...]
    op: str
    literal: Any

    def holds(self, value: Any) -> bool:
        """True if it holds for this value of the fact."""
        if self.op == "is_empty":
            return not value
        if self.op == "in_words":
            return value in self.literal
        return _TESTS[self.op](value, self.literal)


def path_of(expr: object) -> tuple[str, ...] | None:
    """``context.a.b`` as ``("a", "b")``; ``None`` for anything else."""
    parts: list[str] = []
    while isinstance(expr, pst.GetAttr):
        parts.append(expr.attr)
        expr = expr.base
    return tuple(reversed(parts)) if parts and expr == pst.Var("context") else None


def _literal(expr: object) -> Any:
    if isinstance(expr, pst.StringLit | pst.LongLit | pst.BoolLit):
        return expr.value
    if isinstance(expr, pst.Set) and all(isinstance(e, pst.StringLit) for e in expr.elements):
        return frozenset(_literal(element) for element in expr.elements)
    return None


def atom_of(expr: pst.Expr) -> Atom | None:
    """The atom that an expression is, or ``None`` if it is opaque or not an atom."""
    if (path := path_of(expr)) is not None:
        return Atom(path, "eq", True)
    if isinstance(expr, pst.UnaryOp) and expr.op == "is_empty" and (path := path_of(expr.arg)):
        return None if path[-1] == "targets" else Atom(path, "is_empty", None)
    if not isinstance(expr, pst.BinaryOp) or expr.op not in _TESTS:
        return None
    if expr.op in ("eq", "not_eq") and (isinstance(expr.left, pst.Set) or isinstance(expr.right, pst.Set)):
        return None
    path, literal = path_of(expr.left), _literal(expr.right)
    if path is not None and literal is not None:
        return Atom(path, expr.op, literal)
    path, literal = path_of(expr.right), _literal(expr.left)
    if path is None or literal is None:
        return None
    if expr.op in ("eq", "not_eq"):
        return Atom(path, expr.op, literal)
    return Atom(path, "in_words", literal) if expr.op == "contains" else None


def _inner(expr: pst.Expr) -> tuple[pst.Expr, ...]:
    """The boolean parts of a connective; empty for an atom."""
    if isinstance(expr, pst.UnaryOp) and expr.op == "not":
        return (expr.arg,)
    if isinstance(expr, pst.BinaryOp) and expr.op in ("and", "or"):
        return (expr.left, expr.right)
    if isinstance(expr, pst.IfThenElse):
        return (expr.cond, expr.then_expr, expr.else_expr)
    return ()


def leaves(rule: Rule) -> Iterable[pst.Expr]:
    """Every atom or opaque part of a policy's conditions."""
    stack: list[pst.Expr] = [clause.expr for clause in rule.tree.clauses]
    while stack:
        expr = stack.pop()
        inner = _inner(expr)
        stack.extend(inner)
        if not inner and not isinstance(expr, pst.BoolLit):
            yield expr


def _domain(path: tuple[str, ...], atoms: Iterable[Atom]) -> tuple[Any, ...] | None:
    """The values of a fact that make a difference to these atoms; ``None`` if there are too many."""
    atoms = list(atoms)
    literals = [atom.literal for atom in atoms]
    if any(atom.op in (*_SETS, "is_empty") for atom in atoms):
        words = sorted(set(chain.from_iterable({w} if isinstance(w, str) else w or () for w in literals)))
        words += [_OTHER] if path[-1] != "touches" or set(words) < set(Touches) else []
        if len(words) > _MAX_WORDS:
            return None
        sizes = range(len(words) + 1)
        return tuple(frozenset(subset) for size in sizes for subset in combinations(words, size))
    if any(isinstance(literal, bool) for literal in literals):
        return (False, True)
    if all(isinstance(literal, int) for literal in literals):
        return tuple(sorted({max(0, n + d) for n in literals for d in (-1, 0, 1)}))
    if path[-1] in _WORDS:
        return _WORDS[path[-1]]
    words = sorted(set(chain.from_iterable({w} if isinstance(w, str) else w for w in literals)))
    return (*words, _OTHER)


class Space:
    """The facts that a set of policies can tell apart, for the principals that an action can have."""

    def __init__(self, rules: Iterable[Rule], principals: tuple[str, ...]) -> None:
        grouped: dict[tuple[str, ...], list[Atom]] = {}
        for atom in (atom_of(leaf) for rule in rules for leaf in leaves(rule)):
            if atom is not None:
                grouped.setdefault(atom.path, []).append(atom)
        self._domains = {path: _domain(path, atoms) for path, atoms in grouped.items()}
        self._domains[PRINCIPAL] = principals

    def domain(self, variable: Variable) -> tuple[Any, ...]:
        """The values to try for a variable; an opaque one is true or false."""
        known = self._domains.get(variable) if isinstance(variable, tuple) else None
        return (False, True) if known is None else known

    def judge(self, expr: pst.Expr, env: Mapping[Variable, Any]) -> bool | Variable:
        """The truth of a condition under what is known, or the variable to know next."""
        if isinstance(expr, pst.BoolLit):
            return expr.value
        if isinstance(expr, pst.UnaryOp) and expr.op == "not":
            inner = self.judge(expr.arg, env)
            return not inner if isinstance(inner, bool) else inner
        if isinstance(expr, pst.BinaryOp) and expr.op in ("and", "or"):
            return _join((self.judge(expr.left, env), self.judge(expr.right, env)), expr.op == "or")
        if isinstance(expr, pst.IfThenElse):
            cond = self.judge(expr.cond, env)
            return self.judge(expr.then_expr if cond else expr.else_expr, env) if isinstance(cond, bool) else cond
        if isinstance(expr, pst.Is) and expr.base == pst.Var("principal") and expr.in_expr is None:
            return env[PRINCIPAL] == str(expr.entity_type) if PRINCIPAL in env else PRINCIPAL
        atom = atom_of(expr)
        variable: Variable = expr
        if atom is not None and self._domains.get(atom.path) is not None:
            return atom.holds(env[atom.path]) if atom.path in env else atom.path
        return bool(env[variable]) if variable in env else variable

    def holds(self, rule: Rule, env: Mapping[Variable, Any]) -> bool | Variable:
        """Whether a policy applies under what is known, or the variable to know next."""
        parts: list[bool | Variable] = []
        for scope in (rule.tree.principal, rule.tree.resource):
            if isinstance(scope, pst.ScopeIs) and scope is rule.tree.principal:
                parts.append(env[PRINCIPAL] == str(scope.entity_type) if PRINCIPAL in env else PRINCIPAL)
            elif not isinstance(scope, pst.ScopeAny | pst.ScopeIs):
                parts.append(bool(env[scope]) if scope in env else scope)
        for clause in rule.tree.clauses:
            part = self.judge(clause.expr, env)
            parts.append(part if isinstance(clause, pst.When) or not isinstance(part, bool) else not part)
        return _join(parts, False)


def _join(parts: Iterable[bool | Variable], decisive: bool) -> bool | Variable:
    """``and`` (decided by False) or ``or`` (decided by True) over what may not be known yet."""
    unknown: bool | Variable = not decisive
    for part in parts:
        if part is decisive:
            return decisive
        if not isinstance(part, bool) and isinstance(unknown, bool):
            unknown = part
    return unknown


class TooManyCases(Exception):
    """The search gave up: nothing is claimed."""


def witness(space: Space, must: list[Rule], never: list[Rule]) -> dict[Variable, Any] | None:
    """Facts under which all of ``must`` apply and none of ``never`` does; ``None`` if there are none.

    Raises :class:`TooManyCases` after :data:`LIMIT` steps.
    """
    steps = 0
    stack: list[dict[Variable, Any]] = [{}]
    while stack:
        env = stack.pop()
        steps += 1
        if steps > LIMIT:
            raise TooManyCases
        wanted: Variable | None = None
        for rule, want in chain(((r, True) for r in must), ((r, False) for r in never)):
            part = space.holds(rule, env)
            if isinstance(part, bool):
                if part is not want:
                    break
            elif wanted is None:
                wanted = part
        else:
            if wanted is None:
                return env
            stack.extend({**env, wanted: value} for value in reversed(space.domain(wanted)))
    return None
