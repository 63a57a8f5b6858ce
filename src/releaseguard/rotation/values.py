"""The values of a rotation: what is asked, and the names of its states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from releaseguard.errors import ExitCode
from releaseguard.secret import Secret
from releaseguard.vault.later import NOT_YET
from releaseguard.vault.source import ValueSource


class RotationState(StrEnum):
    """Where a rotation stands. Always derived from its events, never stored."""

    PLANNED = "PLANNED"
    STAGED = "STAGED"
    PUSHED = "PUSHED"
    DEPLOYED = "DEPLOYED"
    PROVEN = "PROVEN"
    UNPROVEN = "UNPROVEN"
    RETIRED = "RETIRED"
    WAITING_APPROVAL = "WAITING_APPROVAL"
    WAITING_CONSOLE = "WAITING_CONSOLE"
    FAILED = "FAILED"
    ROLLED_BACK = "ROLLED_BACK"
    ABORTED = "ABORTED"


EXIT_CODES: Mapping[RotationState, ExitCode] = {
    RotationState.PROVEN: ExitCode.OK,
    RotationState.RETIRED: ExitCode.OK,
    RotationState.ABORTED: ExitCode.OK,
    RotationState.FAILED: ExitCode.BAD,
    RotationState.ROLLED_BACK: ExitCode.BAD,
}
"""The exit code of a run that ends in a state without an error; every other state is undecided."""


class Direction(StrEnum):
    """The way that versions are carried: the new ones forward, or the previous ones back."""

    FORWARD = "forward"
    BACK = "back"


class Cause(StrEnum):
    """Why a rotation failed or was rolled back; the way out depends on it."""

    REFUSED = "refused"
    """The provider does not accept the new value."""
    DEPLOYMENT = "deployment"
    """What runs could not be deployed again."""
    GONE = "gone"
    """The previous version no longer exists."""
    ASKED = "asked"
    """A person asked for it."""


class Grade(StrEnum):
    """How strong a proof is, A being the strongest."""

    A = "A"
    """The events carry the label of the new version."""
    B = "B"
    """The events carry the new deployment's id, or its release where that differs from the one before."""
    C = "C"
    """Only the time speaks for it."""


class Basis(StrEnum):
    """What a proof of grade A rests on."""

    LABEL = "label"
    """The version number pushed next to the value; somebody who writes one without the other leaves it behind."""
    FINGERPRINT = "fingerprint"
    """The value that the process really holds."""


class RotateAction(StrEnum):
    """What a call of ``rotate`` should do."""

    ROTATE = "rotate"
    RESUME = "resume"
    ABORT = "abort"
    ROLLBACK = "rollback"
    CONFIRM_REVOKED = "confirm-revoked"
    WITHDRAW_LEAK = "withdraw-leak"


@dataclass(frozen=True, slots=True)
class Pin:
    """One secret of a rotation. Versions restart at 1 where a secret is created again; ``secret_id`` differs then."""

    name: str
    from_version: int | None
    to_version: int | None = None
    """``None`` until the rotation is STAGED."""
    secret_id: str | None = None
    from_secret_id: str | None = None
    label: str | None = None
    """What the app reports for the new value, where that is not the version's number."""
    from_label: str | None = None
    fingerprint: str | None = None
    """The fingerprint of the new value, where it may have one."""
    from_fingerprint: str | None = None

    def version(self, direction: Direction) -> int | None:
        """The version that is carried in ``direction``."""
        return self.to_version if direction is Direction.FORWARD else self.from_version

    def label_of(self, direction: Direction) -> str | None:
        """What the app reports as ``secret_version`` for what is carried in ``direction``: one label for one value."""
        version = self.version(direction)
        named = self.label if direction is Direction.FORWARD else self.from_label
        return named or (None if version is None else str(version))

    def fingerprint_of(self, direction: Direction) -> str | None:
        """The fingerprint of what is carried in ``direction``."""
        return self.fingerprint if direction is Direction.FORWARD else self.from_fingerprint

    @property
    def awaits_vault(self) -> bool:
        """Whether its new value is in use and in no vault yet."""
        return self.to_version == NOT_YET

    @property
    def goes_nowhere(self) -> bool:
        """Whether it carries the version that is in use already."""
        same_secret = self.from_secret_id == self.secret_id or None in (self.from_secret_id, self.secret_id)
        return self.from_version == self.to_version and same_secret


@dataclass(frozen=True, slots=True)
class Leak:
    """Why a rotation must not be undone: strangers know these versions."""

    reason: str
    versions: Mapping[str, int | None]
    """The leaked version by secret; ``None`` where no earlier version is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateRequest:
    """One call of ``rotate``: its flags as a value."""

    action: RotateAction = RotateAction.ROTATE
    secret: str | None = None
    """A name on the card, which selects its unit; without one the card's first unit."""
    origin: ValueSource = ValueSource.VAULT
    values: Mapping[str, Secret] = field(default_factory=dict)
    """New values by secret name, for :attr:`ValueSource.STDIN`."""
    leak: bool = False
    reason: str | None = None
    leaked_version: int | None = None
    dry_run: bool = False
    deploy: bool = True
    prove_within: timedelta | None = None
    """Overrides the configured time."""
    accept_value: bool = False
    """Accept a value that does not look like a key; ``reason`` says why."""
    push_again: bool = False
    """Write a version in use again, because a destination has drifted."""
    skip: Sequence[str] = ()
    """Destinations to leave out for :attr:`reason`."""
    despite_use: bool = False
    """Record a revocation although somebody may still use the old value."""
    beside: bool = False
    """Continue next to an unfinished rotation of another unit of the provider: one call rotates all of them."""
    vault_later: bool = False
    """The vault is unreachable: roll out the given values, which the vault must hold before the rotation is done."""
    new_destinations: Sequence[str] = ()
    """Destinations that are intended although the chain has never written them."""
    may_begin: bool = True
    """Whether ``--resume`` may begin a rotation where none is unfinished: nobody has confirmed that one yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSummary:
    """How far one runtime destination was proven at the last look."""

    uri: str
    grade: str | None
    successes: int
    needed: int
    old: int = 0
    """Successes with another version since the new one should be in service."""
    unlabelled: int = 0
    """Successes since then that do not say which value they used."""
    serves: str | None = None
    """The deployment that production serves instead of the one with the new value."""
    rewritten: Sequence[str] = ()
    """Names there that somebody else has written since they were pushed."""


@dataclass(frozen=True, slots=True)
class ProofSummary:
    """The proof so far. ``grade`` is ``A``, ``B`` or ``C``; ``None`` while nothing is proven."""

    grade: str | None = None
    events: Sequence[str] = ()
    missing: Sequence[str] = ()
    runtimes: Sequence[RuntimeSummary] = ()
    basis: str | None = None
    """``label`` or ``fingerprint``, for grade ``A``."""
