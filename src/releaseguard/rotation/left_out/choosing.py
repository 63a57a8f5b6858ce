"""Decides which destinations are left out, and describes them. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from releaseguard import readable
from releaseguard.destinations.address import ReadAddress
from releaseguard.errors import (
    Failed,
    Refused,
    ReleaseguardError,
    ServiceError,
    Unreachable,
    UsageError,
)
from releaseguard.rotation.context import Binding
from releaseguard.rotation.history.views import LeftOut
from releaseguard.tomlfile import did_you_mean


class PushIncomplete(ServiceError):
    """Some destinations were written and others were not; ``--resume`` writes the rest."""


def chosen(
    bindings: Sequence[Binding], skip: Sequence[str], reason: str | None, read: ReadAddress
) -> Mapping[str, LeftOut]:
    """The destinations that ``--skip`` names, by the key of each binding. Raises ``UsageError`` for a destination that
    is not configured, and where nothing would be left to write; ``ConfigError`` for an invalid address."""
    found: dict[str, LeftOut] = {}
    for text in skip:
        meant = _meant(bindings, text, read)
        if not meant:
            uris = [one.destination.uri for one in bindings]
            raise UsageError(
                f"--skip {text} is not a destination of this rotation",
                next_step=f"{did_you_mean(text, uris)} Configured are: {', '.join(uris) or 'none'}.",
            )
        found |= {one.key: LeftOut(one.destination.uri, reason or "", by_person=True) for one in meant}
    if found and len(found) == len(bindings):
        raise UsageError("--skip leaves every destination out", next_step="Leave one of them in.")
    return found


def _meant(bindings: Sequence[Binding], text: str, read: ReadAddress) -> Sequence[Binding]:
    """The places that ``text`` names: an address in any spelling, or one without its targets."""
    spelled = [one for one in bindings if text in (one.key, one.destination.address.base)]
    if spelled:
        return spelled
    address = read(text)
    return [
        one
        for one in bindings
        if address.site == one.destination.address.site and {*address.targets} == {*one.destination.address.targets}
    ]


def may_go_on(bindings: Sequence[Binding], unwritable: Mapping[str, ReleaseguardError], *, leak: bool) -> bool:
    """Whether a rotation continues without what cannot be written: in a leak, what production runs on does not wait."""
    if not unwritable:
        return True
    runtimes = [one for one in bindings if one.destination.runtime]
    return leak and any(one.key not in unwritable for one in runtimes or bindings)


def not_writable(
    bindings: Sequence[Binding], unwritable: Mapping[str, ReleaseguardError], command: str
) -> ReleaseguardError:
    """All problems found by reading, as one error."""
    uris = {one.key: one.destination.uri for one in bindings}
    first = next(iter(unwritable))
    skip = f'{command} --skip {shlex.quote(uris[first])} --reason "..."'
    if len(unwritable) == 1:
        error = unwritable[first]
        error.next_step = f"{error.next_step or 'Fix it.'} Or leave it out, on record: {skip}"
        return error
    each = [
        f"{key}: {at_place(key, error)}" + (f" ({error.next_step})" if error.next_step else "")
        for key, error in unwritable.items()
    ]
    many = f"{len(unwritable)} of {readable.count(len(bindings), 'destination')} cannot be written, and nothing was"
    what = "\n  ".join([f"{many}:", *each])
    return one_for_all(what, f"Fix each; or leave it out, on record: {skip}", list(unwritable.values()))


def at_place(key: str, error: ReleaseguardError) -> str:
    """The error's text without the place, for a sentence that begins with the place."""
    return str(error).removeprefix(f"{key}: ")


def one_for_all(what: str, step: str, errors: Sequence[ReleaseguardError]) -> ReleaseguardError:
    """One error for several destinations. A service's error takes precedence over a refusal, and an unknown outcome
    over a known one."""
    services = [error for error in errors if isinstance(error, ServiceError)]
    if services:
        unknown = any(isinstance(error, Unreachable) for error in services)
        kind: type[ServiceError] = Unreachable if unknown else PushIncomplete
        return kind(what, next_step=step, status=services[0].status)
    refused = next((error for error in errors if isinstance(error, Refused)), None)
    if refused is None:
        return Failed(what, next_step=step)
    own = refused.next_step if refused.next_step and refused.next_step not in step else ""
    return Refused(what, next_step=f"{own or ''} {step}".strip())


def sentences(left: Mapping[str, LeftOut]) -> Sequence[str]:
    """One sentence for each destination that is left out."""
    return [
        f"{one.uri} was left out ({one.because}): it still holds the old value, and breaks when that is revoked."
        for one in left.values()
    ]
