"""Parts of the app that are deployed each for itself, by the sources that write their rows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from releaseguard.errors import UsageError
from releaseguard.model import CLIENT, by_phones
from releaseguard.tomlfile import did_you_mean
from releaseguard.verification.values import Deployment


@dataclass(frozen=True, slots=True)
class Components:
    """``[components]``: which part of the app a source is. Without any all is one."""

    by_source: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> Sequence[str]:
        """The components that a mark may be of."""
        return sorted({*self.by_source.values(), self.phones}) if self.by_source else ()

    @property
    def phones(self) -> str:
        """What the component is called that phones are."""
        return self.by_source.get(CLIENT, CLIENT)

    def known(self, deployment: Deployment) -> Deployment:
        """The deployment, with whether it is one of phones."""
        return replace(deployment, is_of_phones=deployment.component == self.phones)

    def refuse_unknown(self, name: str, where: str) -> None:
        """Raises ``UsageError`` for a component that the configuration, at ``where``, does not name."""
        if name not in self.names:
            raise UsageError(
                f"no component is called {name}",
                where=where,
                next_step=f"{did_you_mean(name, self.names)} Or name its sources: [components] {name} = [...].",
            )

    def of(self, source: str | None) -> str | None:
        """The component of a row; ``None`` where its source is of none. Phones are one of their own."""
        if source is None or not self.by_source:
            return None
        return self.phones if by_phones(source) else self.by_source.get(source)

    def is_elsewhere(self, source: str | None, component: str | None) -> bool:
        """Whether a row is another component's than the one that is judged; ``None``: all of them are."""
        found = self.of(source)
        return component is not None and found is not None and found != component


def components_of(sources: Mapping[str, Sequence[str]]) -> Components:
    """By the section of the configuration, in which no source is in two."""
    of = {CLIENT if by_phones(source) else source: name for name, named in sources.items() for source in named}
    return Components(of)
