"""Which of the log's rows belong to a deployment. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.model import Event
from releaseguard.stats.series import Cell
from releaseguard.verification.values import Deployment, judged_from
from releaseguard.verification.whose.tags import Tags, names_none


class Owner(Enum):
    """What a row's tag says about it, whatever happened in the row."""

    OURS = auto()
    """It names the release, or this deployment."""
    ANOTHER = auto()
    """It names another release, or another deployment of the same one."""
    UNTAGGED = auto()
    """It names no release, so only time decides."""


@dataclass(frozen=True, slots=True)
class Members:
    """The rows of one deployment."""

    deployment: Deployment
    tags: Tags
    _owners: dict[str | None, Owner] = field(default_factory=dict, init=False, compare=False, repr=False)

    @property
    def are_phones(self) -> bool:
        """Whether it runs on phones, each of which has the release that its owner installed."""
        return self.deployment.is_of_phones

    def of(self, cell: Cell) -> Owner:
        """Whose the rows of a cell are: by the deployment's id where both have one, else by the release."""
        if cell.deployment_id is not None and self.deployment.deployment_id is not None:
            same = cell.deployment_id == self.deployment.deployment_id
            return Owner.OURS if same else Owner.ANOTHER
        return self.of_tag(cell.release)

    def of_counted(self, row: MinuteCount) -> Owner:
        """Whose the counted rows are, by the same rule."""
        if row.deployment_id is not None and self.deployment.deployment_id is not None:
            return Owner.OURS if row.deployment_id == self.deployment.deployment_id else Owner.ANOTHER
        return self.of_tag(row.release)

    def of_row(self, row: Event) -> Owner:
        """Whose a single row is."""
        written = row.detail.get("deployment_id")
        if written is not None and self.deployment.deployment_id is not None:
            return Owner.OURS if str(written) == self.deployment.deployment_id else Owner.ANOTHER
        return self.of_tag(row.release)

    def has(self, row: Event) -> bool:
        """Whether a row is the release's: by its tag since it is live, without a tag since its mark."""
        member = self.of_row(row)
        if member is Owner.UNTAGGED:
            return row.occurred_at >= self.deployment.deployed_at
        return member is Owner.OURS and row.occurred_at >= judged_from(self.deployment)

    def of_tag(self, release: str | None) -> Owner:
        """Whose a row with this release is."""
        owner = self._owners.get(release)
        if owner is None:
            owner = self._owners[release] = self._owner_of(release)
        return owner

    def _owner_of(self, release: str | None) -> Owner:
        if release is None or names_none(release):
            return Owner.UNTAGGED
        return Owner.OURS if self.tags.same(release, self.deployment.release) else Owner.ANOTHER
