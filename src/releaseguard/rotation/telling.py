"""The result of a rotation as text."""

from __future__ import annotations

from releaseguard import readable
from releaseguard.rotation.certificate.telling import lines_of
from releaseguard.rotation.planning.telling import describe
from releaseguard.rotation.result import RotationResult


def text_of(result: RotationResult) -> str:
    """The state first, then what was written, what is missing, and what to do next."""
    lines = [f"{_head(result)}  {result.provider} in {result.environment}"]
    if result.plan is not None:
        lines += [f"  {line}" for line in describe(result.plan)]
    else:
        lines += _result_lines(result)
    if result.certificate:
        lines += [f"  {line}" for line in lines_of(result.certificate, " and ".join(result.revokes))]
    told = {*result.plan.remarks} if result.plan else set()
    lines += [f"  {remark}" for remark in result.remarks if remark not in told]
    if result.next_step and result.problem is None:
        lines.append(f"  next: {result.next_step}")
    if result.head:
        lines.append(f"  head: {result.head}")
    return "\n".join(lines)


def _head(result: RotationResult) -> str:
    if result.plan is not None:
        return "No changes." if result.plan.unchanged else "PLAN"
    if result.state is not None:
        return result.state.value
    return "NOT BEGUN" if result.problem else "No changes."


def _result_lines(result: RotationResult) -> list[str]:
    lines = [f"  rotation {result.rotation_id}"] if result.rotation_id else []
    for pin in result.secrets if result.rotation_id else ():
        before = pin.from_version or "?"
        label = f" (the app reports it as {pin.label})" if pin.label else ""
        lines.append(f"  {pin.name}: version {before} -> {pin.to_version or '?'}{label}")
    lines += [f"  {one.status:<11} {one.uri} {one.name}" for one in result.destinations]
    if result.proof.grade:
        rests_on = f", by {result.proof.basis}" if result.proof.basis else ""
        lines.append(
            f"  proof: grade {result.proof.grade}{rests_on}, {readable.count(len(result.proof.events), 'event')}"
        )
    return [*lines, *(f"  missing: {what}" for what in result.proof.missing)]
