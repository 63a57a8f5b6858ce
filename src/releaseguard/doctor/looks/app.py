"""Examines the app: its backend, its test user, its database."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from functools import partial

from releaseguard.cards.spec import InvariantCheck
from releaseguard.doctor.looks.reach import ALWAYS, encrypted, reach
from releaseguard.doctor.looks.vault import TEST_USER, login_of, missing
from releaseguard.doctor.values import Check, DoctorContext, Group
from releaseguard.errors import NotFound
from releaseguard.http.replies import ClockReading
from releaseguard.model import Remark, Standing


def checks(context: DoctorContext, dates: MutableMapping[str, ClockReading]) -> Sequence[Check]:
    """The checks of the app's own backend: it answers, flows could sign in, and it accepts its public key."""
    if not context.settings.app.url:
        return []
    answers = reach(dates, "app", "the app", context.app.date)
    login, key_name = login_of(context), context.app.public_key
    given = bool(context.environ.get(key_name))
    names = [*TEST_USER, *([] if given else [key_name])]
    user = Check("app.test_user", Group.APP, "the test user", partial(_test_user, context, names), (login,))
    key = Check(
        "app.key",
        Group.APP,
        "the app's public key",
        context.app.account,
        (answers.id, *(() if given else (f"app.test_user.{key_name}", login))),
    )
    return [answers, user, key]


def _test_user(context: DoctorContext, names: Sequence[str]) -> Iterator[Remark]:
    """Whether flows could sign in. They are not tried, since signing in creates a session."""
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
            yield missing(context, name, (), fix)
        else:
            if not value:
                yield Remark(Standing.FAIL, f"{name} is empty", vault.label, "Give it a value there.", name)
            well.append(name)
    if len(well) == len(names):
        yield Remark(Standing.OK, f"{', '.join(well)}: there (nobody signs in here)", vault.label)


def database_checks(context: DoctorContext) -> Sequence[Check]:
    """The checks of the app's database, with each invariant planned and not run."""
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
        yield from encrypted(context, context.environ[variable], variable)
        database().reach()
        yield Remark(Standing.OK, "the app's database answers; sessions are read-only", variable)

    def planned(sql: str) -> Iterator[Remark]:
        database().explain(sql)
        yield Remark(Standing.OK, "the database can run it (planned, not run)", variable)

    reach = Check("app.database", Group.APP, "the app's database", connect, ALWAYS)
    return [reach, *(Check(f"app.{i.id}", Group.APP, i.id, partial(planned, i.sql), (reach.id,)) for i in invariants)]
