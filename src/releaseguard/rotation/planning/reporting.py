"""Records a leak for which no rotation could begin.

The new value may be missing or unusable, the vault may be away, another run may hold the lease. Each can take hours to
mend, and until then everyone must be able to see that strangers know the value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from releaseguard.cards.spec import Card
from releaseguard.errors import ReleaseguardError, ServiceError
from releaseguard.model import new_id
from releaseguard.rotation.context import RotationContext
from releaseguard.rotation.groups import SecretGroup, unit_of
from releaseguard.rotation.history.events import LeakReported
from releaseguard.rotation.history.journal import Journal
from releaseguard.rotation.history.leaks import open_leaks
from releaseguard.rotation.history.parts import LeakReport, PinnedSecret
from releaseguard.rotation.history.views import ChainView, RotationView
from releaseguard.rotation.identity.labelling import identified
from releaseguard.rotation.planning.leaked import NoNewerValue, reported_version
from releaseguard.rotation.session import Tell
from releaseguard.rotation.values import Leak, Pin, RotateRequest
from releaseguard.vault.interface import SecretVersion, Vault

NEW_KEY = "Make a new key in the provider's console, store it as a new version, then rotate again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """What recording a leak needs. It is less than a rotation needs, since that may be what is missing."""

    card: Card
    journal: Journal
    vault: Vault | None
    """``None`` where the vault cannot be asked; its newest version is then unknown."""
    salt: str
    command: str
    """The beginning of a command about the card's first unit."""
    recorded: Callable[[], None]
    """Called as soon as the log holds the leak."""


def register_of(context: RotationContext) -> Register:
    """The register of a run that has everything at hand."""
    return Register(
        card=context.card,
        journal=Journal(context.log, context.chain_key, context.holder, context.rules.lease, context.clocks),
        vault=context.vault,
        salt=context.rules.salt,
        command=context.command,
        recorded=context.leak_recorded,
    )


def keep_leak(request: RotateRequest, register: Register, stopped: BaseException, tell: Tell) -> RotationView | None:
    """Record the leak that ``request`` reports, after ``stopped`` has ended the call; returns its entry in the history.

    Returns ``None`` where nothing is recorded: the leak is on record already, it was a dry run, or the report is
    impossible. A failure to record is told and not raised, so that the caller can raise ``stopped``.
    """
    cannot_be = isinstance(stopped, NoNewerValue) and stopped.leak is None
    if not request.leak or request.dry_run or cannot_be:
        return None
    try:
        kept = _kept(request, register, stopped)
    except ReleaseguardError as error:
        tell(f"The leak is NOT on record: {error}. Report it again as soon as that is mended.")
        return None
    if isinstance(stopped, NoNewerValue):
        # What is on record as leaked is not taken back by naming another version.
        stopped.next_step = NEW_KEY
    if kept is not None:
        register.recorded()
        tell(
            "The leak is on record, and open until a new value is out and the revocation of the old one is confirmed: "
            f"releaseguard status, {_command(register, unit_of(register.card, request.secret))} --confirm-revoked"
        )
    return kept


def _kept(request: RotateRequest, register: Register, stopped: BaseException) -> RotationView | None:
    """Record the leak once; it is open from then on."""
    group, journal = unit_of(register.card, request.secret), register.journal
    chain = journal.load()
    newest = {} if isinstance(stopped, ServiceError) else _newest(register, group)
    leak = _leak(request, group, chain, newest, stopped)
    if leak is None or _is_known(chain, group, leak):
        return None
    step = _step(register, group, leak, newest, str(stopped) or type(stopped).__name__)
    return journal.note(step).entry(step.rotation_id)


def _command(register: Register, group: SecretGroup) -> str:
    usual = unit_of(register.card, None).name == group.name or not group.names
    return register.command if usual else f"{register.command} --secret {group.names[0]}"


def _newest(register: Register, group: SecretGroup) -> Mapping[str, SecretVersion]:
    """The vault's newest versions, as far as they can be read. They only help to name what leaked."""
    found: dict[str, SecretVersion] = {}
    if register.vault is None or group.manual:
        return found
    for name in group.names:
        with suppress(ReleaseguardError):
            found[name] = register.vault.read(name)
    return found


def _leak(
    request: RotateRequest,
    group: SecretGroup,
    chain: ChainView,
    newest: Mapping[str, SecretVersion],
    stopped: BaseException,
) -> Leak | None:
    """What leaked, as far as is known; ``None`` where the report names a version that does not exist."""
    if isinstance(stopped, NoNewerValue):
        return stopped.leak
    named = request.leaked_version
    if named is not None and newest and named > max(one.version for one in newest.values()):
        return None
    names = group.names
    return Leak(request.reason or "", {name: _version(name, request, chain, newest.get(name)) for name in names})


def _version(name: str, request: RotateRequest, chain: ChainView, newest: SecretVersion | None) -> int | None:
    """The reported version, else the one in use; before the first rotation, the version before the newest, or the only
    one."""
    out = chain.out.get(name)
    before = None if newest is None else max(newest.version - 1, 1)
    return reported_version(Pin(name, out.version if out else before), request, chain)


def _is_known(chain: ChainView, group: SecretGroup, leak: Leak) -> bool:
    """Whether this leak is open already. A leak of an unknown version is the same as any open leak of the unit."""
    mine = [one.leak.versions for one in open_leaks(chain) if one.unit == group.name]
    vague = all(version is None for version in leak.versions.values())
    return bool(mine) if vague else leak.versions in mine


def _step(
    register: Register,
    group: SecretGroup,
    leak: Leak,
    newest: Mapping[str, SecretVersion],
    problem: str,
) -> LeakReported:
    chain = register.journal.view
    leaked = leak.versions.items()
    pins = [_pin(register.salt, group, name, version, chain, newest.get(name)) for name, version in leaked]
    return LeakReported(
        rotation_id=str(new_id()),
        unit=group.name,
        leak=LeakReport(reason=leak.reason, versions=dict(leak.versions)),
        secrets=tuple(map(PinnedSecret.of, pins)),
        problem=problem,
    )


def _pin(
    salt: str,
    group: SecretGroup,
    name: str,
    version: int | None,
    chain: ChainView,
    newest: SecretVersion | None,
) -> Pin:
    """What leaked of one secret, with what distinguishes it from another secret of the same name and from the same
    value under another number."""
    out = chain.out.get(name)
    if out is not None and out.version == version:
        return Pin(name, version, from_secret_id=out.secret_id, from_label=out.label, from_fingerprint=out.fingerprint)
    if newest is None or version is None or version > newest.version:
        return Pin(name, version)
    if version < newest.version:
        return Pin(name, version, from_secret_id=newest.secret_id)
    spec = next(one for one in group.secrets if one.name == name)
    seen = identified(spec, newest, salt)
    return Pin(name, version, from_secret_id=newest.secret_id, from_fingerprint=seen.fingerprint)
