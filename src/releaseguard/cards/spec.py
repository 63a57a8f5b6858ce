"""What a provider card says, as frozen values. A card is data: a new provider is a new file and no code."""

# No "from __future__ import annotations": as texts, each field's type would be compiled again at every start.

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec

from releaseguard.errors import UsageError
from releaseguard.tomlfile import did_you_mean

Duration = str
"""``90s``, ``30m``, ``7d``: read with :func:`releaseguard.model.duration`."""
PackagePart = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^((@[\w.-]+/)?[\w-]+(/[\w.-]+)+|\w+(\.\w+)+)$",
        description="a package and a path in it: langchain/llms/openai, or langchain.llms.OpenAI in Python",
    ),
]
"""A package of TypeScript and a path in it, or the dotted name of something in a package of Python."""
Identifier = Annotated[
    str,
    msgspec.Meta(pattern=r"^[a-z][a-z0-9_]*$", description="a name of lower-case letters, digits and underscores"),
]
CheckId = Annotated[
    str,
    msgspec.Meta(pattern=r"^[a-z][a-z0-9_.\-]*$", description="a name of lower-case letters, digits, '_', '.' and '-'"),
]
SecretName = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Z][A-Z0-9_]*$", description="a variable's name: capital letters, digits and underscores"
    ),
]
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
Text = Mapping[str, str]
"""The same sentence by language: ``{en = "...", tr = "..."}``."""


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown keys are errors everywhere on a card."""


class SecretSpec(_Strict, frozen=True, kw_only=True, rename={"from_": "from"}):
    """One secret of the provider."""

    name: SecretName
    group: str | None = None
    """Secrets of one group only work together: pinned, pushed, proven and rolled back as one unit."""
    from_: Literal["console", "generated", "infisical-rotation", "manual"] = "console"
    """Where a new value comes from; ``manual`` secrets have steps and no destination."""
    reach: Literal["server", "build", "client"] = "server"
    """Who holds a copy: ``server`` and ``build`` are replaced by a redeploy, ``client`` lives in installed apps."""
    console: str | None = None
    """The provider's page where a person makes and revokes it."""
    overlap: bool = True
    """Whether the old and the new value work at the same time."""
    companion: bool | None = None
    """Push ``<NAME>_VERSION`` beside it, so that the app can say which version it used; unsaid: beside every secret of
    the server, and of the build."""
    identifier: bool = False
    """Public in itself (an account's number): it asks for no proof."""
    entropy: Literal["high", "low"] = "high"
    """``low``: so few values are possible that not even a fingerprint of it may be written down."""
    pattern: str | None = None
    """Its documented form, as a regular expression for the whole value."""
    shape: Literal["pem", "json"] | None = None
    """What the value is a document of."""
    max_age: Duration | None = None
    """How old a value may become before it is due for a rotation."""
    proven_by: Sequence[str] = ()
    """Success events that prove that this secret works."""
    alerts: Sequence[str] = ()
    """Types under which secret scanning finds this secret, where they do not begin with the card's id."""
    steps: Text | None = None
    """What a person does where no program can: at the provider's console, or for ``manual`` secrets."""

    @property
    def has_companion(self) -> bool:
        """Whether ``<NAME>_VERSION`` is pushed beside it."""
        written = self.reach != "client" and self.from_ != "manual"
        return written if self.companion is None else self.companion

    @property
    def unit(self) -> str:
        """The group, or the name where the secret stands alone."""
        return self.group or self.name


class EventSpec(_Strict, frozen=True, kw_only=True):
    """The events the app logs about the provider."""

    success: Sequence[Identifier]
    error: Sequence[Identifier]
    auth_error_codes: Sequence[str] = ("401", "403")
    """Values of ``error_code`` which say that the credential was refused."""
    denied_codes: Sequence[str] = ("403",)
    """Of these: what the provider also answers to a good credential, where this one use is not allowed."""


class ProofSpec(_Strict, frozen=True, kw_only=True):
    """How many successes with the new secret prove it."""

    successes: Annotated[int, msgspec.Meta(ge=1)] = 3
    flow: str | None = None
    """The flow that makes an event where traffic is too thin."""


class CodeSpec(_Strict, frozen=True, kw_only=True):
    """How a use of the provider looks in the app's code, beside requests to its hosts."""

    npm: Sequence[str] = ()
    """Packages for TypeScript and JavaScript, however they are imported (npm:, jsr:, esm.sh, deno.land/x/name)."""
    python: Sequence[str] = ()
    """Packages of Python, by the name they are imported under."""
    within: Sequence[PackagePart] = ()
    """Parts of others' packages that are the provider's as well: ``langchain/llms/openai`` of TypeScript,
    ``langchain.llms.OpenAI`` of Python."""
    calls: Mapping[str, Identifier] = {}
    """The functions of those packages, and JSX components, whose call is a use -> the success event of that use.

    A key is the end of the path from the package to the function; calls in between are not written
    (``messages.create`` for ``twilio(sid, token).messages.create()``), ``*`` is any one name, and ``client("x")``
    a call with that first argument."""
    paths: Sequence[str] = ()
    """What the path of a request begins with that goes to the provider although its host is known at run time only."""
    addresses: Sequence[SecretName] = ()
    """Variables of the environment that hold an address at the provider: what is asked there is a use."""
    other: Sequence[str] = ()
    """Packages, or paths in the packages above, that are not the provider's."""
    given_to: Mapping[str, Sequence[str]] = {}
    """Package of others -> its functions that are a use where they are given something made by the packages above."""
    models: Sequence[str] = ()
    """What the names of the provider's models begin with: so a model is known that another's function makes by its name
    (``init_chat_model("gpt-5")``)."""
    imitated: bool = False
    """Whether others answer as the provider does: a client for another's address is not the provider's, and one whose
    address is known at run time only is not judged, unless that address is called after the provider."""
    gathers: Mapping[str, str] = {}
    """Functions that send nothing and gather calls -> the function that sends what was gathered."""
    returns_errors: bool = False
    """Whether the packages for TypeScript answer with an error instead of raising it."""
    background: bool = False
    """Whether the packages send in the background, so that a call has no error of its own to log."""
    setup: Sequence[str] = ()
    """Functions that make a package send events by itself from then on."""
    hooks: Sequence[str] = ()
    """Options of such a function that are given each event before it is sent: the place to log it."""
    webhooks: Sequence[str] = ()
    """Names, in the code of a function, by which it is seen to receive the provider's webhook."""


class _Check(_Strict, frozen=True, kw_only=True, tag_field="kind"):
    """What every check has."""

    id: CheckId
    title: Text
    blocking: bool = True
    """Whether a failure fails the release; otherwise it can only warn."""
    undecided: Literal["warn", "block"] = "warn"
    """Whether being undecided leaves the release undecided."""
    runbook: str | None = None
    """The line of the release checklist that the check stands for."""
    settled_by: CheckId | None = None
    """Where this check is undecided, a PASS of that one (a flow, where traffic is thin) settles its line."""
    grace: Duration = "2m"
    """How long after the deployment events are not yet held against it."""


class SignalCheck(_Check, frozen=True, kw_only=True, tag="signal"):
    """The share of errors, against a limit and against the baseline."""

    success: Sequence[Identifier]
    error: Sequence[Identifier]
    max_error_increase: Share = 0.05
    """The rise of the error share, in absolute terms, that the card calls harm."""
    max_error_rate: Share | None = None
    """A share of errors that is harm whatever the baseline was."""
    grace: Duration = "1m"
    """As for every check; shorter, since a burst of a minute or two decides nothing here."""


class VolumeCheck(_Check, frozen=True, kw_only=True, tag="volume"):
    """How many events there are, by time of day and week: drop, silence, or spike."""

    events: Sequence[Identifier]
    max_drop: Share | None = None
    """The lost share of the usual volume that the card calls harm; unsaid, fewer events are not harm."""
    max_spike: Annotated[float, msgspec.Meta(gt=1, le=1_000_000)] | None = None
    """The multiple of the usual volume that the card calls harm; unsaid, more events are not harm."""


class LatencyCheck(_Check, frozen=True, kw_only=True, tag="latency"):
    """The share of successes that are slower than usual at this time of day. It may only warn."""

    events: Sequence[Identifier]
    blocking: Literal[False] = False
    grace: Duration = "5m"
    """As for every check; longer, since every deployment starts cold."""


class FlowCheck(_Check, frozen=True, kw_only=True, tag="flow"):
    """A synthetic test-user flow whose event must arrive on the new release."""

    flow: Identifier


class InvariantCheck(_Check, frozen=True, kw_only=True, tag="invariant"):
    """Read-only SQL on the app's database that must return no row."""

    sql: str
    """Empty once it is known that the project does not name it: then it is off."""
    meaning: Text
    """What a row means, for the report."""


class SecretCheck(_Check, frozen=True, kw_only=True, tag="secret"):
    """The provider's secrets are present and in step at their destinations."""

    names: Sequence[SecretName] = ()
    """All of the card's where empty."""


class ReleaseTagCheck(_Check, frozen=True, kw_only=True, tag="release_tag"):
    """Events carry the deployed release."""

    events: Sequence[Identifier]
    min_share: Share = 0.95


class PrivacyCheck(_Check, frozen=True, kw_only=True, tag="privacy"):
    """No personal data in event details."""

    events: Sequence[Identifier] = ()


class NonBlockingCheck(_Check, frozen=True, kw_only=True, tag="non_blocking"):
    """A failure never stops the user's action: each error has its user action, by correlation id."""

    error: Sequence[Identifier]
    user_actions: Sequence[Identifier]
    within: Duration = "10m"


Check = (
    SignalCheck
    | VolumeCheck
    | LatencyCheck
    | FlowCheck
    | InvariantCheck
    | SecretCheck
    | ReleaseTagCheck
    | PrivacyCheck
    | NonBlockingCheck
)


class StepSpec(_Strict, frozen=True, kw_only=True):
    """One request of a flow to the app's own backend."""

    name: Identifier
    path: str
    method: Literal["GET", "POST", "PATCH", "DELETE"] = "POST"
    body: Mapping[str, Any] = {}
    """JSON; ``{name}`` inside a text stands for a value extracted earlier or given by the run."""
    expect: Sequence[int] = (200, 201, 202, 204)
    extract: Mapping[str, str] = {}
    """Name -> dotted path into the JSON answer (``data.id``)."""
    when: str | None = None
    """The step runs only where this name was extracted and is not empty."""


class FlowSpec(_Strict, frozen=True, kw_only=True):
    """What a synthetic test user does so that the app uses the provider."""

    id: Identifier
    title: Text
    steps: Sequence[StepSpec]
    event: Identifier
    """The event that must arrive, with the flow's correlation id, from the new release."""
    proof: Literal["event", "answer"] = "event"
    """``answer``: no code of the app can log this use, so the app's answer is all that can be seen of it."""
    idempotent: bool = False
    """The app honours ``idempotency-key``: only then is a request that writes ever sent a second time."""
    cleanup: Sequence[StepSpec] = ()
    moves_money: bool = False
    """Off until the configuration says the path is a test path."""
    amount: Annotated[float, msgspec.Meta(gt=0)] | None = None
    """What the flow asks for, in the app's currency."""
    max_amount: Annotated[float, msgspec.Meta(gt=0)] | None = None
    """No request may ask for more."""
    arrives_within: Duration = "60s"
    max_runs: Annotated[int, msgspec.Meta(ge=1, le=50)] = 10
    """How often a verdict may run it."""


class Symptom(_Strict, frozen=True, kw_only=True):
    """Something that people or the events see."""

    text: Text
    events: Sequence[Identifier] = ()
    error_codes: Sequence[str] = ()
    silent: Sequence[Identifier] = ()
    """Events whose absence is the symptom."""
    spike: Sequence[Identifier] = ()
    """Events of which far more than usual is the symptom."""


class Control(_Strict, frozen=True, kw_only=True):
    """Something to look at; carried out where a program can."""

    text: Text
    kind: Literal["events", "secret_present", "function_logs", "logs", "workflow_runs", "invariant", "coverage", "page"]
    target: str | None = None
    """The function, workflow, check or page that the kind looks at; of a project's logs, the page of them."""
    also: Sequence[str] = ()
    """Other names that the same workflow goes by: of files, or what they call themselves."""

    @property
    def names(self) -> Sequence[str]:
        """Every name that it may have."""
        return tuple(dict.fromkeys((self.target or "", *self.also)))


class Action(_Strict, frozen=True, kw_only=True):
    """Something to do, in order; ``command`` is there to be copied."""

    text: Text
    command: str | None = None


class Playbook(_Strict, frozen=True, kw_only=True):
    """The runbook's section about the provider."""

    symptoms: Sequence[Symptom]
    controls: Sequence[Control]
    actions: Sequence[Action]
    rules: Sequence[Text] = ()


class Card(_Strict, frozen=True, kw_only=True):
    """One provider."""

    id: Identifier
    name: str
    hosts: Sequence[str]
    """The provider's hosts, lower case and in punycode; each covers its subdomains. SAFE MODE refuses them."""
    infrastructure: Identifier | None = None
    """The service as which releaseguard stands on this provider, at the configured address only."""
    events: EventSpec
    playbook: Playbook
    secrets: Sequence[SecretSpec] = ()
    proof: ProofSpec = ProofSpec()
    checks: Sequence[Check] = ()
    flows: Sequence[FlowSpec] = ()
    code: CodeSpec = CodeSpec()
    harm: Literal["money", "identity", "login", "messages", "analytics"] | None = None
    """What a stranger with its secrets does most harm to."""
    path: str = ""
    """The file it was read from; set by the loader."""

    @property
    def spellings(self) -> frozenset[str]:
        """How an app may spell the provider in its rows, other than by the card's id: in another letter case, by its
        name, with other dashes."""
        words = {self.id, self.id.replace("_", "-"), self.id.replace("_", ""), self.name}
        cased = {form for word in words for form in (word, word.lower(), word.upper(), word.capitalize(), word.title())}
        return frozenset(cased - {self.id})

    def units(self) -> Mapping[str, Sequence[SecretSpec]]:
        """The secrets by unit: a group, or a secret that stands alone."""
        units: dict[str, list[SecretSpec]] = {}
        for secret in self.secrets:
            units.setdefault(secret.unit, []).append(secret)
        return units

    def unit_of(self, secret: str | None = None) -> Sequence[SecretSpec]:
        """The secrets that are rotated together with ``secret``, or the card's first unit.

        Raises ``UsageError`` where the card has no such secret, or none at all.
        """
        if not self.secrets:
            raise UsageError(f"{self.name} has no secret to rotate")
        if secret is None:
            return self.units()[self.secrets[0].unit]
        named = next((one for one in self.secrets if one.name == secret), None)
        if named is None:
            names = [one.name for one in self.secrets]
            raise UsageError(f"the card of {self.name} has no secret {secret!r}", next_step=did_you_mean(secret, names))
        return self.units()[named.unit]
