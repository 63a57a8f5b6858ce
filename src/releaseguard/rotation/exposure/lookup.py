"""Finds a rotation in the log and makes its post-mortem."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from releaseguard.audit.chain import ChainKey
from releaseguard.audit.integrity import findings_in
from releaseguard.errors import UsageError
from releaseguard.eventlog.interface import EventLog, Query
from releaseguard.report.postmortem.document import PostmortemDocument
from releaseguard.rotation.exposure.postmortem import postmortem
from releaseguard.rotation.exposure.report import EVENT
from releaseguard.rotation.exposure.traffic import traffic_around
from releaseguard.rotation.history.account import account_of
from releaseguard.rotation.history.reading import read_log
from releaseguard.rotation.history.views import RotationView
from releaseguard.tomlfile import did_you_mean


def postmortem_of(log: EventLog, rotation_id: str | None, environment: str | None) -> PostmortemDocument:
    """The post-mortem of one rotation, or of the newest leak. Raises ``UsageError`` where there is none."""
    found = read_log(log, Query())
    key, chosen = _pick(account_of(found, environment=environment).rotations, rotation_id)
    chain = found.chains[key]
    steps = [step for step in chain.steps if step.event == EVENT and step.detail.get("rotation_id") == chosen.id]
    return postmortem(
        chain, chosen.id, exposures=steps, findings=findings_in(chain), traffic=partial(traffic_around, log)
    )


def _pick(rotations: Sequence[tuple[ChainKey, RotationView]], rotation_id: str | None) -> tuple[ChainKey, RotationView]:
    """The requested rotation; its id may be shortened as long as it is unambiguous."""
    if rotation_id is None:
        newest = next((pair for pair in rotations if pair[1].leak), None) or next(iter(rotations), None)
        if newest is None:
            raise UsageError("no rotation is in the log", next_step="See every environment: releaseguard audit show")
        return newest
    meant = [pair for pair in rotations if pair[1].id.startswith(rotation_id)]
    if len(meant) == 1:
        return meant[0]
    known = [pair[1].id for pair in rotations]
    what = "several rotations begin" if meant else "no rotation begins"
    hint = "Give more of its id." if meant else did_you_mean(rotation_id, known)
    raise UsageError(f"{what} with {rotation_id!r}", next_step=f"{hint} See: releaseguard audit show --json".strip())
