"""Which credentials are available and which are missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from releaseguard.ci.job import is_job
from releaseguard.credentials import Requirement
from releaseguard.doctor.values import Check, DoctorContext, Group
from releaseguard.errors import ConfigError
from releaseguard.eventlog.signing.keys import MAKE_ONE, VARIABLE, Key, keyring_in
from releaseguard.model import Remark, Standing
from releaseguard.settings import SUCCESSOR


def checks(context: DoctorContext) -> Sequence[Check]:
    """The checks of the credentials that the configuration needs, then of any others that are set."""

    def look(name: str, title: str, made: Callable[[], Iterator[Remark]]) -> Check:
        return Check(f"credentials.{name}", Group.CREDENTIALS, title, made)

    return [
        *(look(one.id, one.purpose, partial(_credential, context, one)) for one in context.requirements),
        look("successors", "new accesses", partial(_successors, context)),
        look("signing", "signatures on releaseguard's own rows", partial(_signing, context)),
    ]


def _credential(context: DoctorContext, needed: Requirement) -> Iterator[Remark]:
    option = needed.met_by(context.environ)
    if option is None:
        raise ConfigError(
            f"{_lacking(context, needed)}: needed for {needed.purpose}",
            where="environment",
            next_step=f"Set {needed.words}.",
        )
    if option.unfit_in_a_job and is_job(context.environ):
        raise ConfigError(option.unfit_in_a_job.what, where="environment", next_step=option.unfit_in_a_job.fix)
    yield Remark(Standing.OK, f"{' and '.join(option.variables)} is set")
    if half := needed.half_met(context.environ):
        what = f"{' and '.join(half)} is not set, so what belongs to it is not used"
        yield Remark(Standing.WARN, what, "environment", "Set both, or unset the other.", "half")


def _lacking(context: DoctorContext, needed: Requirement) -> str:
    half = needed.half_met(context.environ)
    for option in needed.options:
        if half and {*half} <= {*option.runner}:
            return (
                f"{' and '.join(option.variables)} is set, but the job has no identity (permissions: id-token: write)"
            )
    if not half and len(needed.options) > 1:
        return "no credential is set"
    return f"{' and '.join(half) or needed.words} is not set"


def _successors(context: DoctorContext) -> Iterator[Remark]:
    for variable in context.replaceable:
        if context.environ.get(variable + SUCCESSOR):
            what = f"{variable}{SUCCESSOR} is set: it is used where {variable} is not accepted any more"
            fix = f"Once its rotation is done, give {variable} the new value and unset {variable}{SUCCESSOR}."
            yield Remark(Standing.WARN, what, "environment", fix, variable)


def _the_key(key: Key) -> Remark:
    what = f"{VARIABLE} is set: key {key.id} signs"
    if key.weakness is None:
        return Remark(Standing.OK, what)
    return Remark(Standing.WARN, f"{what}, but {key.weakness}", "environment", MAKE_ONE)


def _signing(context: DoctorContext) -> Iterator[Remark]:
    keys = keyring_in(context.environ)
    if keys is not None:
        yield _the_key(keys.current)
    if keys is not None or not context.settings.providers:
        return  # where nothing is managed there is no state to be forged
    what = (
        f"{VARIABLE} is not set: whoever reads the event log and inserts into it, as a holder of the service key does, "
        "can append to a rotation's history (close a leak, claim a proof, hold the lease) and forge marks of "
        "deployments and results of verify"
    )
    fix = f"{MAKE_ONE}, and set it wherever releaseguard runs; an app's own writer needs none."
    yield Remark(Standing.WARN, what, "environment", fix)
