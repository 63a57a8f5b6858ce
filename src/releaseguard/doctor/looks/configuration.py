"""Examines the configuration file and the cards."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from releaseguard import readable
from releaseguard.audit.chain import ChainKey
from releaseguard.doctor.looks.writers import told
from releaseguard.doctor.values import Check, DoctorContext, Group
from releaseguard.errors import ConfigError
from releaseguard.model import Remark, Standing
from releaseguard.rotation.exposure.postmortem import FOLDER as POSTMORTEMS
from releaseguard.rotation.planning.claims import check_claims
from releaseguard.settings import FILE_NAME
from releaseguard.tomlfile import did_you_mean
from releaseguard_events.private import open_to_all

Look = Callable[[DoctorContext], Iterator[Remark]]


def checks(context: DoctorContext) -> Sequence[Check]:
    """The checks, in order."""

    def look(name: str, title: str, made: Look, *after: str) -> Check:
        return Check(f"configuration.{name}", Group.CONFIGURATION, title, partial(made, context), after)

    return [
        look("file", "the file", _file),
        look("run", "what this run is for", _run),
        look("providers", "the providers", _providers),
        look("files", "who can read the files", _files),
        look("writers", "who else writes the secrets", _other_writers, "configuration.providers*", "cards*"),
        look("claims", "whether two claim one place", _claims, "configuration.providers*", "cards*"),
        Check("cards", Group.CARDS, "the cards", partial(_cards, context)),
    ]


def _file(context: DoctorContext) -> Iterator[Remark]:
    settings = context.settings
    if settings.path is None:
        what = f"there is no {FILE_NAME} here or above: defaults hold, and no provider is managed"
        yield Remark(Standing.WARN, what, None, "Run: releaseguard init")
    else:
        yield Remark(Standing.OK, f"{settings.path.name} is read; environment {settings.environment}", _path(context))


def _run(context: DoctorContext) -> Iterator[Remark]:
    if context.run_refusal is not None:
        raise context.run_refusal
    yield from ()


def _files(context: DoctorContext) -> Iterator[Remark]:
    """Our files that everybody on this machine can read or write."""
    settings = context.settings
    log = settings.events.url.removeprefix("sqlite:///")
    logs = [] if log == settings.events.url else [Path(log), Path(f"{log}-wal"), Path(f"{log}-shm")]
    for path in (*logs, settings.root / POSTMORTEMS):
        mode = open_to_all(path)
        if mode is not None:
            what = f"everybody on this machine can read or change {path.name} ({mode:04o})"
            yield Remark(Standing.WARN, what, str(path), f"Run: chmod o-rwx {shlex.quote(str(path))}", path.name)


def _path(context: DoctorContext) -> str | None:
    return str(context.settings.path) if context.settings.path else None


def _providers(context: DoctorContext) -> Iterator[Remark]:
    """The providers' names and their destinations, one by one."""
    settings, good = context.settings, 0
    for name, section in settings.providers.items():
        if context.provider not in {None, name}:
            continue
        if name not in context.cards and not context.card_problems:
            hint = did_you_mean(name, [card.id for card in context.cards])
            fix = f"{hint} A new provider is a new file in checks/."
            yield Remark(Standing.FAIL, f"there is no provider {name}", settings.where("providers", name), fix, name)
        where = settings.where("providers", name, "destinations")
        for text in section.every_destination:
            try:
                context.read_address(text)
            except ConfigError as error:
                yield Remark(Standing.FAIL, error.what, where, error.next_step, f"{name}.{text}")
            else:
                good += 1
    if context.provider is not None and context.provider not in settings.providers:
        fix = f"Give it some: releaseguard.toml, [providers.{context.provider}] destinations = [...]."
        yield Remark(Standing.FAIL, f"no destinations are configured for {context.provider}", _path(context), fix)
    if good:
        yield Remark(
            Standing.OK, f"{readable.count(good, 'destination')} can be read", _path(context), about="destinations"
        )
    elif context.provider is None and settings.path is not None:
        fix = f"Add one: [providers.sendgrid] destinations = {json.dumps(settings.examples[:1])}"
        yield Remark(Standing.WARN, "no provider has a destination: nothing is managed", _path(context), fix)


def _claims(context: DoctorContext) -> Iterator[Remark]:
    misplaced = dict(context.misplaced())
    for provider, problem in misplaced.items():
        if context.provider in {None, provider}:
            yield Remark(Standing.FAIL, problem.what, problem.where, problem.next_step, provider)
    claims = context.claims()
    for provider in context.settings.providers:
        if provider in context.cards and context.provider in {None, provider}:
            try:
                check_claims(claims, ChainKey(provider, context.settings.environment))
            except ConfigError as error:
                yield Remark(Standing.FAIL, error.what, error.where, error.next_step, provider)


def _other_writers(context: DoctorContext) -> Iterator[Remark]:
    yield from told(context.other_writers())


def _cards(context: DoctorContext) -> Iterator[Remark]:
    for number, problem in enumerate(context.card_problems, 1):
        yield Remark(Standing.FAIL, problem.what, problem.where, problem.next_step, str(number))
    if not context.card_problems:
        own = f", {len(context.own_cards)} of them the project's own" if context.own_cards else ""
        yield Remark(Standing.OK, f"{len(context.cards)} cards are valid{own}")
