"""``releaseguard leaks``: open alerts, and managed values in a repository."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from releaseguard.cli.shared.options import FilePath, Run, command, environment_option
from releaseguard.errors import ExitCode
from releaseguard.model import to_text

if TYPE_CHECKING:
    from releaseguard.leaks.interface import Alert, Hit, Needle
    from releaseguard.wiring import Wiring


@command("leaks", example="releaseguard leaks --repo .")
@environment_option
@click.option("--repo", type=FilePath(exists=True), help="Search this repository and its history instead.")
@click.option("--close-revoked", is_flag=True, help="Close the alerts whose revocation was confirmed.")
def leaks(run: Run, environment: str | None, repo: Path | None, close_revoked: bool) -> ExitCode:
    """Open GitHub secret-scanning alerts, each with its `rotate` command; values are never fetched.

    With --repo: managed values in a working tree and in every commit of its history, searched in memory.
    Exit code 1 where something leaked, 3 where nothing was found and the clone is shallow.
    """
    with run.wiring(environment) as wiring:
        if repo is not None:
            return _search(run, wiring, repo)
        return _alerts(run, wiring, close_revoked)


def _alerts(run: Run, wiring: Wiring, close: bool) -> ExitCode:
    from releaseguard.rotation.exposure.alerts import close_alert

    source = wiring.rotation.alerts()
    rows = [_row(wiring, alert) for alert in source.open_alerts()]
    closed = [row for row in rows if close and row["revoked"]]
    for row in closed:
        close_alert(source, row["alert"], row["rotation_id"])
    still = [row for row in rows if row not in closed]
    for problem in source.unread:
        run.tell(f"Not looked at: {problem}.")
    found = {"open": _public(still), "closed": _public(closed), "unread": list(source.unread)}
    run.emit(lambda: _alerts_text(still, closed), found)
    return ExitCode.BAD if still else ExitCode.OK


def _row(wiring: Wiring, alert: Alert) -> dict[str, Any]:
    from releaseguard.audit.chain import ChainKey
    from releaseguard.rotation.exposure.alerts import provider_of, revocation_after
    from releaseguard.rotation.history.reading import chain_view

    provider = provider_of(wiring.cards, alert)
    row: dict[str, Any] = {"alert": alert, "provider": provider, "command": None, "revoked": False, "rotation_id": None}
    if provider is None:
        return row
    view = chain_view(wiring.stores.log, ChainKey(provider, wiring.settings.environment))
    retired = revocation_after(view, alert)
    command = f'releaseguard rotate {provider} --leak --reason "secret-scanning alert {alert.number} in {alert.place}"'
    return {**row, "command": command, "revoked": retired is not None, "rotation_id": retired}


def _public(rows: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    return [
        {
            **{key: value for key, value in row.items() if key != "alert"},
            **asdict(row["alert"]),
            "provider": row["provider"],
            "created_at": to_text(row["alert"].created_at),
        }
        for row in rows
    ]


def _alerts_text(rows: Sequence[Mapping[str, Any]], closed: Sequence[Mapping[str, Any]]) -> str:
    lines = [f"closed {row['alert'].place} alert {row['alert'].number}: revoked" for row in closed]
    for row in rows:
        alert: Alert = row["alert"]
        public = ", publicly leaked" if alert.publicly_leaked else ""
        lines += [
            f"OPEN  {alert.kind} in {alert.place}, alert {alert.number}, since {to_text(alert.created_at)}{public}"
        ]
        lines += [f"      {alert.url}"]
        lines += [f"      next: {_what_next(row)}"]
    return "\n".join(lines) or "No open secret-scanning alert."


def _what_next(row: Mapping[str, Any]) -> str:
    if row["revoked"]:
        return "its value was revoked: releaseguard leaks --close-revoked"
    return row["command"] or "no card knows this kind of secret: revoke it by hand"


def _search(run: Run, wiring: Wiring, repo: Path) -> ExitCode:
    haystack = wiring.rotation.repository(repo)
    hits = haystack.search(list(_needles(wiring)))
    found = {"hits": [asdict(hit) for hit in hits], "whole_history": haystack.whole}
    run.emit(lambda: _hits_text(hits, repo, haystack.whole), found)
    if hits:
        return ExitCode.BAD
    return ExitCode.OK if haystack.whole else ExitCode.UNDECIDED


def _needles(wiring: Wiring) -> Iterator[Needle]:
    """Every version of every secret that the vault holds and a card knows."""
    from releaseguard.errors import NotFound
    from releaseguard.leaks.interface import Needle

    stored = [name for name in wiring.bindings.vault.names() if wiring.cards.secret(name)]
    for name in stored:
        newest = wiring.bindings.vault.read(name)
        yield Needle(name, newest.version, newest.value)
        for version in range(newest.version - 1, 0, -1):
            try:
                yield Needle(name, version, wiring.bindings.vault.read(name, version).value)
            except NotFound:
                break  # servers keep a limited history, and some give the newest version only


SHALLOW = (
    "This is a shallow clone: the rest of its history was not searched.\n"
    "next: git fetch --unshallow (in GitHub Actions: actions/checkout with fetch-depth: 0), then search again."
)


def _hits_text(hits: Sequence[Hit], repo: Path, whole: bool) -> str:
    if not hits:
        clean = f"No managed value in {repo} or its history."
        return clean if whole else f"No managed value in {repo} as far as its history is here.\n{SHALLOW}"
    lines = [] if whole else [SHALLOW, ""]
    for hit in hits:
        place = f"commit {hit.commit[:12]}" if hit.commit else "working tree"
        written = "" if hit.form == "plain" else f", written as {hit.form}"
        lines.append(f"LEAKED  {hit.name} version {hit.version}: {hit.path}:{hit.line} ({place}{written})")
    lines += ["", "next: releaseguard rotate PROVIDER --leak --reason ...; a value in a history stays there for good."]
    return "\n".join(lines)
