"""``releaseguard leaks``: open alerts, and managed values in a repository."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from releaseguard.cli.rotating.found import show_found
from releaseguard.cli.rotating.leak_pages import alerts_page, hits_page, rotation_of, where
from releaseguard.cli.shared.documents import format_option, output_option
from releaseguard.cli.shared.options import FilePath, Run, command, environment_option
from releaseguard.errors import ExitCode, Refused, UsageError
from releaseguard.model import to_text
from releaseguard.report.formats import FINDINGS

if TYPE_CHECKING:
    from releaseguard.leaks.interface import Alert, Hit, Needle, Searched
    from releaseguard.report.answers import AlertsDocument, HitRow, OpenAlertRow, SearchedDocument
    from releaseguard.report.findings.document import FindingsPage
    from releaseguard.wiring import Wiring


@dataclass(frozen=True, slots=True)
class _SeenAlert:
    """An open alert, with what cards and rotations say about it."""

    alert: Alert
    provider: str | None = None
    command: str | None = None
    rotation_id: str | None = None
    """The rotation whose revocation settles it."""
    last_revocation: str | None = None
    """The rotation whose revocation settles it if a person says that it is about that value."""

    @property
    def revoked(self) -> bool:
        return self.rotation_id is not None


@command("leaks", example="releaseguard leaks --repo .")
@environment_option
@click.option("--repo", type=FilePath(exists=True), help="Search this repository and its history instead.")
@click.option("--close-revoked", is_flag=True, help="Close the alerts whose revocation was confirmed.")
@click.option("--alert", "alerts", multiple=True, metavar="URL", help="Close this one: it shows the revoked value.")
@format_option(FINDINGS)
@output_option
def leaks(
    run: Run,
    environment: str | None,
    repo: Path | None,
    close_revoked: bool,
    alerts: Sequence[str],
    format_: str | None,
    output: Path | None,
) -> ExitCode:
    """List open secret-scanning alerts, each with its `rotate` command; values are never fetched.

    With --repo, search for managed values in a working tree and in every commit of its history (files, archives in
    them, messages, names), however they are encoded or escaped, in memory. Exit code 1 where something leaked, 3 where
    nothing was found and a part of the history is not here: a shallow or partial clone, a broken object.
    """
    if alerts and (repo is not None or not close_revoked):
        raise UsageError("--alert needs --close-revoked")
    with run.wiring(environment) as wiring:
        page, code = _searched(run, wiring, repo) if repo is not None else _alerts(run, wiring, close_revoked, alerts)
    show_found(run, page, format_, output)
    return code


def _alerts(run: Run, wiring: Wiring, close: bool, named: Sequence[str]) -> tuple[FindingsPage, ExitCode]:
    from releaseguard.rotation.exposure.alerts import close_alert

    source = wiring.rotation.alerts()
    seen = _as_looked_at([_seen(wiring, alert) for alert in source.open_alerts()], named)
    closed = [one for one in seen if close and one.revoked]
    for one in closed:
        if one.rotation_id is not None:
            close_alert(source, one.alert, one.rotation_id)
    still = [one for one in seen if one not in closed]
    for problem in source.unread:
        run.tell(f"Not looked at: {problem}.")
    found: AlertsDocument = {"open": _public(still), "closed": _public(closed), "unread": list(source.unread)}
    page = alerts_page(found, _alerts_text(still, closed))
    return page, ExitCode.BAD if still else ExitCode.OK


def _as_looked_at(seen: Sequence[_SeenAlert], named: Sequence[str]) -> Sequence[_SeenAlert]:
    """The alerts, where those at ``named`` show the value revoked last, according to a person. Raises ``UsageError``
    and ``Refused``."""
    there = {one.alert.url: one for one in seen}
    for url in named:
        if url not in there:
            raise UsageError(f"no open alert is at {url}", next_step="See which are open: releaseguard leaks")
        if not (there[url].revoked or there[url].last_revocation):
            raise Refused(
                f"nobody has confirmed that the value of {url} is revoked",
                next_step=there[url].command or "Revoke it by hand.",
            )
    return [
        replace(one, rotation_id=one.rotation_id or one.last_revocation) if one.alert.url in named else one
        for one in seen
    ]


def _seen(wiring: Wiring, alert: Alert) -> _SeenAlert:
    from releaseguard.audit.chain import ChainKey
    from releaseguard.rotation.exposure.alerts import command_for, last_revocation, provider_of, revocation_after
    from releaseguard.rotation.history.reading import chain_view

    provider = provider_of(wiring.cards, alert)
    if provider is None:
        return _SeenAlert(alert)
    view = chain_view(wiring.stores.log, ChainKey(provider, wiring.settings.environment))
    settled = revocation_after(view, alert)
    return _SeenAlert(alert, provider, command_for(view, alert), settled, last_revocation(view))


def _public(seen: Sequence[_SeenAlert]) -> Sequence[OpenAlertRow]:
    return [
        {
            "provider": one.provider,
            "command": one.command,
            "revoked": one.revoked,
            "rotation_id": one.rotation_id,
            "place": one.alert.place,
            "number": one.alert.number,
            "kind": one.alert.kind,
            "created_at": to_text(one.alert.created_at),
            "url": one.alert.url,
            "validity": one.alert.validity,
            "publicly_leaked": one.alert.publicly_leaked,
        }
        for one in seen
    ]


def _alerts_text(seen: Sequence[_SeenAlert], closed: Sequence[_SeenAlert]) -> str:
    lines = [f"closed {one.alert.place} alert {one.alert.number}: revoked" for one in closed]
    for one in seen:
        alert = one.alert
        public = ", publicly leaked" if alert.publicly_leaked else ""
        lines += [
            f"OPEN  {alert.kind} in {alert.place}, alert {alert.number}, since {to_text(alert.created_at)}{public}"
        ]
        lines += [f"      {alert.url}"]
        lines += [f"      next: {_what_next(one)}"]
        if one.last_revocation and not one.revoked:
            closing = f"releaseguard leaks --close-revoked --alert {shlex.quote(alert.url)}"
            lines += [f"      where it shows the value that was revoked: {closing}"]
    return "\n".join(lines) or "No open secret-scanning alert."


def _what_next(one: _SeenAlert) -> str:
    if one.revoked:
        return "its value was revoked: releaseguard leaks --close-revoked"
    return one.command or "no card knows this kind of secret: revoke it by hand"


def _searched(run: Run, wiring: Wiring, repo: Path) -> tuple[FindingsPage, ExitCode]:
    searched = _search(run, wiring, repo)
    found: SearchedDocument = {
        "hits": [cast("HitRow", asdict(hit)) for hit in searched.hits],
        "whole_history": searched.whole,
        "unread": list(searched.unread),
        "left_out": list(searched.left_out),
    }
    page = hits_page(found, searched, _hits_text(searched, repo))
    if searched.hits:
        return page, ExitCode.BAD
    return page, ExitCode.OK if searched.whole else ExitCode.UNDECIDED


def _search(run: Run, wiring: Wiring, repo: Path) -> Searched:
    from releaseguard.cli.shared.progress import shown
    from releaseguard.eventlog.watching import Progress

    needles = list(_needles(wiring))
    with shown(run) as watch:
        return wiring.rotation.repository(repo).search(
            needles, lambda searched: watch(Progress(f"{searched} files and versions of files searched"))
        )


def _needles(wiring: Wiring) -> Iterator[Needle]:
    """Every version of every secret that is in the vault and on a card."""
    from releaseguard.errors import NotFound
    from releaseguard.leaks.interface import Needle

    known = {name: wiring.cards.secret(name) for name in wiring.bindings.vault.names()}
    for name, provider in {name: of[0].id for name, of in known.items() if of}.items():
        newest = wiring.bindings.vault.read(name)
        yield Needle(name, newest.version, newest.value, provider)
        for version in range(newest.version - 1, 0, -1):
            try:
                yield Needle(name, version, wiring.bindings.vault.read(name, version).value, provider)
            except NotFound:
                break  # servers keep a limited history, and some give the newest version only


def _hits_text(searched: Searched, repo: Path) -> str:
    lines = [_hit_line(hit) for hit in searched.hits] or [_clean(searched, repo)]
    lines += [f"not searched: {part}" for part in searched.unread]
    lines += [f"left out: {one}" for one in searched.left_out]
    if searched.hits:
        lines += ["", "A value in a history stays there for good; rotate it:"]
        lines += [f"next: {step}" for step in dict.fromkeys(rotation_of(hit) for hit in searched.hits)]
    return "\n".join([*lines, *(f"next: {step}, then search again" for step in searched.steps)])


def _hit_line(hit: Hit) -> str:
    written = "" if hit.form == "plain" else f", written as {hit.form}"
    return f"LEAKED  {hit.name} version {hit.version}: {hit.path}:{hit.line} ({where(hit)}{written})"


def _clean(searched: Searched, repo: Path) -> str:
    if searched.whole:
        return f"No managed value in {repo} or its history."
    return f"No managed value in {repo} as far as its history is here."
