"""What the rows of one runtime destination add up to. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from releaseguard.model import Outcome
from releaseguard.rotation.history.views import store_time
from releaseguard.rotation.proof.denials import has_failed, refuses
from releaseguard.rotation.proof.rows import EvidenceRow, Says, action_of, is_after, used_the_value_before
from releaseguard.rotation.proof.values import Question, RuntimeDestination


@dataclass(frozen=True, slots=True)
class RuntimeTally:
    """The rows of one runtime destination, sorted by what they say."""

    evidence: Sequence[EvidenceRow]
    """Successes with the new version since it was there, in order."""
    elsewhere: Sequence[EvidenceRow]
    """The same from sources that no setting names: no evidence, but these sources have left the old version."""
    against: Sequence[EvidenceRow]
    """Successes with another version, and refused credentials, since the new version is in service."""
    unlabelled: int
    """Successes of which only the time is known."""
    too_early: int
    """Successes with the new version that by their clock came before it."""
    nameless: int = 0
    """Successes since the new version is in service that name neither their value nor their source."""
    sourceless: int = 0
    """Successes with the new version that do not name their source, where the project assigns sources."""
    repeats: int = 0
    """Rows of ``evidence`` left out because another row reports the same action."""
    failed: int = 0
    """Rows with outcome ``success`` since the new version is in service that carry the code of a failure."""

    @property
    def heard(self) -> int:
        """The successes and refusals counted in any of these ways, but for repeats and failed rows."""
        return len(self.evidence) + len(self.elsewhere) + len(self.against) + self.unlabelled + self.too_early

    @property
    def last_against(self) -> datetime | None:
        """When the last of the rows against it was recorded; ``None`` without any."""
        return max((store_time(row.event) for row in self.against), default=None)


def count_rows(question: Question, runtime: RuntimeDestination, rows: Sequence[EvidenceRow]) -> RuntimeTally:
    """Sort the rows of one runtime destination: for its keys, from elsewhere, and against them."""
    evidence, elsewhere, against = [], [], []
    unlabelled = too_early = nameless = sourceless = failed = 0
    for row in rows:
        if _objects(question, row):
            if store_time(row.event) > runtime.serving:
                against.append(row)
        elif row.event.outcome is not Outcome.SUCCESS or not question.shows_success(row.event):
            continue
        elif has_failed(row.event):
            failed += store_time(row.event) > runtime.serving
        elif not row.speaks:
            elsewhere.append(row)
            nameless += _is_nameless(row) and is_after(row, runtime.serving)
            sourceless += row.event.source is None and row.says is Says.NEW_VERSION and not question.misnamed(row.event)
        elif not is_after(row, runtime.serving if row.says is Says.NOTHING else runtime.since):
            too_early += row.says is not Says.NOTHING and store_time(row.event) > runtime.serving
        elif row.says is not Says.NOTHING or question.accept_timing:
            evidence.append(row)
        else:
            unlabelled += 1
    once = once_each(evidence)
    return RuntimeTally(
        evidence=once,
        elsewhere=elsewhere,
        against=_last_of_each(against),
        unlabelled=unlabelled,
        too_early=too_early,
        nameless=nameless,
        sourceless=sourceless,
        repeats=len(evidence) - len(once),
        failed=failed,
    )


def _is_nameless(row: EvidenceRow) -> bool:
    return row.event.source is None and row.says is Says.NOTHING


def _objects(question: Question, row: EvidenceRow) -> bool:
    """Whether it speaks against the new version: a refused credential, or a success with another version."""
    if row.event.outcome is not Outcome.SUCCESS or refuses(question, row.event):
        return refuses(question, row.event)
    if question.shows_success(row.event):
        return row.says is Says.OLD
    return used_the_value_before(question, row.event)


def once_each(rows: Sequence[EvidenceRow]) -> Sequence[EvidenceRow]:
    """Each user action once, by its earliest row, in order of time."""
    first: dict[tuple[object, Says], EvidenceRow] = {}
    for row in sorted(rows, key=lambda row: row.happened):
        first.setdefault((action_of(row.event), row.says), row)
    return list(first.values())


def _last_of_each(rows: Sequence[EvidenceRow]) -> Sequence[EvidenceRow]:
    """Each user action once for each source, by the row recorded last: one id may stand for a job that runs for hours,
    and in several places."""
    ordered = sorted(rows, key=lambda row: store_time(row.event))
    return list({(action_of(row.event), row.says, row.event.source): row for row in ordered}.values())
