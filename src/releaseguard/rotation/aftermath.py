"""A rotation and what belongs around it: what a leak exposed, the post-mortem, and closing the alerts that are
settled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from releaseguard.cards.load import Cards
from releaseguard.errors import ExitCode, LeaseHeld, Refused, ReleaseguardError
from releaseguard.harmless import harmless
from releaseguard.leaks.interface import AlertSource
from releaseguard.report.formats import POSTMORTEM
from releaseguard.report.layout.display import Display
from releaseguard.rotation.commands import rotate
from releaseguard.rotation.context import RotationContext
from releaseguard.rotation.exposure.alerts import close_revoked
from releaseguard.rotation.exposure.gather import ExposureSources, gather
from releaseguard.rotation.exposure.lookup import postmortem_of
from releaseguard.rotation.exposure.report import EVENT
from releaseguard.rotation.exposure.sentences import summary
from releaseguard.rotation.groups import unit_of
from releaseguard.rotation.history.events import LeakExposed
from releaseguard.rotation.history.journal import Journal
from releaseguard.rotation.history.reading import chain_query, chain_view, read
from releaseguard.rotation.history.views import RotationView
from releaseguard.rotation.planning.reporting import keep_leak, register_of
from releaseguard.rotation.result import RotationResult, held_elsewhere
from releaseguard.rotation.session import Tell
from releaseguard.rotation.values import Leak, RotateAction, RotateRequest
from releaseguard_events.private import make_folder, write_file


@dataclass(frozen=True, slots=True, kw_only=True)
class AftermathSources:
    """Where a rotation's surroundings are looked up. Nothing is opened before it is needed."""

    exposure: Callable[[str | None], ExposureSources]
    """The sources for one secret of the card, or for its first group."""
    alerts: Callable[[], AlertSource]
    cards: Cards
    folder: Path
    """The folder of post-mortems."""
    zone: str = "UTC"
    """The time zone of their pages."""


def rotate_and_settle(
    request: RotateRequest, context: RotationContext, sources: AftermathSources, tell: Tell
) -> RotationResult:
    """Rotate, then handle what belongs around it. Raises what :func:`releaseguard.rotation.commands.rotate` raises,
    except ``LeaseHeld``: the other run's state is returned as the result."""
    try:
        result = rotate(request, context, tell)
    except LeaseHeld as held:
        told = _exposed_all_the_same(request, context, sources)
        held_by = held_elsewhere(context, chain_view(context.log, context.chain_key), held)
        return replace(held_by, remarks=(*held_by.remarks, *told))
    except Refused:
        for line in _exposed_all_the_same(request, context, sources):
            tell(line)
        raise
    if not request.dry_run and request.action in _EXPOSED:
        result = _with_exposure(request, context, sources, result)
    if request.action is RotateAction.CONFIRM_REVOKED:
        result = _with_closed_alerts(context, sources, result)
    return result


def keep_refused(
    request: RotateRequest, context: RotationContext, sources: AftermathSources, refusal: ReleaseguardError, tell: Tell
) -> None:
    """Bring a leak on record of which not even a plan could be made, with what it exposed."""
    if keep_leak(request, register_of(context), refusal, tell) and isinstance(refusal, Refused):
        for line in _exposed_all_the_same(request, context, sources):
            tell(line)


def _exposed_all_the_same(request: RotateRequest, context: RotationContext, sources: AftermathSources) -> Sequence[str]:
    """What a leak exposed of which there is only the report: once, and the post-mortem. Where the log cannot be read
    nothing is known of it, and the next run looks."""
    if not request.leak or request.dry_run:
        return ()
    try:
        unit = unit_of(context.card, request.secret).name
        reports = reversed(chain_view(context.log, context.chain_key).reports)
        newest = next((one for one in reports if one.unit == unit and one.leak), None)
        if newest is None or newest.leak is None or _is_reported(context, newest.id):
            return ()
        told = _report(request, context, sources, newest, newest.leak)
        return [*told, _write_postmortem(context, sources, newest.id)]
    except ReleaseguardError as error:
        return [f"what the leak exposed could not be looked at: {error}"]


_EXPOSED = frozenset({RotateAction.ROTATE, RotateAction.RESUME, RotateAction.CONFIRM_REVOKED})
"""The states after which the exposure of a leak is gathered."""


def _with_exposure(
    request: RotateRequest, context: RotationContext, sources: AftermathSources, result: RotationResult
) -> RotationResult:
    """Of a leak: report what it exposed, once, whichever run comes to that, and write the post-mortem anew."""
    view = chain_view(context.log, context.chain_key).entry(result.rotation_id or "")
    if view is None or view.leak is None:
        return result
    told: Sequence[str] = ()
    resumed = request.action is not RotateAction.CONFIRM_REVOKED
    if request.leak or (resumed and not _is_reported(context, view.id)):
        told = _report(request, context, sources, view, view.leak)
    head = chain_view(context.log, context.chain_key).head if told else result.head
    remarks = (*result.remarks, *told, _write_postmortem(context, sources, view.id))
    return replace(result, remarks=remarks, head=head)


def _report(
    request: RotateRequest, context: RotationContext, sources: AftermathSources, view: RotationView, leak: Leak
) -> Sequence[str]:
    secret = view.pins[0].name if view.pins else request.secret
    ids = {pin.name: pin.from_secret_id for pin in view.pins if leak.versions.get(pin.name) == pin.from_version}
    report = gather(sources.exposure(secret), leak.versions, view.began_at, ids)
    return [*summary(report), *_recorded(context, LeakExposed(rotation_id=view.id, exposure=report))]


def _recorded(context: RotationContext, step: LeakExposed) -> Sequence[str]:
    """Append the report to the history; returns why that is not possible now. The next run tries again."""
    journal = Journal(context.log, context.chain_key, context.holder, context.rules.lease, context.clocks)
    try:
        journal.load()
        journal.refuse_if_held()
        journal.about(step.rotation_id)
        journal.append(step)
    except ReleaseguardError as error:
        return [f"what the leak exposed is not recorded yet ({error}): {context.command} --resume"]
    journal.release()
    return []


def _is_reported(context: RotationContext, rotation_id: str) -> bool:
    """Whether the exposure of this leak was recorded already; a run that was killed before that has not done it."""
    chain = read(context.chain_key, context.log.judged(chain_query(context.chain_key)))
    reports = (step for step in chain.steps if step.event == EVENT)
    return any(step.detail.get("rotation_id") == rotation_id for step in reports)


def _write_postmortem(context: RotationContext, sources: AftermathSources, rotation_id: str) -> str:
    """Write the post-mortem as Markdown and HTML; returns where, or why that failed."""
    document = postmortem_of(context.log, rotation_id, context.chain_key.environment)
    folder, display = sources.folder, Display(zone=sources.zone)
    try:
        make_folder(folder)
        for form in ("md", "html"):
            write_file(folder / f"{rotation_id}.{form}", harmless(POSTMORTEM[form](document, display)))
    except OSError as error:
        again = f"releaseguard audit report --rotation {rotation_id} -o FILE"
        return f"the post-mortem could not be written to {folder} ({error.strerror}): {again}"
    return f"post-mortem: {folder / rotation_id}.md and .html"


def _with_closed_alerts(context: RotationContext, sources: AftermathSources, result: RotationResult) -> RotationResult:
    """Close the alerts that the confirmed revocation settles. A refusal does not undo the confirmation.

    A value that still works settles nothing.
    """
    if result.exit_code is not ExitCode.OK:
        return result
    view = chain_view(context.log, context.chain_key)
    try:
        closed = close_revoked(sources.alerts(), sources.cards, context.card.id, view)
    except ReleaseguardError as error:
        return replace(result, remarks=(*result.remarks, f"the alerts of the leak could not be looked at: {error}"))
    told = [f"closed as revoked: alert {alert.number} in {alert.place}" for alert in closed]
    return replace(result, remarks=(*result.remarks, *told))
