"""Examines the hosts before any is contacted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from releaseguard.doctor.values import Check, DoctorContext, Group
from releaseguard.model import Remark, Standing
from releaseguard_events.places.hosts import shown_host
from releaseguard_events.places.urls import split


def checks(context: DoctorContext) -> Sequence[Check]:
    """One check for each configured address, and one for the environment's proxy variables."""
    hosts = [
        Check(_host_id(setting), Group.HOSTS, setting, partial(_host, context, setting))
        for setting in context.addresses
    ]
    return [*hosts, Check("hosts.proxies", Group.HOSTS, "proxy variables", partial(_proxies, context))]


def _host_id(setting: str) -> str:
    """The id of a setting's check, by its section; an address from a CI job's runner has no section."""
    section, _, key = setting.removeprefix("[").partition("] ")
    return f"hosts.{'actions' if not key else 'proxy' if key == 'proxy' else section}"


def _host(context: DoctorContext, setting: str) -> Iterator[Remark]:
    refusal = context.refused.get(setting)
    if refusal is not None:
        raise refusal
    yield Remark(Standing.OK, setting, _shown(context.addresses[setting]))


def _shown(url: str) -> str | None:
    """The host of an address, since user, path and query can be confidential; a file's address as it is; ``None`` where
    it cannot be read."""
    if url.startswith("sqlite:"):
        return url
    parts = split(url)
    port = f":{parts.port}" if parts.port and parts.is_plain else ""
    return f"{parts.scheme}://{shown_host(url)}{port}" if parts.server else None


def _proxies(context: DoctorContext) -> Iterator[Remark]:
    if context.ignored_proxies:
        names = ", ".join(context.ignored_proxies)
        fix = "If releaseguard has to go through it, set [network] proxy; otherwise leave it."
        yield Remark(Standing.WARN, f"SAFE MODE ignores {names}", "environment", fix)
