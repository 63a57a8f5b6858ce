"""One call of ``rotate``: what every step works with, and where the rotation stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from releaseguard.errors import Refused
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
"""Receives progress messages."""


@dataclass(slots=True, kw_only=True)
class RotationSession:
    """Everything that the steps of one run share. The lease is held from the first event that the run appends."""

    request: RotateRequest
    context: RotationContext
    tell: Tell
    group: SecretGroup
    journal: Journal
    workers: Workers
    rotation_id: str = ""
    """The id of the current rotation; empty before there is one."""
    check_again: bool = False
    """Whether destinations that the history calls written are read back before that is believed."""
    left: dict[str, LeftOut] = field(default_factory=dict)
    """The destinations that the plan being made leaves out."""
    later: VaultLater | None = None
    """Holds the new values while the vault is unreachable."""
    versions: dict[tuple[str, int, str], SecretVersion] = field(default_factory=dict)
    """The versions that were read, by name, number and the secret's id, so that a pinned version is not read again."""

    @property
    def vault(self) -> Vault:
        """The vault, or what stands in for it."""
        return self.later or self.context.vault

    @property
    def chain(self) -> ChainView:
        """The current state of the whole chain."""
        return self.journal.view

    @property
    def rotation(self) -> RotationView:
        """The state of the current rotation."""
        return self.rotation_named(self.rotation_id)

    @property
    def bindings(self) -> Sequence[Binding]:
        """The destinations that this run writes: all that are not left out."""
        left = self.left_out
        return [one for one in self.context.bindings if one.key not in left]

    @property
    def left_out(self) -> Mapping[str, LeftOut]:
        """The configured destinations without which the run continues."""
        return self.left_of(self.rotation) if self.rotation_id else self.left

    @property
    def unfinished(self) -> RotationView | None:
        """The rotation for which something is left to be done: this group's, else the newest of the provider."""
        mine = [view for view in self.chain.unfinished if view.unit == self.group.name]
        return next(iter([*mine, *reversed(self.chain.unfinished)]), None)

    @property
    def unfinished_here(self) -> RotationView | None:
        """This group's unfinished rotation."""
        found = self.unfinished
        return found if found and found.unit == self.group.name else None

    @property
    def command(self) -> str:
        """The command that means this group; without a secret's name it would mean the card's first group."""
        return command_of(self, self.group)

    def left_of(self, view: RotationView) -> Mapping[str, LeftOut]:
        """The configured destinations without which ``view`` continued."""
        uris = {one.key: one.destination.uri for one in self.context.bindings} if view.left_out else {}
        return {key: replace(one, uri=uris[key]) for key, one in view.left_out.items() if key in uris}

    def rotation_named(self, rotation_id: str) -> RotationView:
        """The rotation, or the report of a leak, of that id. Raises ``KeyError`` where the chain has none."""
        found = self.chain.entry(rotation_id)
        if found is None:
            raise KeyError(f"rotation {rotation_id} is not in the chain")
        return found

    def begin(self, rotation_id: str, steps: Sequence[ChainStep]) -> None:
        """Take the lease with the first events; after a take-over, wait until the predecessor's last request must have
        ended."""
        known = any(one.id == rotation_id for one in self.chain.rotations)
        self.check_again = known or self._was_left_held()
        self.rotation_id = rotation_id
        self.journal.about(rotation_id)
        self.journal.append(*steps)
        self.journal.wait_for_stragglers(self.context.rules.request_timeout, self.tell)

    def _was_left_held(self) -> bool:
        """Whether a predecessor ended without releasing its lease."""
        lease = self.chain.lease
        return lease is not None and not lease.released

    def append(self, *steps: ChainStep) -> None:
        """Append the next steps. Raises what the journal raises."""
        self.journal.append(*steps)

    def remember(self, versions: Iterable[SecretVersion]) -> None:
        """Keep versions that were read during planning."""
        self.versions.update({(one.name, one.version, one.secret_id): one for one in versions})

    def remembered(self, name: str, version: int, secret_id: str | None) -> SecretVersion | None:
        """The version as it was read; without ``secret_id``, of any secret of that name."""
        return next(
            (
                one
                for (known, number, of), one in self.versions.items()
                if (known, number) == (name, version) and secret_id in (None, of)
            ),
            None,
        )


def command_of(session: RotationSession, group: SecretGroup) -> str:
    """The command that means ``group``."""
    usual = unit_of(session.context.card, None).name == group.name or not group.secrets
    return session.context.command if usual else f"{session.context.command} --secret {group.names[0]}"


def group_of(session: RotationSession, view: RotationView) -> SecretGroup:
    """The secrets that ``view`` rotates."""
    return SecretGroup(view.unit, tuple(session.context.card.units().get(view.unit, ())))


def unless_held_up(session: RotationSession) -> None:
    """Raise ``Refused`` where another unit of the provider is being written; one that waits for somebody is named.

    A proof, a console or an approval may take days: no other secret of the provider waits for it, and a leak does
    not wait for anything that a lease does not hold.
    """
    request = session.request
    if request.dry_run or request.beside or session.unfinished_here:
        return
    for view in reversed(session.chain.unfinished):
        if view.being_written and not request.leak:
            raise _other_group(session, view)
        command = command_of(session, group_of(session, view))
        session.tell(f"The rotation of {view.unit} is unfinished too ({view.state}): {command} --resume")


def _other_group(session: RotationSession, unfinished: RotationView) -> Refused:
    command = command_of(session, group_of(session, unfinished))
    step = f"Finish it first: {command} --resume, or give it up: {command} --abort"
    what = f"the rotation of {unfinished.unit} is unfinished ({unfinished.state})"
    return Refused(what, where=str(session.context.chain_key), next_step=step)
