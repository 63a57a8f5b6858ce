"""An exposure report in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from releaseguard import readable
from releaseguard.model import from_text
from releaseguard.rotation.exposure.installed_apps import sentence
from releaseguard.rotation.exposure.report import ExposureReport

TOLD = 8
"""The most entries of one kind that a sentence names."""


def summary(report: ExposureReport) -> Sequence[str]:
    """The report as sentences, for a terminal and for the post-mortem."""
    counts, holders = report.counts, report.holders
    many = readable.count(len(holders), "configured destination")
    held = f"held by {many}: {_some(holders)}" if holders else "held by no destination"
    lines = [*_leaked(report), held]
    if counts.copies:
        lines.append(f"{readable.agree(counts.copies, 'unmanaged copy', 'unmanaged copies')}: {_some(report.copies)}")
    if counts.values:
        many = readable.count(counts.values, "other place")
        lines.append(f"the same value is in {many}, which breaks when it is revoked: {_some(report.values)}")
    if report.follow:
        lines.append(f"has the new value by itself, with its next deployment: {_some(report.follow)}")
    if counts.previews:
        many = readable.count(counts.previews, "older deployment")
        lines.append(f"{many} can still be reached and hold the old value, delete what nobody needs: ")
        lines[-1] += _some(report.previews)
    if counts.queued_runs:
        urls = ", ".join(run.url for run in report.queued_runs[:3])
        lines.append(f"{counts.queued_runs} workflow runs still hold the old value: {urls}")
    if counts.accesses:
        actors = Counter(f"{one.actor} ({one.action})" for one in report.accesses)
        who = [f"{actor} {times} times" if times > 1 else actor for actor, times in actors.most_common()]
        lines.append(f"read or changed {readable.count(counts.accesses, 'time')} in the vault, by {_some(who)}")
    lines += _uses(report)
    lines += [sentence(one.secret, one.share, one.releases) for one in report.clients]
    return [*lines, *(f"unknown: {what}" for what in report.unknown)]


def _leaked(report: ExposureReport) -> Iterable[str]:
    """Which versions leaked, and how long they had been in use when the leak was reported."""
    since, at = report.used_since, report.at
    versions = [f"{name} version {number or 'unknown'}" for name, number in report.versions.items()]
    if versions:
        yield f"leaked: {', '.join(versions)}{_age(since, at) if since and at else ''}"


def _age(since: str, at: str) -> str:
    used = readable.roughly(from_text(at) - from_text(since), ("d", "h", "min"))
    return f", in use since {readable.date_and_clock(since)} ({used})"


def _uses(report: ExposureReport) -> Iterable[str]:
    """The provider's events since the leaked version was in use; an unexpected source may be a stranger."""
    told = [
        f"{source} {readable.count(counts.get('success', 0), 'success')}, "
        f"{readable.count(counts.get('error', 0), 'error')}"
        for source, counts in report.use.items()
    ]
    if told:
        yield f"the provider's events since: {_some(told, '; ')}"


def _some(words: Sequence[str], between: str = ", ") -> str:
    """The first :data:`TOLD` entries; the log keeps all."""
    more = f"{between}and {len(words) - TOLD} more" if len(words) > TOLD else ""
    return between.join(words[:TOLD]) + more
