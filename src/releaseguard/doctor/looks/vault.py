"""Whether the vault can be entered, and what it contains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from functools import partial

from releaseguard import readable
from releaseguard.cards.spec import Card
from releaseguard.doctor.looks.reach import ALWAYS, reach
from releaseguard.doctor.values import Check, DoctorContext
from releaseguard.errors import ServiceError
from releaseguard.http.replies import ClockReading
from releaseguard.model import Remark, Standing
from releaseguard.rotation.drift.survey import secrets_of
from releaseguard.tomlfile import nearest
from releaseguard.vault.interface import Vault

TEST_USER = ("SYNTHETIC_USER_EMAIL", "SYNTHETIC_USER_PASSWORD")


def checks(context: DoctorContext, dates: MutableMapping[str, ClockReading]) -> Sequence[Check]:
    """The checks of its address, the login, and the secrets of every card in use."""
    if not context.vault_is_set and not any(context.places.values()):
        return []
    name, title = context.vault_service.name, context.vault_service.title
    answers = reach(dates, name, title, context.vault_service.date)
    stored: set[str] = set()
    cards = [context.cards.get(name) for name, listed in context.places.items() if listed and name in context.cards]
    login = Check(
        login_of(context),
        name,
        "the login, project and environment",
        partial(_login, context, cards, stored),
        (*ALWAYS, "hosts.actions", answers.id, f"credentials.{name}"),
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
    return [answers, login, *secrets]


def login_of(context: DoctorContext) -> str:
    """The id of the check on which others depend."""
    return f"{context.vault_service.name}.login"


def _login(context: DoctorContext, cards: Sequence[Card], stored: set[str]) -> Iterator[Remark]:
    vault = context.vault()
    stored.update(vault.names())
    if stored:
        yield Remark(
            Standing.OK,
            f"signed in; {readable.count(len(stored), 'secret')} in environment {vault.environment}; whether the "
            "identity may write is known only with the first `rotate --from stdin` or generate",
            vault.label,
        )
        return
    wanted = next((secret.name for card in cards for secret in card.secrets), TEST_USER[0])
    vault.read(wanted)  # a listing of what does not exist is empty: this raises, and says what is missing


def _secrets(context: DoctorContext, card: Card, stored: set[str]) -> Iterator[Remark]:
    vault = context.vault()
    well: dict[str, list[str]] = {}
    for secret in secrets_of(card, frozenset(stored)):
        if secret.name not in stored:
            made = f" (made at {secret.console})" if secret.console else ""
            yield missing(context, secret.name, stored, f"Store it there{made}.")
        elif remark := _unreadable(vault, secret.name):
            yield remark
        else:
            well.setdefault(vault.place_of(secret.name), []).append(secret.name)
    for place, names in well.items():
        yield Remark(Standing.OK, f"{', '.join(names)}: there, and may be read", place)


def missing(context: DoctorContext, name: str, stored: Iterable[str], fix: str) -> Remark:
    """The remark that a secret does not exist, with the nearest existing name."""
    close = nearest(name, stored)
    hint = f" Did you mean {close}?" if close else ""
    return Remark(
        Standing.FAIL,
        f"{name} is not in {context.vault_service.title}",
        context.vault().place_of(name),
        f"{fix}{hint}",
        name,
    )


def _unreadable(vault: Vault, name: str) -> Remark | None:
    """Why a listed secret cannot be used; ``None`` where it can."""
    try:
        if vault.read(name).value:
            return None
    except ServiceError as error:
        return Remark(Standing.FAIL, error.what, error.where, error.next_step, name)
    return Remark(Standing.FAIL, f"{name} is empty", vault.place_of(name), "Give it a value there.", name)
