"""What apps report as ``secret_version``, and what of it only the new value can have made them say. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from releaseguard.rotation.values import Basis, Direction, Pin
from releaseguard_events.scrub.fingerprints import PREFIX


@dataclass(frozen=True, slots=True)
class LabelledSecret:
    """One secret of the unit: what apps report of the value before and of the new one."""

    before: str | None
    label: str
    print_before: str | None = None
    print: str | None = None

    @property
    def moved(self) -> bool:
        """Whether the value is another one than before, as far as is known."""
        if self.print and self.print_before:
            return self.print != self.print_before
        return self.before != self.label

    def basis(self, carried: str) -> Basis | None:
        """What says that ``carried`` is the new value; ``None``: it is not."""
        if carried == self.label:
            return Basis.LABEL
        return Basis.FINGERPRINT if self.print is not None and carried == self.print else None


@dataclass(frozen=True, slots=True)
class Labels:
    """What apps report as ``secret_version`` of a unit, and which of it is the new version."""

    members: Mapping[str, LabelledSecret]
    """By secret."""
    reported: Sequence[str] = ()
    """The members whose own version the app knows (those with a companion); all where empty."""
    others: frozenset[str] = frozenset()
    """What apps report of the provider's other secrets."""

    @classmethod
    def of(
        cls,
        pins: Sequence[Pin],
        direction: Direction,
        reported: Sequence[str] = (),
        others: frozenset[str] = frozenset(),
    ) -> Labels:
        """The labels of carrying ``pins`` in ``direction``; ``others`` are those of other secrets of the provider."""
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
        """The one version of the whole group: its members' labels in order, ``1.2``."""
        return ".".join(member.label for member in self.members.values())

    def is_new(self, carried: Any) -> bool:
        """Whether ``carried`` can only have been reported by a process that holds the new version."""
        return self.basis(carried) is not None

    def basis(self, carried: Any) -> Basis | None:
        """What that rests on; ``None`` where ``carried`` does not say it."""
        if isinstance(carried, Mapping):
            return self._of_all(carried)
        text = str(carried)
        if text.startswith(PREFIX):
            return Basis.FINGERPRINT if text in self._prints() else None
        return Basis.LABEL if text == self.group or text in self._unmistakable() else None

    def concerns(self, carried: Any) -> bool:
        """Whether ``carried`` says anything of these secrets: not where it is of others of the provider alone."""
        if isinstance(carried, Mapping):
            return bool(self.members.keys() & carried.keys())
        return str(carried) not in self.others or str(carried) in self._before() or self.is_new(carried)

    def is_before(self, carried: Any) -> bool:
        """Whether ``carried`` is what apps reported of the value before, and not just anything else."""
        if isinstance(carried, Mapping):
            moved = {name: one for name, one in self.members.items() if one.moved and name in carried}
            return any(str(carried[name]) in (one.before, one.print_before) for name, one in moved.items())
        return str(carried) in self._before() and not self.is_new(carried)

    @staticmethod
    def is_named(carried: Any) -> bool:
        """Whether ``carried`` itself says which secret or value it is of: a number may be any secret's."""
        return isinstance(carried, Mapping) or str(carried).startswith(PREFIX)

    def _before(self) -> frozenset[str]:
        moved = [one for one in self.members.values() if one.moved]
        found = {text for one in moved for text in (one.before, one.print_before) if text}
        return frozenset(found | ({".".join(str(one.before) for one in self.members.values())} if moved else set()))

    def may_be_of_unchanged(self, carried: Any) -> Sequence[str]:
        """Members that are as they were and whose version ``carried`` is: an app that reports the version of one of
        these says the same before and after. Empty where all have changed."""
        moved = any(member.moved for member in self.members.values())
        still = {name: one.label for name, one in self.members.items() if not one.moved}
        return [name for name, label in still.items() if moved and str(carried) == label]

    def is_strange(self, carried: Any) -> bool:
        """Whether ``carried`` holds a fingerprint that is neither of the new value nor of the one before."""
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
        """Whether anything is new in it: a place that had drifted may be written what was out already."""
        return any(member.moved for member in self.members.values())

    def _unmistakable(self) -> frozenset[str]:
        """Labels that are some reported member's new version and no reported member's version before. Where the very
        versions that were out are written once more nothing was before."""
        members = [self.members[name] for name in self.reported] or list(self.members.values())
        before = {str(member.before) for member in members} if len(members) > 1 and self._moves else set()
        return frozenset(member.label for member in members) - before

    def _prints(self) -> frozenset[str]:
        """Fingerprints of new values that no member had before; of several members only where that is known."""
        if len(self.members) == 1 and not self._moves:
            return frozenset(one.print for one in self.members.values() if one.print is not None)
        known = [one for one in self.members.values() if one.print_before or len(self.members) == 1]
        before = {one.print_before for one in self.members.values()}
        return frozenset(one.print for one in known if one.print is not None and one.print not in before)
