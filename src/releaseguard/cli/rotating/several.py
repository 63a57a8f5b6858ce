"""``rotate --all`` and ``rotate --all-drifted``: several rotations in one call, with one report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from releaseguard.cli.rotating.carrying_out import carry_out, set_up
from releaseguard.cli.shared.confirm import ask
from releaseguard.cli.shared.options import Run
from releaseguard.cli.shared.streams import line_width
from releaseguard.errors import ExitCode, ReleaseguardError

if TYPE_CHECKING:
    from releaseguard.cards.spec import Card
    from releaseguard.rotation.drift.again import DriftedGroup
    from releaseguard.rotation.result import RotationResult, RotationsDocument
    from releaseguard.rotation.values import RotateRequest
    from releaseguard.wiring import Wiring


def rotate_drifted(
    run: Run, wiring: Wiring, groups: Sequence[DriftedGroup], make: Callable[[Card, str], RotateRequest]
) -> ExitCode:
    """Push the newest versions of ``groups`` again."""
    return _reported(run, _each(run, wiring, groups, make))


def rotate_all(
    run: Run, wiring: Wiring, make: Callable[[Card, str], RotateRequest], *, yes: bool, dry_run: bool
) -> ExitCode:
    """Rotate every group of every provider with destinations, the most harmful first, each with its own chain.

    All plans are shown and confirmed together. A rotation that fails does not stop the others.
    """
    groups = _every_group(wiring)
    if not groups:
        run.emit("No provider has destinations in this environment: nothing is managed.", document_of([]))
        return ExitCode.OK

    def planned(card: Card, secret: str) -> RotateRequest:
        return replace(make(card, secret), dry_run=True)

    plans = _each(run, wiring, groups, planned)
    if dry_run:
        return _reported(run, plans)
    if not yes:
        ask(_text(plans))
    return _reported(run, _each(run, wiring, groups, make))


def _every_group(wiring: Wiring) -> Sequence[DriftedGroup]:
    from releaseguard.rotation.drift.again import in_order_of_harm
    from releaseguard.rotation.drift.survey import secrets_of

    vault = wiring.bindings.vault
    stored = frozenset(vault.names())
    used = [(one, secret) for one in wiring.bindings.managed() for secret in secrets_of(one.card, stored)]
    made = {secret.name: vault.read(secret.name).updated_at for _, secret in used if secret.name in stored}
    return in_order_of_harm(used, made)


def _each(
    run: Run, wiring: Wiring, groups: Sequence[DriftedGroup], make: Callable[[Card, str], RotateRequest]
) -> Sequence[RotationResult]:
    """Rotate one group after the other. An interruption reports which were not begun; repeating the command continues
    with all."""
    results: list[RotationResult] = []
    try:
        results.extend(_one(run, wiring, group, make) for group in groups)
    except KeyboardInterrupt:
        begun = len(results) + 1
        done, rest = (", ".join(map(str, some)) or "none" for some in (groups[: len(results)], groups[begun:]))
        run.tell(f"Ended before: {done}. Interrupted: {groups[len(results)]}. Not begun: {rest}.")
        run.tell("Go on with all of them: the same command again.")
        raise
    return results


def _one(run: Run, wiring: Wiring, group: DriftedGroup, make: Callable[[Card, str], RotateRequest]) -> RotationResult:
    """One of several rotations; its failure does not stop the others."""
    from releaseguard.audit.chain import ChainKey
    from releaseguard.rotation.result import not_begun

    card = wiring.cards.get(group.provider)
    try:
        request = make(card, group.secret)
        context = set_up(run, wiring, card, request)
        return carry_out(run, wiring, request, context)
    except ReleaseguardError as error:
        names = [member.name for member in card.unit_of(group.secret)]
        return not_begun(ChainKey(card.id, wiring.settings.environment), error, names)


def _reported(run: Run, results: Sequence[RotationResult]) -> ExitCode:
    from releaseguard.report.layout.text import fitting
    from releaseguard.rotation.drift.again import worst

    run.emit(lambda: fitting(_text(results), line_width()), document_of(results))
    return worst(one.exit_code for one in results)


def document_of(results: Sequence[RotationResult]) -> RotationsDocument:
    """The JSON document of several rotations."""
    from releaseguard.rotation.drift.again import sorted_out

    return cast("RotationsDocument", {"rotations": [one.to_json() for one in results], **sorted_out(results)})


def _text(results: Sequence[RotationResult]) -> str:
    from releaseguard.rotation.drift.again import sorted_out
    from releaseguard.rotation.telling import text_of

    heads = [f"{word.replace('_', ' ')}: {', '.join(names)}" for word, names in sorted_out(results).items() if names]
    problems = {id(one): f"\n  {one.problem}\n  next: {one.next_step}" if one.problem else "" for one in results}
    return "\n\n".join(["\n".join(heads), *(text_of(one) + problems[id(one)] for one in results)])
