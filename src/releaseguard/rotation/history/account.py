"""The rotations of all chains as rows: who rotated what, when, why, and with which proof. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypedDict

from msgspec import Struct

from releaseguard.audit.chain import ChainKey
from releaseguard.audit.histories import Foreign, ForeignRow, Histories
from releaseguard.model import to_text
from releaseguard.report.rows import BrokenRow, IntegrityRows, LeakRow, ProofRow, RotationRow, WithdrawalRow
from releaseguard.rotation.history.sentences import confirming, mending, rotating

if TYPE_CHECKING:
    from releaseguard.rotation.history.leaks import OpenLeak
    from releaseguard.rotation.history.views import ChainView, RotationView, Withdrawal
    from releaseguard.rotation.values import ProofSummary

PERSON = " pid "
"""The character that ends the personal part of a lease holder's name."""


class RotationAccount(Struct, frozen=True):
    """The chains of a log, folded into their states."""

    chains: Sequence[ChainView]
    strangers: Sequence[Foreign] = ()
    """Rows that claim to be ours and name no chain."""

    @property
    def foreign(self) -> Sequence[Foreign]:
        """Every row that claims to be ours and is not believed; it is shown and changes nothing."""
        return [*self.strangers, *(one for view in self.chains for one in view.foreign)]

    @property
    def broken(self) -> Sequence[ChainView]:
        """Chains that cannot be believed after some step."""
        return [view for view in self.chains if view.breach]

    @property
    def open_leaks(self) -> Sequence[tuple[ChainKey, OpenLeak]]:
        """Leaks that nobody has confirmed to be revoked, the oldest first."""
        found = [(view.chain_key, leak) for view in self.chains for leak in _open_leaks(view)]
        return sorted(found, key=lambda pair: pair[1].since)

    @property
    def rotations(self) -> Sequence[tuple[ChainKey, RotationView]]:
        """Every rotation, and every leak that was reported by itself, the newest first."""
        found = [(view.chain_key, one) for view in self.chains for one in (*view.rotations, *view.reports)]
        return sorted(found, key=lambda pair: pair[1].began_at, reverse=True)


def account_of(found: Histories, provider: str | None = None, environment: str | None = None) -> RotationAccount:
    """The account of the chains of ``provider`` and ``environment``, where these are given."""
    wanted = [
        chain_key
        for chain_key in sorted(found.chains)
        if provider in (None, chain_key.provider) and environment in (None, chain_key.environment)
    ]
    strangers = [one for one in found.strangers if environment in (None, one.event.environment)]
    return RotationAccount(_views(found, wanted), strangers)


def _views(found: Histories, wanted: Sequence[ChainKey]) -> Sequence[ChainView]:
    """The chains, folded. The folding code is imported only where there are chains: most logs hold no rotation."""
    if not wanted:
        return ()
    from releaseguard.rotation.history.fold import view_of

    return [view_of(found.chains[chain_key]) for chain_key in wanted]


def _open_leaks(view: ChainView) -> Sequence[OpenLeak]:
    """As :func:`releaseguard.rotation.history.leaks.open_leaks`, loaded where there is a chain: most logs hold none."""
    from releaseguard.rotation.history.leaks import open_leaks

    return open_leaks(view)


class HeadRow(TypedDict):
    """The head of a chain."""

    lane: str
    head: str | None


class AccountRows(TypedDict):
    """An account as in ``audit show --json``."""

    open_leaks: Sequence[LeakRow]
    rotations: Sequence[RotationRow]
    chains: Sequence[HeadRow]
    foreign: Sequence[ForeignRow]
    broken: Sequence[BrokenRow]


def to_json(account: RotationAccount) -> AccountRows:
    """The account as in ``audit show --json``."""
    return {
        "open_leaks": [leak_row(chain_key, leak) for chain_key, leak in account.open_leaks],
        "rotations": [rotation_row(chain_key, rotation) for chain_key, rotation in account.rotations],
        "chains": [
            {"lane": str(view.chain_key), "head": str(view.head) if view.head else None} for view in account.chains
        ],
        "foreign": [one.to_json() for one in account.foreign],
        "broken": [broken_row(view) for view in account.broken],
    }


def integrity(account: RotationAccount) -> IntegrityRows:
    """What ``health`` and ``audit show`` report about rows that are not believed."""
    return {
        "foreign": [one.to_json() for one in account.foreign],
        "broken": [broken_row(view) for view in account.broken],
    }


def broken_row(view: ChainView) -> BrokenRow:
    """A chain that cannot be believed after some step, and what to do about it."""
    assert view.breach is not None  # noqa: S101 - only broken chains come here
    return {
        "lane": str(view.chain_key),
        "step": view.breach.step,
        "problem": view.breach.problem,
        "next_step": mending(view.chain_key),
    }


def leak_row(chain_key: ChainKey, leak: OpenLeak) -> LeakRow:
    """An open leak, with the command that closes it."""
    return {
        "provider": chain_key.provider,
        "environment": chain_key.environment,
        "rotation_id": leak.rotation_id,
        "unit": leak.unit,
        "reason": leak.leak.reason,
        "versions": dict(leak.leak.versions),
        "since": to_text(leak.since),
        "contained_at": to_text(leak.contained_at) if leak.contained_at else None,
        "next_step": closing(chain_key, leak),
    }


def closing(chain_key: ChainKey, leak: OpenLeak) -> str:
    """The command that closes an open leak."""
    if leak.doubtful:
        return mending(chain_key)
    if leak.contained_at is None and leak.unfinished:
        return f"{rotating(chain_key, leak.leak.versions)} --resume"
    if leak.contained_at is None:
        return (
            f"Rotate to a new value: {rotating(chain_key, leak.leak.versions)}. "
            f"Revoke the old key at {chain_key.provider}, then: {confirming(chain_key, leak.leak.versions)}"
        )
    return f"Revoke the old key at {chain_key.provider}, then: {confirming(chain_key, leak.leak.versions)}"


def rotation_row(chain_key: ChainKey, rotation: RotationView) -> RotationRow:
    """One rotation: who, what, when, why, and its proof; or a leak that was reported by itself."""
    row: RotationRow = {
        "rotation_id": rotation.id,
        "provider": chain_key.provider,
        "environment": chain_key.environment,
        "unit": rotation.unit,
        "state": rotation.state.value,
        "began_at": to_text(rotation.began_at),
        "changed_at": to_text(rotation.changed_at),
        "by": who(rotation.holder),
        "origin": rotation.origin,
        "reason": _why(rotation),
        "leak": dict(rotation.leak.versions) if rotation.leak else None,
        "secrets": [
            {"name": pin.name, "from_version": pin.from_version or None, "to_version": pin.to_version or None}
            for pin in rotation.pins
        ],
        "proof": proof_row(rotation.proof),
        "proven_at": to_text(rotation.proven_at) if rotation.proven_at else None,
        "revoked_at": to_text(rotation.revoked_at) if rotation.revoked_at else None,
        "confirmations": [
            {"at": to_text(one.at), "old_successes": one.old_successes} for one in rotation.confirmations
        ],
        "ended_because": rotation.ended_because,
    }
    if rotation.reported:
        row["reported"] = True
    return {**row, "withdrawn": _withdrawal_row(rotation.withdrawn)} if rotation.withdrawn else row


def unfinished_rows(account: RotationAccount, provider: str) -> Iterator[RotationRow]:
    """The rotations of ``provider`` that nobody has finished, the newest first, with what goes on with each."""
    chains = {view.chain_key: view for view in account.chains}
    for chain_key, rotation in account.rotations:
        if chain_key.provider == provider and not rotation.finished:
            yield {**rotation_row(chain_key, rotation), "next_step": _going_on(chains[chain_key], rotation)}


def _going_on(chain: ChainView, rotation: RotationView) -> str:
    """As :func:`releaseguard.rotation.going_on.going_on`, loaded where a rotation is unfinished: few are."""
    from releaseguard.rotation.going_on import going_on

    return going_on(chain, rotation)


def _why(rotation: RotationView) -> str | None:
    leak = rotation.leak or (rotation.withdrawn.leak if rotation.withdrawn and rotation.reported else None)
    return leak.reason if leak else rotation.reason


def _withdrawal_row(one: Withdrawal) -> WithdrawalRow:
    return {"at": to_text(one.at), "by": who(one.holder), "reason": one.reason, "leak": dict(one.leak.versions)}


def proof_row(proof: ProofSummary) -> ProofRow:
    """A proof, and what it rests on where that is known."""
    row: ProofRow = {"grade": proof.grade, "events": list(proof.events), "missing": list(proof.missing)}
    return {**row, "rests_on": proof.basis} if proof.basis else row


def who(holder: str | None) -> str | None:
    """The person or machine in a lease holder's name, without the process."""
    return holder.partition(PERSON)[0] if holder else None
