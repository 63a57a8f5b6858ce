"""What apps report as ``secret_version``, and which of it only the new value can have caused. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from releaseguard.rotation.values import Basis, Direction, Pin
from releaseguard_events.scrub.fingerprints import PREFIX


@dataclass(frozen=True, slots=True)
class LabelledSecret:
    """One secret of the unit, with what apps report for its old and its new value."""

    before: str | None
    label: str
    print_before: str | None = None
    print: str | None = None

    @property
    def moved(self) -> bool:
        """Whether the value differs from the one before, as far as is known."""
        if self.print and self.print_before:
            return self.print != self.print_before
        return self.before != self.label

    def basis(self, carried: str) -> Basis | None:
        """What identifies ``carried`` as the new value; ``None`` where it is not the new value."""
        if carried == self.label:
            return Basis.LABEL
        return Basis.FINGERPRINT if self.print is not None and carried == self.print else None


@dataclass(frozen=True, slots=True)
class Labels:
    """What apps report as ``secret_version`` of a unit, and which of it means the new version."""

    members: Mapping[str, LabelledSecret]
    """By secret."""
    reported: Sequence[str] = ()
    """The members whose own version the app knows (those with a companion); all of them where empty."""
    others: frozenset[str] = frozenset()
    """What apps report for the provider's other secrets."""

    @classmethod
    def of(
        cls,
        pins: Sequence[Pin],
        direction: Direction,
        reported: Sequence[str] = (),
        others: frozenset[str] = frozenset(),
    ) -> Labels:
        """The labels of carrying ``pins`` in ``direction``; ``others`` are those of the provider's other secrets."""
        other = Direction.BACK if direction is Direction.FORWARD else Direction.FORWARD
        members = {
            pin.name: LabelledSecret(
                pin.label_of(other), label, pin.fingerprint_of(other), pin.fingerprint_of(direction)
            )
            for pin in pins
            if (label := pin.label_of(direction)) is not None
        }
        return cls(members, tuple(name for name in reported if name in members), others)

    @property
    def group(self) -> str:
        """The version of the whole group: its members' labels in order, ``1.2``."""
        return ".".join(member.label for member in self.members.values())

    def is_new(self, carried: Any) -> bool:
        """Whether only a process that holds the new version can have reported ``carried``."""
        return self.basis(carried) is not None

    def basis(self, carried: Any) -> Basis | None:
        """What identifies ``carried`` as the new version; ``None`` where it does not."""
        if isinstance(carried, Mapping):
            return self._of_all(carried)
        text = str(carried)
        if text.startswith(PREFIX):
            return Basis.FINGERPRINT if text in self._prints() else None
        return Basis.LABEL if text == self.group or text in self._unmistakable() else None

    def concerns(self, carried: Any) -> bool:
        """Whether ``carried`` says anything about these secrets, and not only about others of the provider."""
        if isinstance(carried, Mapping):
            return bool(self.members.keys() & carried.keys())
        return str(carried) not in self.others or str(carried) in self._before() or self.is_new(carried)

    def is_before(self, carried: Any) -> bool:
        """Whether ``carried`` is what apps reported for the value before."""
        if isinstance(carried, Mapping):
            moved = {name: one for name, one in self.members.items() if one.moved and name in carried}
            return any(str(carried[name]) in (one.before, one.print_before) for name, one in moved.items())
        return str(carried) in self._before() and not self.is_new(carried)

    @staticmethod
    def is_named(carried: Any) -> bool:
        """Whether ``carried`` names its secret or value; a bare number may belong to any secret."""
        return isinstance(carried, Mapping) or str(carried).startswith(PREFIX)

    def _before(self) -> frozenset[str]:
        moved = [one for one in self.members.values() if one.moved]
        found = {text for one in moved for text in (one.before, one.print_before) if text}
        return frozenset(found | ({".".join(str(one.before) for one in self.members.values())} if moved else set()))

    def may_be_of_unchanged(self, carried: Any) -> Sequence[str]:
        """The unchanged members whose version ``carried`` is: an app that reports one of these says the same before and
        after. Empty where all members have changed."""
        moved = any(member.moved for member in self.members.values())
        still = {name: one.label for name, one in self.members.items() if not one.moved}
        return [name for name, label in still.items() if moved and str(carried) == label]

    def is_strange(self, carried: Any) -> bool:
        """Whether ``carried`` holds a fingerprint of neither the new value nor the one before."""
        given = carried.values() if isinstance(carried, Mapping) else [carried]
        known = {one for member in self.members.values() for one in (member.print, member.print_before)}
        return any(str(one).startswith(PREFIX) and str(one) not in known for one in given)

    def _of_all(self, carried: Mapping[str, Any]) -> Basis | None:
        changed = {name for name, member in self.members.items() if member.moved} or set(self.members)
        found = {name: member.basis(str(carried[name])) for name, member in self.members.items() if name in carried}
        if None in found.values() or not changed <= carried.keys():
            return None
        return Basis.LABEL if Basis.LABEL in {found[name] for name in changed} else Basis.FINGERPRINT

    @property
    def _moves(self) -> bool:
        """Whether any value is new: a place that had drifted may be given the value that is in use already."""
        return any(member.moved for member in self.members.values())

    def _unmistakable(self) -> frozenset[str]:
        """Labels that are some reported member's new version and no reported member's version before. Where the
        versions in use are written again, no label counts as one from before."""
        members = [self.members[name] for name in self.reported] or list(self.members.values())
        before = {str(member.before) for member in members} if len(self.members) > 1 and self._moves else set()
        return frozenset(member.label for member in members) - before

    def _prints(self) -> frozenset[str]:
        """Fingerprints of new values that no member had before; with several members, only where that is known."""
        if len(self.members) == 1 and not self._moves:
            return frozenset(one.print for one in self.members.values() if one.print is not None)
        known = [one for one in self.members.values() if one.print_before or len(self.members) == 1]
        before = {one.print_before for one in self.members.values()}
        return frozenset(one.print for one in known if one.print is not None and one.print not in before)
