"""What must hold on a card beyond the types of its keys. Pure: takes a parsed file and its card, returns the
problems."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from releaseguard.cards.placeholders import amounts_in, placeholders
from releaseguard.cards.spec import (
    Card,
    Control,
    FlowCheck,
    FlowSpec,
    InvariantCheck,
    LatencyCheck,
    NonBlockingCheck,
    PrivacyCheck,
    ReleaseTagCheck,
    SecretCheck,
    SecretSpec,
    SignalCheck,
    StepSpec,
    VolumeCheck,
)
from releaseguard.errors import ConfigError
from releaseguard.messages import LANGUAGES
from releaseguard.model import duration
from releaseguard.tomlfile import Document, Step, did_you_mean

RUN_NAMES = ("amount", "correlation_id", "email", "idempotency_key", "run_id", "user_id")
"""The placeholders that a run fills in the steps of every flow."""

_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))+")
_NOT_TEXTS = {"body", "extract", "code"}
"""The tables on a card that do not contain a sentence by language."""
_NPM = re.compile(r"(@[a-z0-9_.-]+/)?[a-z0-9_.-]+|deno\.land/x/[a-z0-9_]+")
_CALL_STEP = r"""(?:\*|[A-Za-z_$][A-Za-z0-9_$]*)(?:\((?:"[^"]*"|'[^']*')\))?"""
_CALL = re.compile(rf"{_CALL_STEP}(?:\.{_CALL_STEP})*")
_SHARED_BY_GROUP = ("from_", "reach", "overlap", "proven_by")

Problems = Iterator[ConfigError]


def problems(document: Document, card: Card) -> Problems:
    """Everything that is wrong with one card by itself, in the order of the file."""
    yield from _identity(document, card)
    yield from _texts(document, card, ())
    yield from _hosts(document, card)
    yield from _secrets(document, card)
    yield from _proof(document, card)
    yield from _checks(document, card)
    yield from _flows(document, card)
    yield from _code(document, card)
    yield from _playbook(document, card)


def request_problem(flow: FlowSpec) -> tuple[str, str] | None:
    """What is wrong with a flow's first request as the project changed it: the key and the problem; ``None`` where
    nothing is."""
    step = flow.steps[0]
    if not re.match(r"/[^/\\]", step.path):
        return "path", f"{step.path!r} is not a path of the app's own: write /functions/v1/name"
    open_ = [name for name in placeholders([step.path, step.body]) if name not in RUN_NAMES]
    if open_:
        return "body", f"{{{open_[0]}}} stands for nothing: there are {', '.join(RUN_NAMES)}"
    if any(not asked <= (flow.max_amount or 0) for asked in amounts_in(step.body)):
        return "body", f"asks for more than the card's max_amount ({flow.max_amount})"
    return None


def problems_between(documents: Mapping[str, Document], cards: Mapping[str, Card]) -> Problems:
    """What is wrong between cards: an id or a secret used twice, a user action that is on no card."""
    known = {event for card in cards.values() for event in declared(card)}
    seen: dict[tuple[str, str], str] = {}
    for name, card in cards.items():
        document = documents[name]
        for kind, key in (("checks", "id"), ("secrets", "name")):
            for index, item in enumerate(getattr(card, kind)):
                label = getattr(item, key)
                if (other := seen.setdefault((kind, label), name)) != name:
                    yield document.error(f"{label!r} is on card {other!r} already", kind, index, key)
        for index, check in enumerate(card.checks):
            if isinstance(check, NonBlockingCheck):
                yield from _unknown(
                    document, check.user_actions, known, "checks", index, "user_actions", place="any card"
                )


def declared(card: Card) -> Sequence[str]:
    """All events of a card."""
    return (*card.events.success, *card.events.error)


def _identity(document: Document, card: Card) -> Problems:
    if card.id != document.path.stem:
        yield document.error(
            f"{card.id!r} is not the file's name", "id", next_step=f"Rename the file to {card.id}.toml, or the id."
        )
    yield from _repeated(document, declared(card), "events")


def _hosts(document: Document, card: Card) -> Problems:
    if not card.hosts:
        yield document.error("a card lists at least one host of its provider", "hosts")
    for index, host in enumerate(card.hosts):
        if not _HOST.fullmatch(host):
            yield document.error(
                f"{host!r} is not a plain host name",
                "hosts",
                index,
                next_step="Write it without scheme, port, path or '*', in lower case and punycode: api.example.com. "
                "It covers its subdomains.",
            )
    yield from _repeated(document, card.hosts, "hosts")


def _secrets(document: Document, card: Card) -> Problems:
    yield from _repeated(document, [secret.name for secret in card.secrets], "secrets", key="name")
    for index, secret in enumerate(card.secrets):
        yield from _unknown(document, secret.proven_by, card.events.success, "secrets", index, "proven_by")
        if _needs_steps(secret) and secret.steps is None:
            yield document.error(
                "a person has a part in this rotation, so the card says which",
                "secrets",
                index,
                "steps",
                next_step='Add steps = { en = "...", tr = "..." }.',
            )
        if secret.console and not secret.console.startswith("https://"):
            yield document.error(f"{secret.console!r} is not an https address", "secrets", index, "console")
        yield from _durations(document, secret, ("secrets", index), "max_age")
        yield from _pattern(document, secret, ("secrets", index, "pattern"))
    yield from _groups(document, card)


def _pattern(document: Document, secret: SecretSpec, at: Sequence[Step]) -> Problems:
    try:
        re.compile(secret.pattern or "")
    except re.error as error:
        yield document.error(f"{secret.pattern!r} is not a regular expression: {error}", *at)


def _needs_steps(secret: SecretSpec) -> bool:
    return secret.from_ in ("manual", "generated") or not secret.overlap


def _groups(document: Document, card: Card) -> Problems:
    first: dict[str, SecretSpec] = {}
    names = {secret.name for secret in card.secrets}
    for index, secret in enumerate(card.secrets):
        if secret.group is None:
            continue
        if secret.group in names:
            yield document.error(f"{secret.group!r} is a secret's name", "secrets", index, "group")
        leader = first.setdefault(secret.group, secret)
        for field in _SHARED_BY_GROUP:
            if getattr(secret, field) != getattr(leader, field):
                yield document.error(
                    f"differs from {leader.name} of the same group {secret.group!r}",
                    "secrets",
                    index,
                    field.rstrip("_"),
                    next_step="Secrets of one group are pinned, pushed and proven together: give both the same.",
                )


def _proof(document: Document, card: Card) -> Problems:
    if card.proof.flow is not None:
        yield from _unknown(document, [card.proof.flow], [flow.id for flow in card.flows], "proof", "flow")


def _checks(document: Document, card: Card) -> Problems:
    ids = [check.id for check in card.checks]
    yield from _repeated(document, ids, "checks", key="id")
    for index, check in enumerate(card.checks):
        at = ("checks", index)
        yield from _durations(document, check, at, "grace", "within")
        if check.settled_by is not None:
            others = [other for other in ids if other != check.id]
            yield from _unknown(document, [check.settled_by], others, *at, "settled_by")
        yield from _KINDS[type(check)](document, card, check, at)


def _events_of(*keys: str) -> Callable[[Document, Card, Any, Sequence[Step]], Problems]:
    def rule(document: Document, card: Card, check: Any, at: Sequence[Step]) -> Problems:
        for key in keys:
            if not getattr(check, key) and not isinstance(check, PrivacyCheck):
                yield document.error("names no event", *at, key)
            yield from _unknown(document, getattr(check, key), declared(card), *at, key)

    return rule


def _volume(document: Document, card: Card, check: VolumeCheck, at: Sequence[Step]) -> Problems:
    yield from _events_of("events")(document, card, check, at)
    if check.max_drop is None and check.max_spike is None:
        yield document.error("without max_drop and max_spike nothing can be harm", *at)


def _flow_check(document: Document, card: Card, check: FlowCheck, at: Sequence[Step]) -> Problems:
    yield from _unknown(document, [check.flow], [flow.id for flow in card.flows], *at, "flow")


def _secret_check(document: Document, card: Card, check: SecretCheck, at: Sequence[Step]) -> Problems:
    yield from _unknown(document, check.names, [secret.name for secret in card.secrets], *at, "names")


def is_query(sql: str) -> bool:
    """Whether SQL begins like a query."""
    return re.match(r"\s*(select|with)\b", sql, re.IGNORECASE) is not None


def _invariant(document: Document, _card: Card, check: InvariantCheck, at: Sequence[Step]) -> Problems:
    """An early warning for a mistake; the connection is read-only whatever the SQL says."""
    if not is_query(check.sql):
        yield document.error("must be one query that begins with select or with", *at, "sql")


_KINDS: Mapping[type, Callable[[Document, Card, Any, Sequence[Step]], Problems]] = {
    SignalCheck: _events_of("success", "error"),
    VolumeCheck: _volume,
    LatencyCheck: _events_of("events"),
    FlowCheck: _flow_check,
    InvariantCheck: _invariant,
    SecretCheck: _secret_check,
    ReleaseTagCheck: _events_of("events"),
    PrivacyCheck: _events_of("events"),
    NonBlockingCheck: _events_of("error"),
}


def _flows(document: Document, card: Card) -> Problems:
    yield from _repeated(document, [flow.id for flow in card.flows], "flows", key="id")
    for index, flow in enumerate(card.flows):
        at = ("flows", index)
        yield from _unknown(document, [flow.event], card.events.success, *at, "event")
        yield from _durations(document, flow, at, "arrives_within")
        yield from _amounts(document, flow, at)
        yield from _steps(document, flow, at)


def _amounts(document: Document, flow: FlowSpec, at: Sequence[Step]) -> Problems:
    if flow.moves_money and (flow.amount is None or flow.max_amount is None):
        yield document.error("a flow that moves money says amount and max_amount", *at, "moves_money")
    if flow.amount is not None and not flow.amount <= (flow.max_amount or 0):
        cap = flow.max_amount if flow.max_amount is not None else "missing"
        yield document.error(f"{flow.amount:g} is more than max_amount ({cap})", *at, "amount")
    for part, index, step in _parts(flow):
        for asked in amounts_in(step.body):
            if not asked <= (flow.max_amount or 0):  # not a number is not within the cap either
                yield document.error(f"asks for {asked:g}, more than max_amount", *at, part, index, "body")


def _steps(document: Document, flow: FlowSpec, at: Sequence[Step]) -> Problems:
    if not flow.steps:
        yield document.error("a flow has at least one step", *at, "steps")
    known = set(RUN_NAMES)
    names: set[str] = set()
    for part, index, step in _parts(flow):
        here = (*at, part, index)
        if step.name in names:
            yield document.error(f"{step.name!r} is there twice", *here, "name")
        names.add(step.name)
        if not re.match(r"/[^/\\]", step.path):
            yield document.error(
                f"{step.path!r} is not a path of the app's own", *here, "path", next_step="Write /functions/v1/name."
            )
        for key, wanted in (
            ("path", step.path),
            ("body", step.body),
            ("when", f"{{{step.when}}}" if step.when else ""),
        ):
            yield from _unknown(document, placeholders(wanted), sorted(known), *here, key, place="an earlier step")
        known.update(step.extract)


def _parts(flow: FlowSpec) -> Iterator[tuple[str, int, StepSpec]]:
    for part, steps in (("steps", flow.steps), ("cleanup", flow.cleanup)):
        for index, step in enumerate(steps):
            yield part, index, step


def _code(document: Document, card: Card) -> Problems:
    code = card.code
    for key in ("npm", "python"):
        yield from _repeated(document, getattr(code, key), "code", key)
    for index, package in enumerate(code.npm):
        if not _NPM.fullmatch(package):
            yield document.error(
                f"{package!r} is not a package's name",
                "code",
                "npm",
                index,
                next_step="Write it without a version and without a path inside: @sendgrid/mail, or deno.land/x/name.",
            )
    for index, package in enumerate(code.python):
        if not package.isidentifier():
            next_step = "Write the name that is imported: sentry_sdk, not sentry-sdk."
            yield document.error(f"{package!r} is not a package's name", "code", "python", index, next_step=next_step)
    if bool(code.calls) != bool(code.npm or code.python):
        missing = "calls" if not code.calls else "npm or python"
        yield document.error(f"says which packages or which calls are a use, and not {missing}", "code")
    for path, event in code.calls.items():
        if not _CALL.fullmatch(path):
            yield document.error(
                "is not the end of a path of names",
                "code",
                "calls",
                path,
                next_step="Write it without calls in between: messages.create, *.list, client('rekognition').*",
            )
        yield from _unknown(document, [event], card.events.success, "code", "calls", path)


def _playbook(document: Document, card: Card) -> Problems:
    for index, symptom in enumerate(card.playbook.symptoms):
        for key in ("events", "silent", "spike"):
            yield from _unknown(document, getattr(symptom, key), declared(card), "playbook", "symptoms", index, key)
    for index, control in enumerate(card.playbook.controls):
        yield from _control(document, card, control, ("playbook", "controls", index, "target"))


def _control(document: Document, card: Card, control: Control, at: Sequence[Step]) -> Problems:
    target = control.target
    if control.kind in ("function_logs", "workflow_runs", "invariant", "page") and not target:
        yield document.error(f"a control of kind {control.kind!r} has a target", *at)
    elif control.kind == "invariant":
        invariants = [check.id for check in card.checks if isinstance(check, InvariantCheck)]
        yield from _unknown(document, [target or ""], invariants, *at)
    elif control.kind == "secret_present" and target:
        yield from _unknown(document, [target], [secret.name for secret in card.secrets], *at)
    elif control.kind in ("page", "logs") and not (target or "https://").startswith("https://"):
        yield document.error(f"{target!r} is not an https address", *at)


def _texts(document: Document, value: Any, at: Sequence[Step]) -> Problems:
    """Errors for sentences that are missing in a language."""
    if isinstance(value, msgspec.Struct):
        for field in msgspec.structs.fields(value):
            if field.name not in _NOT_TEXTS:
                yield from _texts(document, getattr(value, field.name), (*at, field.encode_name))
    elif isinstance(value, Mapping):
        yield from _text(document, value, at)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _texts(document, item, (*at, index))


def _text(document: Document, text: Mapping[str, str], at: Sequence[Step]) -> Problems:
    if foreign := [language for language in text if language not in LANGUAGES]:
        for language in foreign:
            next_step = did_you_mean(language, LANGUAGES)
            yield document.error("is not a language of the cards", *at, language, next_step=next_step)
        return
    for language in LANGUAGES:
        if not text.get(language, "").strip():
            yield document.error(
                f"has no text in {language!r}", *at, next_step=f'Add {language} = "..." beside the other language.'
            )


def _durations(document: Document, value: Any, at: Sequence[Step], *keys: str) -> Problems:
    for key in keys:
        if (text := getattr(value, key, None)) is not None:
            try:
                duration(text)
            except ValueError as error:
                yield document.error(str(error), *at, key)


def _repeated(document: Document, labels: Sequence[str], *at: Step, key: str | None = None) -> Problems:
    for index, label in enumerate(labels):
        if label in labels[:index]:
            place = (*at, index, key) if key else at
            yield document.error(f"{label!r} is there twice", *place, next_step="Remove one, or rename it.")


def _unknown(
    document: Document, labels: Iterable[str], valid: Iterable[str], *at: Step, place: str = "this card"
) -> Problems:
    names = list(valid)
    for label in (one for one in labels if one not in names):
        hint = did_you_mean(label, names) if names else None
        yield document.error(f"{label!r} is not on {place}", *at, next_step=hint)
