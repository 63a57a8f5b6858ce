"""The label that the app must report for a value, unique to that value. Pure.

A version's number identifies nothing: a secret that was deleted and created again, or moved to another folder, starts
at one again, and an app may report numbers of its own.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Iterator

from releaseguard.cards.spec import SecretSpec
from releaseguard.rotation.history.views import ChainView, Written
from releaseguard.rotation.values import Pin
from releaseguard.secret import Secret
from releaseguard.vault.interface import SecretVersion
from releaseguard.vault.later import NOT_YET
from releaseguard_events.scrub.fingerprints import may_have_one

MARK = 4
"""The characters that make a label unique: twenty bits."""


def label_for(name: str, value: Written, view: ChainView, seen: Collection[str], unit: Collection[str] = ()) -> str:
    """The label of ``value``: the one reported before, else its version's number where nothing else in the chain, nor
    anything ``seen`` in the log, has that label; else the number with a mark.

    ``unit``: the secrets that are rotated with it, whose numbers stand for the whole group.
    """
    known = view.known(name)
    others = {one.reported for one in known if not _is_same(one, value)}
    mine = next((one for one in reversed(known) if _is_same(one, value)), None)
    if mine is not None and mine.reported not in others:
        return mine.reported
    taken = others | {*seen} | view.reported_of_others({name, *unit})
    return next(label for label in candidates(value) if label not in taken)


def candidates(value: Written) -> Iterator[str]:
    """The possible labels of ``value``, the plainest first."""
    number = str(value.version) if value.version != NOT_YET else "later"
    if value.version != NOT_YET:
        yield number
    turn = 0
    while True:
        digest = hashlib.sha256(f"{value.secret_id}:{value.fingerprint}:{turn}".encode()).digest()
        yield f"{number}-{base64.b32encode(digest).decode().lower()[:MARK]}"
        turn += 1


def identified(spec: SecretSpec, version: SecretVersion, salt: str) -> Written:
    """A version of the vault as the history knows it, with the fingerprint that its card allows."""
    return Written(version.version, version.secret_id, fingerprint=fingerprint_of(spec, version.value, salt))


def fingerprint_of(spec: SecretSpec, value: Secret, salt: str) -> str | None:
    """The fingerprint of ``value``; ``None`` where the card does not allow one."""
    allowed = spec.entropy == "high" and may_have_one(spec.name)
    return value.fingerprint(salt) if allowed else None


def pin_of(name: str, before: Written | None, after: Written | None) -> Pin:
    """One secret of a rotation, from ``before`` to ``after``, with its final label."""
    return Pin(
        name,
        from_version=before.version if before else None,
        to_version=after.version if after else None,
        secret_id=after.secret_id if after else None,
        from_secret_id=before.secret_id if before else None,
        label=_beside_the_number(after),
        from_label=_beside_the_number(before),
        fingerprint=after.fingerprint if after else None,
        from_fingerprint=before.fingerprint if before else None,
    )


def _beside_the_number(one: Written | None) -> str | None:
    return None if one is None or one.label == str(one.version) else one.label


def is_settled(name: str, value: Written, view: ChainView) -> bool:
    """Whether the history already has a label for ``value``, so that the log need not be searched."""
    return any(_is_same(one, value) for one in view.known(name))


def _is_same(one: Written, value: Written) -> bool:
    if (one.version, one.secret_id) != (value.version, value.secret_id):
        return False
    return None in (one.fingerprint, value.fingerprint) or one.fingerprint == value.fingerprint
