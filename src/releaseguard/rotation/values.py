"""The vocabulary of the rotation room: what is asked, and the words for where it stands."""

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
"""What a run that ends in a state without an error exits with; every other state is undecided."""


class Direction(StrEnum):
    """Which way versions are carried: the new ones out, or the previous ones back."""

    FORWARD = "forward"
    BACK = "back"


class Cause(StrEnum):
    """Why a rotation failed or was rolled back: what leads out depends on it."""

    REFUSED = "refused"
    """The provider does not accept the new value."""
    DEPLOYMENT = "deployment"
    """What runs could not be deployed again."""
    GONE = "gone"
    """The previous version cannot be had any more."""
    ASKED = "asked"
    """A person asked for it."""


class Grade(StrEnum):
    """How strong a proof is; the order of the letters is the order of strength."""

    A = "A"
    """The events carry the new secret version."""
    B = "B"
    """The events carry the new deployment's id, or its release where that differs from the one before."""
    C = "C"
    """Only the time speaks for it."""


class Basis(StrEnum):
    """What a proof of grade A rests on."""

    LABEL = "label"
    """The version that is pushed beside the value; it can be left behind by whoever writes one without the other."""
    FINGERPRINT = "fingerprint"
    """The value that the process really holds."""


class RotateAction(StrEnum):
    """What a call of ``rotate`` is for."""

    ROTATE = "rotate"
    RESUME = "resume"
    ABORT = "abort"
    ROLLBACK = "rollback"
    CONFIRM_REVOKED = "confirm-revoked"


@dataclass(frozen=True, slots=True)
class Pin:
    """One secret of a rotation. ``secret_id`` tells a re-created namesake, whose versions restart at 1, apart."""

    name: str
    from_version: int | None
    to_version: int | None = None
    """``None`` until the rotation is STAGED."""
    secret_id: str | None = None
    from_secret_id: str | None = None
    label: str | None = None
    """What the app reports of the new value, where that is not the version's number."""
    from_label: str | None = None
    fingerprint: str | None = None
    """Of the new value, where it may have one."""
    from_fingerprint: str | None = None

    def version(self, direction: Direction) -> int | None:
        """The version that is carried in ``direction``."""
        return self.to_version if direction is Direction.FORWARD else self.from_version

    def label_of(self, direction: Direction) -> str | None:
        """What the app reports as ``secret_version`` of what is carried in ``direction``: one word for one value."""
        version = self.version(direction)
        named = self.label if direction is Direction.FORWARD else self.from_label
        return named or (None if version is None else str(version))

    def fingerprint_of(self, direction: Direction) -> str | None:
        """The fingerprint of what is carried in ``direction``."""
        return self.fingerprint if direction is Direction.FORWARD else self.from_fingerprint

    @property
    def awaits_vault(self) -> bool:
        """Whether its new value is out, and in no vault yet."""
        return self.to_version == NOT_YET

    @property
    def goes_nowhere(self) -> bool:
        """Whether it carries the very version that is out."""
        same_secret = self.from_secret_id == self.secret_id or None in (self.from_secret_id, self.secret_id)
        return self.from_version == self.to_version and same_secret


@dataclass(frozen=True, slots=True)
class Leak:
    """Why a rotation cannot be undone: these versions are known to strangers."""

    reason: str
    versions: Mapping[str, int | None]
    """The leaked version by secret; ``None`` where no earlier version is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateRequest:
    """One call of ``rotate``: its flags as a plain value."""

    action: RotateAction = RotateAction.ROTATE
    secret: str | None = None
    """A name on the card; it picks the unit. The card's first unit otherwise."""
    origin: ValueSource = ValueSource.VAULT
    values: Mapping[str, Secret] = field(default_factory=dict)
    """New values by secret name, for :attr:`Origin.STDIN`."""
    leak: bool = False
    reason: str | None = None
    leaked_version: int | None = None
    dry_run: bool = False
    deploy: bool = True
    prove_within: timedelta | None = None
    """Overrides the configured one."""
    accept_value: bool = False
    """Take a value that cannot be a key by its looks; ``reason`` says why."""
    push_again: bool = False
    """Write a version that is out already once more: a destination has drifted."""
    skip: Sequence[str] = ()
    """Destinations that are left out for :attr:`reason`."""
    despite_use: bool = False
    """Record a revocation although somebody may use the old value still."""
    beside: bool = False
    """Go on beside an unfinished rotation of another unit of the provider's: one call rotates all of them."""
    vault_later: bool = False
    """The vault is away: the given values are brought out, and it has to hold them before the rotation is done."""
    new_destinations: Sequence[str] = ()
    """Destinations that are meant although the chain has never written them."""
    may_begin: bool = True
    """Whether ``--resume`` may begin a rotation where none is unfinished: nobody has confirmed that one yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSummary:
    """How far one runtime was proven at the last look."""

    uri: str
    grade: str | None
    successes: int
    needed: int
    old: int = 0
    """Successes with another version since the new one should serve."""
    unlabelled: int = 0
    """Successes since then that do not say which value they used."""
    serves: str | None = None
    """The deployment that production serves instead of the one that was made for the new value."""
    rewritten: Sequence[str] = ()
    """Names there that somebody else has written since they were pushed."""


@dataclass(frozen=True, slots=True)
class ProofSummary:
    """The proof as far as it goes. ``grade`` is ``A``, ``B`` or ``C``; ``None`` while nothing is proven."""

    grade: str | None = None
    events: Sequence[str] = ()
    missing: Sequence[str] = ()
    runtimes: Sequence[RuntimeSummary] = ()
    basis: str | None = None
    """``label`` or ``fingerprint``, for grade ``A``."""
