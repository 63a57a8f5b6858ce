"""The findings of ``leaks`` as the pages from which their formats are made. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from releaseguard.leaks.interface import Hit, Searched
    from releaseguard.report.answers import AlertsDocument
    from releaseguard.report.findings.document import FindingsPage, FoundRow

ALERT, VALUE, PART = "open_alert", "managed_value", "not_searched"
RULES = {
    ALERT: "A secret-scanning alert is open.",
    VALUE: "A managed secret's value is in the repository or its history: it stays there for good, so rotate it.",
    PART: "Something could not be searched, so finding nothing there proves nothing.",
}


def alerts_page(document: AlertsDocument, text: str) -> FindingsPage:
    """The page of open alerts."""
    return _page(document, text, list(_alert_rows(document)))


def _alert_rows(document: AlertsDocument) -> Iterator[FoundRow]:
    from releaseguard.report.findings.document import FoundRow

    for row in document["open"]:
        public = ", publicly leaked" if row["publicly_leaked"] else ""
        yield FoundRow(
            rule=ALERT,
            level="error",
            subject=f"{row['kind']}, alert {row['number']}",
            place=row["place"],
            reason=f"open since {row['created_at']}{public}: {row['url']}",
            next_step="releaseguard leaks --close-revoked" if row["revoked"] else row["command"],
        )
    for row in document["closed"]:
        yield FoundRow(
            rule=ALERT,
            level="ok",
            subject=f"{row['kind']}, alert {row['number']}",
            place=row["place"],
            reason="closed: revoked",
        )
    for problem in document["unread"]:
        yield FoundRow(rule=PART, level="note", subject="alerts", place="", reason=problem)


def hits_page(document: object, searched: Searched, text: str) -> FindingsPage:
    """The page of values found in a repository."""
    from releaseguard.report.findings.document import FoundRow

    rows = [
        FoundRow(
            rule=VALUE,
            level="error",
            subject=f"{hit.name} version {hit.version}",
            place=f"{hit.path}:{hit.line}",
            reason=f"in {where(hit)}",
            next_step=rotation_of(hit),
            file=hit.path,
            line=hit.line,
        )
        for hit in searched.hits
    ]
    step = next(iter(searched.steps), None)
    aside = [("history", part, step) for part in searched.unread] + [("file", one, None) for one in searched.left_out]
    rows += [
        FoundRow(rule=PART, level="note", subject=subject, place="", reason=reason, next_step=next_step)
        for subject, reason, next_step in aside
    ]
    return _page(document, text, rows)


def where(hit: Hit) -> str:
    """The place of a found value in the repository, in words."""
    if hit.commit is None:
        return "working tree"
    if hit.commit == "staged":
        return "what is staged"
    return "no commit that is here" if hit.commit == "unreachable" else f"commit {hit.commit[:12]}"


def rotation_of(hit: Hit) -> str:
    """The command that rotates the found value."""
    leaked = f'--leak --reason "in a repository" --leaked-version {hit.version}'
    return f"releaseguard rotate {hit.provider or 'PROVIDER'} {leaked}"


def _page(document: object, text: str, rows: Sequence[FoundRow]) -> FindingsPage:
    from releaseguard.report.findings.document import FindingsPage

    return FindingsPage(title="leaks", document=document, text=text, rows=rows, rules=RULES)
