"""The news in a verdict, in the providers' health, and in the histories of rotations. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from releaseguard.health.phones import card_id
from releaseguard.health.values import HealthState, ProviderHealth
from releaseguard.messages.message import Message
from releaseguard.messages.typed import typed
from releaseguard.notify.news import News
from releaseguard.readable import abbreviated
from releaseguard.report.verdict.document import VerdictDocument
from releaseguard.rotation.history.account import closing
from releaseguard.rotation.history.leaks import OpenLeak, open_leaks
from releaseguard.rotation.history.views import ChainView, RotationView
from releaseguard.rotation.values import Leak
from releaseguard.settings import Occasion

FRESH = timedelta(days=1)
"""For how long the end of a leak is news to somebody who never heard of its beginning."""


def of_verdict(document: VerdictDocument) -> Iterator[News]:
    """That a release fails."""
    if document["verdict"] != "fail":
        return
    release, environment = document["release"], document["environment"]
    part = f" ({document['component']})" if document["component"] else ""
    failed = [row for row in document["checks"] if row["verdict"] == "fail" and row["blocking"]]
    yield News(
        occasion=Occasion.FAIL,
        subject=f"verdict {release} {document['component'] or ''} {document['deployed_at']}",
        environment=environment,
        headline=Message("notify.fail", {"release": f"{abbreviated(release)}{part}", "environment": environment}),
        details=[f"{row['id']}: {row['reason']}" for row in failed] or [document["summary"]],
        next_step=document["next_step"],
        release=release,
    )


def of_providers(environment: str, providers: Iterable[ProviderHealth]) -> Iterator[News]:
    """Providers that are down, or silent although users are there; and those that are well again."""
    for one in providers:
        state = one.condition.state
        facts = {"name": one.name, "environment": environment}
        if state in (HealthState.DOWN, HealthState.SILENT):
            yield News(
                occasion=Occasion.PROVIDER_DOWN,
                subject=f"provider {one.provider}",
                environment=environment,
                headline=Message(f"notify.{state.value}", facts),
                details=[one.condition.reason],
                next_step=f"releaseguard incident {card_id(one.provider)}",
                provider=one.provider,
            )
        elif state is HealthState.HEALTHY:
            yield News(
                occasion=Occasion.PROVIDER_UP,
                subject=f"provider {one.provider}",
                environment=environment,
                headline=Message("notify.up", facts),
                details=[one.condition.reason],
                provider=one.provider,
                only_after_other=True,
            )


def of_leaks(chains: Iterable[ChainView], now: datetime) -> Iterator[News]:
    """Leaks that are open, and those that are closed."""
    for view in chains:
        still = {_subject(view, leak.unit, leak.leak) for leak in open_leaks(view)}
        yield from (_opened(view, leak) for leak in open_leaks(view))
        for rotation in view.leaks:
            ended = _closed_at(view, rotation)
            if rotation.leak and ended and _subject(view, rotation.unit, rotation.leak) not in still:
                yield _closed(view, rotation, rotation.leak, fresh=now - ended <= FRESH)


def _opened(view: ChainView, leak: OpenLeak) -> News:
    provider, environment = view.chain_key.provider, view.chain_key.environment
    return News(
        occasion=Occasion.LEAK_OPENED,
        subject=_subject(view, leak.unit, leak.leak),
        environment=environment,
        headline=Message("notify.leak_opened", {"unit": leak.unit, "provider": provider, "environment": environment}),
        details=[typed(leak.leak.reason)] if leak.leak.reason else [],
        next_step=closing(view.chain_key, leak),
        provider=provider,
    )


def _closed(view: ChainView, rotation: RotationView, leak: Leak, *, fresh: bool) -> News:
    provider, environment = view.chain_key.provider, view.chain_key.environment
    facts = {"unit": rotation.unit, "provider": provider, "environment": environment}
    return News(
        occasion=Occasion.LEAK_CLOSED,
        subject=_subject(view, rotation.unit, leak),
        environment=environment,
        headline=Message("notify.leak_closed", facts),
        provider=provider,
        only_after_other=not fresh,
    )


def _closed_at(view: ChainView, leaked: RotationView) -> datetime | None:
    """When a person first confirmed, from that rotation on, that the unit's old key is revoked."""
    if leaked.reported:
        return leaked.retired_at
    later = (one for one in view.rotations if one.unit == leaked.unit and one.began_at >= leaked.began_at)
    return next((one.retired_at for one in later if one.retired_at), None)


def _subject(view: ChainView, unit: str, leak: Leak) -> str:
    """The same for every rotation that deals with the leak; another leak of the same version has another."""
    versions = ",".join(f"{name}={version}" for name, version in sorted(leak.versions.items()))
    return f"leak {view.chain_key} {unit} {versions}"
