"""One check that breaks takes no other with it: what cannot be judged together is judged apart. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from releaseguard.cards.spec import Check
from releaseguard.model import Verdict
from releaseguard.traces import problem
from releaseguard.verification.evidence import BrokenEvidence
from releaseguard.verification.values import Finding, Promise, Rule

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parted(Generic[T]):
    """The outcome of judging rules: normally one part with all of them."""

    parts: Sequence[tuple[Sequence[Rule], T]]
    broken: Mapping[str, Exception]
    """What broke the judging of a rule, by its id."""

    @property
    def first(self) -> T | None:
        """Any part: all of them have read the same log. ``None`` where not even the log can be judged."""
        return self.parts[0][1] if self.parts else None

    def rule(self, name: str) -> Rule | None:
        """A rule as it was judged."""
        return next((rule for rules, _ in self.parts for rule in rules if rule.id == name), None)

    def of(self, rule: Rule) -> T:
        """The part in which a rule was judged. Raises what broke it."""
        if rule.id in self.broken:
            raise self.broken[rule.id]
        return next(part for rules, part in self.parts if rule in rules)


def judged_apart(judge: Callable[[Sequence[Rule], Promise], T], rules: Sequence[Rule], promise: Promise) -> Parted[T]:
    """All rules together; where that breaks, without those that break by themselves; where it breaks all the same,
    each alone, with an equal share of the promise, so that it still holds for all of them (Bonferroni's inequality).
    """
    together = _attempt(judge, rules, promise)
    if not isinstance(together, Exception):
        return Parted([(rules, together)], {})
    alone = {rule.id: _attempt(judge, [rule], promise) for rule in rules}
    broken = {name: found for name, found in alone.items() if isinstance(found, Exception)}
    sound = [rule for rule in rules if rule.id not in broken]
    rest = _attempt(judge, sound, promise)
    if not isinstance(rest, Exception):
        return Parted([(sound, rest)], broken)
    return _each_alone(judge, sound, promise, broken)


def _each_alone(
    judge: Callable[[Sequence[Rule], Promise], T],
    rules: Sequence[Rule],
    promise: Promise,
    broken: Mapping[str, Exception],
) -> Parted[T]:
    shared = replace(promise, false_alarm=promise.false_alarm / max(len(rules), 1))
    parts: list[tuple[Sequence[Rule], T]] = []
    more: dict[str, Exception] = {}
    for rule in rules:
        found = _attempt(judge, [rule], shared)
        if isinstance(found, Exception):
            more[rule.id] = found
        else:
            parts.append(([rule], found))
    return Parted(parts, {**broken, **more})


def _attempt(judge: Callable[[Sequence[Rule], Promise], T], rules: Sequence[Rule], promise: Promise) -> T | Exception:
    try:
        return judge(rules, promise)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this rule's and nobody else's
        return error


def not_judged(provider: str, check: Check | Rule, error: Exception, trace: str | None) -> Finding:
    """The finding of a check that broke: neither good nor bad is said of the release."""
    return Finding(
        id=check.id,
        provider=provider,
        kind=check.kind if isinstance(check, Rule) else str(type(check).__struct_config__.tag),
        verdict=Verdict.ERROR,
        blocking=check.blocking,
        undecided=check.undecided,
        reason=f"not judged: {problem(error, trace)}",
        evidence=BrokenEvidence(problem=type(error).__name__, trace=trace),
    )
