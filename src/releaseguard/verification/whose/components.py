"""Components of an app that are deployed separately, by the sources that write their rows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from releaseguard.errors import UsageError
from releaseguard.model import CLIENT, by_phones
from releaseguard.tomlfile import did_you_mean
from releaseguard.verification.values import Deployment


@dataclass(frozen=True, slots=True)
class Components:
    """``[components]``: to which component a source belongs. Without any, the whole app is one."""

    by_source: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> Sequence[str]:
        """The components that a mark may name."""
        return sorted({*self.by_source.values(), self.phones}) if self.by_source else ()

    @property
    def phones(self) -> str:
        """The name of the component that consists of phones."""
        return self.by_source.get(CLIENT, CLIENT)

    def known(self, deployment: Deployment) -> Deployment:
        """The deployment, with whether it is one of phones."""
        return replace(deployment, is_of_phones=deployment.component == self.phones)

    def refuse_unknown(self, name: str, where: str) -> None:
        """Raise ``UsageError`` for a component that the configuration, at ``where``, does not name."""
        if name not in self.names:
            raise UsageError(
                f"no component is called {name}",
                where=where,
                next_step=f"{did_you_mean(name, self.names)} Or name its sources: [components] {name} = [...].",
            )

    def of(self, source: str | None) -> str | None:
        """The component of a row; ``None`` where its source belongs to none. Phones are a component of their own."""
        if source is None or not self.by_source:
            return None
        return self.phones if by_phones(source) else self.by_source.get(source)

    def is_elsewhere(self, source: str | None, component: str | None) -> bool:
        """Whether a row belongs to another component than ``component``; never where that is ``None``, which means
        all."""
        found = self.of(source)
        return component is not None and found is not None and found != component


def components_of(sources: Mapping[str, Sequence[str]]) -> Components:
    """The components in that section of the configuration, in which no source occurs twice."""
    of = {CLIENT if by_phones(source) else source: name for name, named in sources.items() for source in named}
    return Components(of)
