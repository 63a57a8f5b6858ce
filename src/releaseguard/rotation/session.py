"""One call of ``rotate`` under way: what every step works with, and where the rotation stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from releaseguard.rotation.context import Binding, RotationContext
from releaseguard.rotation.groups import SecretGroup, unit_of
from releaseguard.rotation.history.events import ChainStep
from releaseguard.rotation.history.journal import Journal
from releaseguard.rotation.history.views import ChainView, LeftOut, RotationView
from releaseguard.rotation.values import RotateRequest
from releaseguard.rotation.workers import Workers
from releaseguard.vault.interface import SecretVersion, Vault
from releaseguard.vault.later import VaultLater

Tell = Callable[[str], None]
"""Receives progress for people."""


@dataclass(slots=True, kw_only=True)
class RotationSession:
    """What a run has at hand. The lease is held from the first event that it appends."""

    request: RotateRequest
    context: RotationContext
    tell: Tell
    group: SecretGroup
    journal: Journal
    workers: Workers
    rotation_id: str = ""
    """Of the rotation that is under way, or looked at; empty before one is."""
    check_again: bool = False
    """Whether destinations that the history says are written are read back before that is believed."""
    left: dict[str, LeftOut] = field(default_factory=dict)
    """What is left out by the plan that is being made, by destination."""
    later: VaultLater | None = None
    """What holds the new values while the vault is away."""
    versions: dict[tuple[str, int, str], SecretVersion] = field(default_factory=dict)
    """What was read, by name, version and the secret's id: what is exactly as pinned is not read again."""

    @property
    def vault(self) -> Vault:
        """Where values are read and stored."""
        return self.later or self.context.vault

    @property
    def chain(self) -> ChainView:
        """What the whole chain says now."""
        return self.journal.view

    @property
    def rotation(self) -> RotationView:
        """Where the rotation under way stands."""
        return self.rotation_named(self.rotation_id)

    @property
    def bindings(self) -> Sequence[Binding]:
        """Where this run writes: every destination that is not left out."""
        left = self.left_out
        return [one for one in self.context.bindings if one.key not in left]

    @property
    def left_out(self) -> Mapping[str, LeftOut]:
        """What is gone on without, of the destinations that are configured."""
        return self.left_of(self.rotation) if self.rotation_id else self.left

    @property
    def unfinished(self) -> RotationView | None:
        """The rotation for which something is left to be done: this group's, else the newest of the provider's."""
        mine = [view for view in self.chain.unfinished if view.unit == self.group.name]
        return next(iter([*mine, *reversed(self.chain.unfinished)]), None)

    @property
    def unfinished_here(self) -> RotationView | None:
        """This group's unfinished rotation."""
        found = self.unfinished
        return found if found and found.unit == self.group.name else None

    @property
    def command(self) -> str:
        """What means this group of secrets: without a name a command means the card's first."""
        return command_of(self, self.group)

    def left_of(self, view: RotationView) -> Mapping[str, LeftOut]:
        """What ``view`` went on without, of the destinations that are configured."""
        uris = {one.key: one.destination.uri for one in self.context.bindings} if view.left_out else {}
        return {key: replace(one, uri=uris[key]) for key, one in view.left_out.items() if key in uris}

    def rotation_named(self, rotation_id: str) -> RotationView:
        """The rotation of that id. Raises ``KeyError`` where the chain has none."""
        found = next((one for one in self.chain.rotations if one.id == rotation_id), None)
        if found is None:
            raise KeyError(f"rotation {rotation_id} is not in the chain")
        return found

    def begin(self, rotation_id: str, steps: Sequence[ChainStep]) -> None:
        """Take the lease with the first events; after a take-over, wait out the predecessor's last request."""
        known = any(one.id == rotation_id for one in self.chain.rotations)
        self.check_again = known or self._was_left_held()
        self.rotation_id = rotation_id
        self.journal.about(rotation_id)
        self.journal.append(*steps)
        self.journal.wait_for_stragglers(self.context.rules.request_timeout, self.tell)

    def _was_left_held(self) -> bool:
        """Whether a predecessor went away without giving its lease back."""
        lease = self.chain.lease
        return lease is not None and not lease.released

    def append(self, *steps: ChainStep) -> None:
        """Write the next steps. Raises as the journal does."""
        self.journal.append(*steps)

    def remember(self, versions: Iterable[SecretVersion]) -> None:
        """Keep versions that were read while planning."""
        self.versions.update({(one.name, one.version, one.secret_id): one for one in versions})

    def remembered(self, name: str, version: int, secret_id: str | None) -> SecretVersion | None:
        """The version as it was read; without ``secret_id`` whichever secret of that name it was of."""
        return next(
            (
                one
                for (known, number, of), one in self.versions.items()
                if (known, number) == (name, version) and secret_id in (None, of)
            ),
            None,
        )


def command_of(session: RotationSession, group: SecretGroup) -> str:
    """What means ``group``."""
    usual = unit_of(session.context.card, None).name == group.name or not group.secrets
    return session.context.command if usual else f"{session.context.command} --secret {group.names[0]}"
