"""What can be said before any service is asked: the file, the cards, the hosts, the credentials."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from releaseguard.audit.chain import ChainKey
from releaseguard.credentials import Requirement
from releaseguard.doctor.values import Check, DoctorContext, Group
from releaseguard.errors import ConfigError
from releaseguard.eventlog.signing.keys import MAKE_ONE, VARIABLE, Key, keyring_in
from releaseguard.model import Remark, Standing
from releaseguard.rotation.exposure.postmortem import FOLDER as POSTMORTEMS
from releaseguard.rotation.planning.claims import check_claims
from releaseguard.settings import FILE_NAME, SUCCESSOR
from releaseguard.tomlfile import did_you_mean
from releaseguard_events.places.hosts import shown_host
from releaseguard_events.places.urls import split
from releaseguard_events.private import open_to_all


def checks(context: DoctorContext) -> Sequence[Check]:
    """In the order in which they are made."""
    configuration = [
        Check("configuration.file", Group.CONFIGURATION, "the file", partial(_file, context)),
        Check("configuration.run", Group.CONFIGURATION, "what this run is for", partial(_run, context)),
        Check("configuration.providers", Group.CONFIGURATION, "the providers", partial(_providers, context)),
        Check("configuration.files", Group.CONFIGURATION, "who can read the files", partial(_files, context)),
        Check(
            "configuration.claims",
            Group.CONFIGURATION,
            "whether two claim one place",
            partial(_claims, context),
            ("configuration.providers*", "cards*"),
        ),
    ]
    hosts = [
        Check(_host_id(setting), Group.HOSTS, setting, partial(_host, context, setting))
        for setting in context.addresses
    ]
    return [
        *configuration,
        Check("cards", Group.CARDS, "the cards", partial(_cards, context)),
        *hosts,
        Check("hosts.proxies", Group.HOSTS, "proxy variables", partial(_proxies, context)),
        *(
            Check(f"credentials.{one.id}", Group.CREDENTIALS, one.purpose, partial(_credential, context, one))
            for one in context.requirements
        ),
        Check("credentials.successors", Group.CREDENTIALS, "new accesses", partial(_successors, context)),
        Check(
            "credentials.signing",
            Group.CREDENTIALS,
            "signatures on releaseguard's own rows",
            partial(_signing, context),
        ),
    ]


# --- the configuration


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
    """What of ours everybody on this machine can read or write."""
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
    """Their names, and their destinations one by one."""
    settings, good = context.settings, 0
    for name, section in settings.providers.items():
        if context.provider not in {None, name}:
            continue
        if name not in context.cards and not context.card_problems:
            hint = did_you_mean(name, [card.id for card in context.cards])
            fix = f"{hint} A new provider is a new file in checks/."
            yield Remark(Standing.FAIL, f"there is no provider {name}", settings.where("providers", name), fix, name)
        where = settings.where("providers", name, "destinations")
        for text in section.destinations:
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
        yield Remark(Standing.OK, f"{good} destinations can be read", _path(context), about="destinations")
    elif context.provider is None and settings.path is not None:
        fix = 'Add one: [providers.sendgrid] destinations = ["github:OWNER/REPO"]'
        yield Remark(Standing.WARN, "no provider has a destination: nothing is managed", _path(context), fix)


def _claims(context: DoctorContext) -> Iterator[Remark]:
    claims = context.claims()
    for provider in context.settings.providers:
        if provider in context.cards and context.provider in {None, provider}:
            try:
                check_claims(claims, ChainKey(provider, context.settings.environment))
            except ConfigError as error:
                yield Remark(Standing.FAIL, error.what, error.where, error.next_step, provider)


def _cards(context: DoctorContext) -> Iterator[Remark]:
    for number, problem in enumerate(context.card_problems, 1):
        yield Remark(Standing.FAIL, problem.what, problem.where, problem.next_step, str(number))
    if not context.card_problems:
        own = f", {len(context.own_cards)} of them the project's own" if context.own_cards else ""
        yield Remark(Standing.OK, f"{len(context.cards)} cards are valid{own}")


# --- hosts


def _host_id(setting: str) -> str:
    """A setting's by its section; what a CI job's runner says comes from no section."""
    section, _, key = setting.removeprefix("[").partition("] ")
    return f"hosts.{'actions' if not key else 'proxy' if key == 'proxy' else section}"


def _host(context: DoctorContext, setting: str) -> Iterator[Remark]:
    refusal = context.refused.get(setting)
    if refusal is not None:
        raise refusal
    yield Remark(Standing.OK, setting, _shown(context.addresses[setting]))


def _shown(url: str) -> str | None:
    """Of an address its host: user, path and query can be confidential. A file's is shown whole; ``None`` for what is
    no address."""
    if url.startswith("sqlite:"):
        return url
    parts = split(url)
    port = f":{parts.port}" if parts.port and parts.is_plain else ""
    return f"{parts.scheme}://{shown_host(url)}{port}" if parts.server else None


def _proxies(context: DoctorContext) -> Iterator[Remark]:
    if context.ignored_proxies:
        names = ", ".join(context.ignored_proxies)
        fix = "If releaseguard has to go through it, set [network] proxy; otherwise leave it."
        yield Remark(Standing.WARN, f"SAFE MODE ignores {names}", "environment", fix)


# --- credentials


def _credential(context: DoctorContext, needed: Requirement) -> Iterator[Remark]:
    option = needed.met_by(context.environ)
    if option is None:
        raise ConfigError(
            f"{_lacking(context, needed)}: needed for {needed.purpose}",
            where="environment",
            next_step=f"Set {needed.words}.",
        )
    if option.unfit_in_a_job and context.environ.get("GITHUB_ACTIONS") == "true":
        raise ConfigError(option.unfit_in_a_job.what, where="environment", next_step=option.unfit_in_a_job.fix)
    yield Remark(Standing.OK, f"{' and '.join(option.variables)} is set")
    if half := needed.half_met(context.environ):
        what = f"{' and '.join(half)} is not set, so what belongs to it is not used"
        yield Remark(Standing.WARN, what, "environment", "Set both, or unset the other.", "half")


def _lacking(context: DoctorContext, needed: Requirement) -> str:
    half = needed.half_met(context.environ)
    for option in needed.options:
        if half and {*half} <= {*option.runner}:
            return (
                f"{' and '.join(option.variables)} is set, but the job has no identity (permissions: id-token: write)"
            )
    if not half and len(needed.options) > 1:
        return "no credential is set"
    return f"{' and '.join(half) or needed.words} is not set"


def _successors(context: DoctorContext) -> Iterator[Remark]:
    for variable in context.replaceable:
        if context.environ.get(variable + SUCCESSOR):
            what = f"{variable}{SUCCESSOR} is set: it is used where {variable} is not accepted any more"
            fix = f"Once its rotation is done, give {variable} the new value and unset {variable}{SUCCESSOR}."
            yield Remark(Standing.WARN, what, "environment", fix, variable)


def _the_key(key: Key) -> Remark:
    what = f"{VARIABLE} is set: key {key.id} signs"
    if key.weakness is None:
        return Remark(Standing.OK, what)
    return Remark(Standing.WARN, f"{what}, but {key.weakness}", "environment", MAKE_ONE)


def _signing(context: DoctorContext) -> Iterator[Remark]:
    keys = keyring_in(context.environ)
    if keys is not None:
        yield _the_key(keys.current)
    if keys is not None or not context.settings.providers:
        return  # where nothing is managed there is no state to be forged
    what = (
        f"{VARIABLE} is not set: whoever reads the event log and inserts into it, as a holder of the service key does, "
        "can append to a rotation's history (close a leak, claim a proof, hold the lease) and forge marks of "
        "deployments and results of verify"
    )
    fix = f"{MAKE_ONE}, and set it wherever releaseguard runs; an app's own writer needs none."
    yield Remark(Standing.WARN, what, "environment", fix)
