"""What is asked of each service, by reading alone. One lane for each; lanes know nothing of each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from functools import partial

from releaseguard.cards.spec import Card, InvariantCheck
from releaseguard.destinations.address import Address
from releaseguard.doctor.values import Check, Dates, DoctorContext, Group, ServiceLooks
from releaseguard.errors import NotFound, ServiceError
from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.rows.aside import REMEDY, tally_of
from releaseguard.leaks.interface import AlertSource
from releaseguard.model import Remark, Standing, duration, utc_now
from releaseguard.rotation.drift.survey import secrets_of
from releaseguard.safemode import believes_whoever_answers
from releaseguard.tomlfile import nearest
from releaseguard.vault.interface import Vault

ALWAYS = ("cards*", "configuration.run", "hosts.proxy")
TEST_USER = ("SYNTHETIC_USER_EMAIL", "SYNTHETIC_USER_PASSWORD")
Lane = Sequence[Check]


def lanes(context: DoctorContext, dates: MutableMapping[str, Dates]) -> Sequence[Lane]:
    """The lanes that this configuration has use for. What the services say of the time goes to ``dates``."""
    return [
        [*_vault(context, dates), *_app(context, dates)],
        *(_service(context, dates, service) for service in context.services),
        _events(context, dates),
        _database(context),
    ]


def _reach(dates: MutableMapping[str, Dates], name: str, title: str, date: Callable[[], Dates | None]) -> Check:
    def look() -> Iterator[Remark]:
        if told := date():
            dates[title] = told
        yield Remark(Standing.OK, f"{title} answers")

    return Check(f"{name}.reach", name, f"whether {title} answers", look, (*ALWAYS, f"hosts.{name}"))


def _vault(context: DoctorContext, dates: MutableMapping[str, Dates]) -> Lane:
    if not context.vault_is_set and not any(context.places.values()):
        return []
    name, title = context.vault_service.name, context.vault_service.title
    reach = _reach(dates, name, title, context.vault_service.date)
    stored: set[str] = set()
    cards = [context.cards.get(name) for name, listed in context.places.items() if listed and name in context.cards]
    login = Check(
        _login_of(context),
        name,
        "the login, project and environment",
        partial(_login, context, cards, stored),
        (*ALWAYS, "hosts.actions", reach.id, f"credentials.{name}"),
    )
    secrets = [
        Check(
            f"{name}.secrets.{card.id}",
            name,
            f"the secrets of {card.id}",
            partial(_secrets, context, card, stored),
            (login.id,),
        )
        for card in cards
    ]
    return [reach, login, *secrets]


def _login_of(context: DoctorContext) -> str:
    return f"{context.vault_service.name}.login"


def _login(context: DoctorContext, cards: Sequence[Card], stored: set[str]) -> Iterator[Remark]:
    vault = context.vault()
    stored.update(vault.names())
    if stored:
        yield Remark(
            Standing.OK,
            f"signed in; {len(stored)} secrets in environment {vault.environment}; whether the "
            "identity may write is known only with the first `rotate --from stdin` or generate",
            vault.label,
        )
        return
    wanted = next((secret.name for card in cards for secret in card.secrets), TEST_USER[0])
    vault.read(wanted)  # a listing of what does not exist is empty: this raises, and says what is missing


def _secrets(context: DoctorContext, card: Card, stored: set[str]) -> Iterator[Remark]:
    vault = context.vault()
    well = []
    for secret in secrets_of(card, frozenset(stored)):
        if secret.name not in stored:
            made = f" (made at {secret.console})" if secret.console else ""
            yield _missing(context, secret.name, stored, f"Store it there{made}.")
        elif remark := _unreadable(vault, secret.name):
            yield remark
        else:
            well.append(secret.name)
    if well:
        yield Remark(Standing.OK, f"{', '.join(well)}: there, and may be read", vault.label)


def _missing(context: DoctorContext, name: str, stored: Iterable[str], fix: str) -> Remark:
    close = nearest(name, stored)
    hint = f" Did you mean {close}?" if close else ""
    return Remark(
        Standing.FAIL, f"{name} is not in {context.vault_service.title}", context.vault().label, f"{fix}{hint}", name
    )


def _unreadable(vault: Vault, name: str) -> Remark | None:
    """What keeps a secret that is listed from being used."""
    try:
        if vault.read(name).value:
            return None
    except ServiceError as error:
        return Remark(Standing.FAIL, error.what, error.where, error.next_step, name)
    return Remark(Standing.FAIL, f"{name} is empty", vault.label, "Give it a value there.", name)


def _app(context: DoctorContext, dates: MutableMapping[str, Dates]) -> Lane:
    if not context.settings.app.url:
        return []
    reach, login, key_name = (
        _reach(dates, "app", "the app", context.app.date),
        _login_of(context),
        context.app.public_key,
    )
    given = bool(context.environ.get(key_name))
    names = [*TEST_USER, *([] if given else [key_name])]
    user = Check("app.test_user", Group.APP, "the test user", partial(_test_user, context, names), (login,))
    key = Check(
        "app.key",
        Group.APP,
        "the app's public key",
        context.app.account,
        (reach.id, *(() if given else (f"app.test_user.{key_name}", login))),
    )
    return [reach, user, key]


def _test_user(context: DoctorContext, names: Sequence[str]) -> Iterator[Remark]:
    """Whether flows could sign in. They do not here: signing in makes a session."""
    if not context.vault_is_set:
        what = f"flows need a test user, and {context.vault_setting} is not set"
        where = context.settings.where(context.vault_service.name)
        yield Remark(Standing.FAIL, what, where, "Set it, or leave [app] url out.")
        return
    vault = context.vault()
    well = []
    for name in names:
        try:
            value = vault.read(name).value
        except NotFound:
            fix = "Store the test user's there (a user whose app_metadata.synthetic is true), or leave [app] url out."
            if name == context.app.public_key:
                fix = "Store the project's public key there, or set it in the environment."
            yield _missing(context, name, (), fix)
        else:
            if not value:
                yield Remark(Standing.FAIL, f"{name} is empty", vault.label, "Give it a value there.", name)
            well.append(name)
    if len(well) == len(names):
        yield Remark(Standing.OK, f"{', '.join(well)}: there (nobody signs in here)", vault.label)


def _service(context: DoctorContext, dates: MutableMapping[str, Dates], service: ServiceLooks) -> Lane:
    if not service.places:
        return []
    name = service.name
    before: Sequence[str] = (*ALWAYS, f"{name}.reach", f"credentials.{name}")
    checks = [_reach(dates, name, service.title, service.date)]
    if service.account is not None:
        checks.append(Check(f"{name}.account", name, "the credential", service.account, before))
        before = (f"{name}.account",)
    each = {address.place: None for address in service.places}
    checks += [Check(f"{name}.{place.uri}", name, place.uri, partial(_place, context, place), before) for place in each]
    if service.alerts is not None:
        look = partial(_alerts, service.alerts)
        checks.append(Check(f"{name}.alerts", name, "secret-scanning alerts", look, before))
    return checks


def _place(context: DoctorContext, place: Address) -> Iterator[Remark]:
    for remark in context.destination(place).reach():
        what = remark.what if remark.what.startswith(place.uri) else f"{place.uri}: {remark.what}"
        yield Remark(remark.standing, what, remark.where, remark.fix, remark.about)


def _alerts(alerts: Callable[[], AlertSource]) -> Iterator[Remark]:
    """What `leaks` reads. A rotation does without, so it is a warning."""
    source = alerts()
    fix = "Give the token 'secret scanning alerts: read', and switch secret scanning on; only `leaks` needs it."
    try:
        count = len(source.open_alerts())
    except ServiceError as error:
        yield Remark(Standing.WARN, error.what, error.where, fix)
        return
    for number, problem in enumerate(source.unread, 1):
        yield Remark(Standing.WARN, problem, None, fix, str(number))
    if count:
        yield Remark(Standing.WARN, f"{count} secret-scanning alerts are open", None, "Run: releaseguard leaks", "open")
    elif not source.unread:
        yield Remark(Standing.OK, "no secret-scanning alert is open")


# --- the event log and the app's database


def _events(context: DoctorContext, dates: MutableMapping[str, Dates]) -> Lane:
    after = (*ALWAYS, "hosts.events", "credentials.events")
    found = [
        Check("events.writers", Group.EVENTS, "where the app writes to", partial(_writers, context)),
        Check("events.log", Group.EVENTS, "the event log", partial(_log, context), after),
        Check("events.rows", Group.EVENTS, "the newest rows", partial(_rows, context), ("events.log",)),
        Check(
            "events.clock", Group.EVENTS, "the store's clock", partial(_store_clock, context, dates), ("events.log",)
        ),
    ]
    exposed = context.exposed
    if exposed is not None:

        def look() -> Iterable[Remark]:
            return [exposed(context.log())]

        found.append(Check("events.row_security", Group.EVENTS, "row-level security", look, ("events.log",)))
    return found


def _log(context: DoctorContext) -> Iterator[Remark]:
    url = context.settings.events.url
    if url.startswith(("postgresql:", "postgres:")):
        yield from _encrypted(context, url, "[events] url")
    yield from context.log().examine()


def _encrypted(context: DoctorContext, url: str, setting: str) -> Iterator[Remark]:
    """What SAFE MODE lets pass where it is written, and should be known."""
    if believes_whoever_answers(url, context.environ, setting=setting):
        what = "sslmode=require: the connection is encrypted, but the server is not asked who it is"
        fix = "Leave sslmode out, and add ?sslrootcert=FILE where the server's authority is not one of this system's."
        yield Remark(Standing.WARN, what, setting, fix, "sslmode")


def _writers(context: DoctorContext) -> Iterator[Remark]:
    given = context.environ.get("RELEASEGUARD_EVENTS_URL")
    if given and given != context.settings.events.url and not _same_file(context, given):
        what = "RELEASEGUARD_EVENTS_URL and [events] url name different logs: writers here write to the former"
        fix = 'Make them the same: [events] url = "${RELEASEGUARD_EVENTS_URL}", or unset the variable.'
        yield Remark(Standing.WARN, what, context.settings.where("events", "url"), fix)


def _same_file(context: DoctorContext, given: str) -> bool:
    relative = given.removeprefix("sqlite:///")
    return relative != given and context.settings.events.url == f"sqlite:///{context.settings.root / relative}"


def _rows(context: DoctorContext) -> Iterator[Remark]:
    """The rows of the time that verdicts rest on, which no reader can use."""
    log, days = context.log(), context.settings.verify.baseline
    tally = tally_of(log.set_aside(Query(since=utc_now() - duration(days))))
    if tally.rows:
        yield Remark(Standing.WARN, tally.sentence(), log.label, REMEDY)
    else:
        yield Remark(Standing.OK, f"every row of the last {days} can be read", log.label)


def _store_clock(context: DoctorContext, dates: MutableMapping[str, Dates]) -> Iterator[Remark]:
    if not context.settings.events.url.startswith("sqlite:"):  # there it is this machine's
        before = utc_now()
        store = context.log().now()
        dates["the event log"] = (before, store, utc_now())
    yield from ()


def _database(context: DoctorContext) -> Lane:
    chosen = [card for card in context.cards if context.provider in {None, card.id}]
    known = [check for card in chosen for check in card.checks if isinstance(check, InvariantCheck)]
    invariants = [check for check in known if check.sql]
    variable, database = context.settings.app.database_url_env, context.database
    if database is None:
        remark = Remark(
            Standing.SKIPPED,
            f"{variable} is not set: {', '.join(one.id for one in invariants)} are not judged",
            "environment",
            f"Set {variable} to the address of the app's database, with a role that may only read.",
        )
        return [Check("app.database", Group.APP, "", lambda: [remark])] if invariants else []

    def connect() -> Iterator[Remark]:
        yield from _encrypted(context, context.environ[variable], variable)
        database().reach()
        yield Remark(Standing.OK, "the app's database answers; sessions are read-only", variable)

    def planned(sql: str) -> Iterator[Remark]:
        database().explain(sql)
        yield Remark(Standing.OK, "the database can run it (planned, not run)", variable)

    reach = Check("app.database", Group.APP, "the app's database", connect, ALWAYS)
    return [reach, *(Check(f"app.{i.id}", Group.APP, i.id, partial(planned, i.sql), (reach.id,)) for i in invariants)]
