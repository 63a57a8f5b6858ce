"""A stand-in for the app's own backend: sign-in, edge functions, and processes that really hold keys.

Every use of a provider is decided by the key that the process at work holds, and written to the event log as
the app would write it. The app is no yes-man: :class:`Habits` make it do what real apps do wrong.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from releaseguard.harmless import Json, JsonDocument
from releaseguard.model import Event, Outcome, new_id, utc_now
from releaseguard.sandbox.course import Occurrence, Stream
from releaseguard.sandbox.providers import Providers
from releaseguard.sandbox.serving.exchange import Clock, Reject, Request, Response
from releaseguard.sandbox.serving.stand_in import StandIn, route

Log = Callable[[Sequence[Event]], None]


@dataclass(frozen=True, slots=True)
class Use:
    """One thing a process does with a provider."""

    process: str
    """Also the events' ``source``."""
    provider: str
    secrets: tuple[str, ...]
    success: str

    @property
    def error(self) -> str:
        return f"{self.provider}_error"


def use_of(stream: Stream) -> Use:
    """What a stream of the course does each time."""
    return Use(stream.source, stream.provider, stream.secrets, stream.success)


WEB_PROCESSES = ("web", "admin")
"""Those that Vercel deploys; the others are edge functions."""
USES = (
    Use("web", "sendgrid", ("SENDGRID_API_KEY",), "sendgrid_email_sent"),
    Use("admin", "sendgrid", ("SENDGRID_API_KEY",), "sendgrid_email_sent"),
    Use("web", "mapbox", ("MAPBOX_ACCESS_TOKEN",), "mapbox_geocode_ok"),
    Use("sendgrid-email", "sendgrid", ("SENDGRID_API_KEY",), "sendgrid_email_sent"),
    Use("twilio-sms", "twilio", ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"), "twilio_sms_sent"),
    Use(
        "paytr-withdraw",
        "paytr",
        ("PAYTR_MERCHANT_ID", "PAYTR_MERCHANT_KEY", "PAYTR_MERCHANT_SALT"),
        "paytr_withdraw_initiated",
    ),
    Use("get-idenfy-token", "idenfy", ("IDENFY_API_KEY", "IDENFY_API_SECRET"), "idenfy_token_issued"),
    Use("geocode", "mapbox", ("MAPBOX_SECRET_TOKEN",), "mapbox_geocode_ok"),
    Use("discover", "supabase", (), "supabase_rpc_ok"),
)


_FUNCTIONS = {"discover_nearby_moments": "discover"}
"""What the app calls a process of ours."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a process is made of: the environment it was started with, and what it says of itself."""

    environment: Mapping[str, str] = field(repr=False)
    release: str | None
    deployment_id: str | None = None


@dataclass(slots=True)
class Habits:
    """What this app does differently from a well-behaved one."""

    marks_test_user: bool = True
    """``app_metadata.synthetic`` is true in the test user's access token."""
    marks_synthetic_events: bool = True
    labels_version: bool = True
    """Events carry ``detail.secret_version`` where a ``<NAME>_VERSION`` is at hand."""
    labels_deployment: bool = True
    """Events carry ``detail.deployment_id``."""
    release_per_deployment: bool = False
    """The release changes with every deployment (a build number) instead of being the commit."""
    drops_correlation_ids: bool = False
    loses_events: bool = False
    """Uses providers and writes nothing down."""
    lies: bool = False
    """Writes every refusal down as a success."""
    executes_twice: bool = False
    """Ignores idempotency keys."""
    clock_skew: timedelta = timedelta(0)
    frozen: dict[str, Runtime] = field(default_factory=dict)
    """Processes that run on with an old deployment; see :meth:`AppStandIn.freeze`."""
    old_keys: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """Processes that are replaced but keep these variables, see :meth:`AppStandIn.keep_keys`."""


class AppStandIn(StandIn):
    """The app at one base address.

    ``runtimes`` gives what each process would be started with now; ``log`` takes the events (and may be set
    later); what was logged is kept in :attr:`events` too.
    """

    name: ClassVar[str] = "app"

    def __init__(self, providers: Providers, runtimes: Callable[[str], Runtime], clock: Clock = utc_now) -> None:
        super().__init__(clock)
        self.providers = providers
        self.runtimes = runtimes
        self.log: Log | None = None
        self.environment = "production"
        self.habits = Habits()
        self.events: deque[Event] = deque(maxlen=50_000)
        self.executed: list[tuple[str, str | None]] = []
        """Function and idempotency key of everything that was really carried out."""
        self.anon_key = self._jwt({"role": "anon"}, secret := secrets.token_bytes(32))
        self.email = f"synthetic-{secrets.token_hex(4)}@example.com"
        self.password = secrets.token_urlsafe(18)
        self._signing_key = secret
        self.withdrawals: set[str] = set()
        """Withdrawals that were started and not taken back."""
        self._done: dict[tuple[str, str], Response] = {}

    def freeze(self, *processes: str) -> None:
        """These processes run on as they are, whatever is deployed."""
        for process in processes:
            self.habits.frozen[process] = self.runtime(process)

    def keep_keys(self, *processes: str) -> None:
        """These processes are replaced by new deployments and keep the keys (and labels) they hold now."""
        for process in processes:
            held = self.runtime(process).environment
            names = {name for use in USES for name in use.secrets}
            wanted = names | {f"{name}_VERSION" for name in names}
            self.habits.old_keys[process] = {name: value for name, value in held.items() if name in wanted}

    def runtime(self, process: str) -> Runtime:
        """What the process really is made of now."""
        if process in self.habits.frozen:
            return self.habits.frozen[process]
        runtime = self.runtimes(process)
        kept = self.habits.old_keys.get(process, {})
        return replace(runtime, environment={**runtime.environment, **kept})

    def key(self, process: str, name: str) -> str | None:
        """The value that the process really holds: what an oracle asks for."""
        return self.runtime(process).environment.get(name)

    def use(
        self, use: Use, *, correlation_id: str | None = None, synthetic: bool = False, latency_ms: int | None = None
    ) -> Event:
        """Let a process use its provider once, and write down what it saw."""
        event = replace(
            self._seen(use, self.runtime(use.process)),
            correlation_id=None if self.habits.drops_correlation_ids else correlation_id,
            synthetic=synthetic and self.habits.marks_synthetic_events,
            latency_ms=latency_ms if latency_ms is not None else self.providers.dice.randrange(40, 400),
        )
        self._write((event,))
        return event

    def lived(self, due: Sequence[Occurrence]) -> list[Event]:
        """What processes, as they are now, write down of uses that were due, whenever these are made up for."""
        runtimes = {process: self.runtime(process) for process in {one.stream.source for one in due}}
        used = (one for one in due if one.stream.provider not in self.providers.unused)
        return [self._lived(one, runtimes[one.stream.source]) for one in used]

    def _lived(self, one: Occurrence, runtime: Runtime) -> Event:
        stream = one.stream
        own = stream.error_code if one.luck < stream.error_share else None
        return replace(
            self._seen(use_of(stream), runtime, one.luck, own),
            id=one.id,
            occurred_at=datetime.fromtimestamp(one.at, UTC),
            recorded_at=datetime.fromtimestamp(one.recorded, UTC),
            correlation_id=one.correlation_id,
            latency_ms=one.latency_ms,
        )

    def _seen(self, use: Use, runtime: Runtime, luck: float | None = None, own: str | None = None) -> Event:
        """A use and how it ended; ``own`` is the code of an error that comes of the use itself."""
        keys = tuple(runtime.environment.get(name) for name in use.secrets)
        error = self.providers.call(use.provider, keys, luck) or own
        return self._event(use, runtime, None if self.habits.lies else error)

    def _event(self, use: Use, runtime: Runtime, error: str | None) -> Event:
        return Event(
            id=new_id(),
            occurred_at=self.clock() + self.habits.clock_skew,
            provider=use.provider,
            event=use.error if error else use.success,
            outcome=Outcome.ERROR if error else Outcome.SUCCESS,
            error_code=error,
            environment=self.environment,
            release=self._release(runtime),
            source=use.process,
            detail=self._detail(use, runtime),
        )

    def _release(self, runtime: Runtime) -> str | None:
        if self.habits.release_per_deployment and runtime.deployment_id:
            return f"{runtime.release}+{runtime.deployment_id[4:12]}"
        return runtime.release

    def _detail(self, use: Use, runtime: Runtime) -> dict[str, str]:
        detail: dict[str, str] = {}
        versions = [runtime.environment.get(f"{name}_VERSION") for name in use.secrets]
        version = next((one for one in versions if one), None)
        if version and self.habits.labels_version:
            detail["secret_version"] = version
        if runtime.deployment_id and self.habits.labels_deployment:
            detail["deployment_id"] = runtime.deployment_id
        return detail

    def _write(self, events: Sequence[Event]) -> None:
        if self.habits.loses_events:
            return
        self.events.extend(events)
        if self.log is not None:
            self.log(events)

    def visit(self, processes: Sequence[str] = ("web", "sendgrid-email")) -> None:
        """A real user passes by: each of the processes uses its providers once."""
        for use in USES:
            if use.process in processes:
                self.use(use, correlation_id=str(uuid.uuid4()))

    def authorize(self, request: Request) -> None:
        if request.headers.get("apikey") != self.anon_key:
            hint = "Double check the Supabase `anon` or `service_role` API key."
            raise Reject(Response(401, {"message": "Invalid API key", "hint": hint}))
        if not request.path.startswith("/auth/"):
            self._claims(request)

    def _claims(self, request: Request) -> Mapping[str, Any]:
        token = request.bearer or ""
        signed, _, signature = token.rpartition(".")
        expected = _encoded(hmac.new(self._signing_key, signed.encode(), hashlib.sha256).digest())
        if not hmac.compare_digest(signature, expected):
            raise Reject(Response(401, {"code": 401, "message": "Invalid JWT"}))
        payload = signed.partition(".")[2]
        claims: Mapping[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return claims

    @staticmethod
    def _jwt(claims: JsonDocument, key: bytes) -> str:
        """A JSON Web Token (RFC 7519), signed with HS256."""
        parts = (json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, claims))
        signed = ".".join(_encoded(part) for part in parts)
        return f"{signed}.{_encoded(hmac.new(key, signed.encode(), hashlib.sha256).digest())}"

    @route("POST", "/auth/v1/token")
    def sign_in(self, request: Request) -> Response:
        body = request.json()
        if request.query.get("grant_type") != "password":
            return Response(400, {"code": 400, "error_code": "validation_failed", "msg": "unsupported grant type"})
        if (body.get("email"), body.get("password")) != (self.email, self.password):
            refusal = {"code": 400, "error_code": "invalid_credentials", "msg": "Invalid login credentials"}
            return Response(400, refusal)
        return Response(200, self._session())

    def _session(self) -> JsonDocument:
        user = str(uuid.uuid5(uuid.NAMESPACE_DNS, self.email))
        metadata: dict[str, Json] = {"provider": "email", "providers": ["email"]}
        if self.habits.marks_test_user:
            metadata["synthetic"] = True
        expires = int(self.clock().timestamp()) + 3600
        claims: dict[str, Json] = {
            "sub": user,
            "aud": "authenticated",
            "role": "authenticated",
            "exp": expires,
            "email": self.email,
        }
        return {
            "access_token": self._jwt({**claims, "app_metadata": metadata, "user_metadata": {}}, self._signing_key),
            "token_type": "bearer",
            "expires_in": 3600,
            "expires_at": expires,
            "refresh_token": secrets.token_urlsafe(12),
            "user": {"id": user, "aud": "authenticated", "role": "authenticated", "app_metadata": metadata},
        }

    @route("GET", "/auth/v1/settings")
    def auth_settings(self, _request: Request) -> Response:
        return Response(200, {"external": {"email": True}, "disable_signup": False, "mailer_autoconfirm": False})

    @route("POST", "/auth/v1/logout")
    def sign_out(self, _request: Request) -> Response:
        return Response(204)

    @route("POST", "/rest/v1/rpc/{function}")
    @route("POST", "/functions/v1/{function}")
    @route("POST", "/functions/v1/{function}/{action}")
    def call_function(self, request: Request) -> Response:
        """Carry a function out, once for each idempotency key."""
        function, key = (
            _FUNCTIONS.get(request.params["function"], request.params["function"]),
            request.headers.get("idempotency-key"),
        )
        use = next((one for one in USES if one.process == function), None)
        if use is None or use.process in WEB_PROCESSES:
            return Response(404, {"code": "NOT_FOUND", "message": "Requested function was not found"})
        if key and (function, key) in self._done and not self.habits.executes_twice:
            return self._done[function, key]
        response = self._carry_out(use, request)
        self.executed.append((function, key))
        if key:
            self._done[function, key] = response
        return response

    def _carry_out(self, use: Use, request: Request) -> Response:
        synthetic = bool(self._claims(request).get("app_metadata", {}).get("synthetic"))
        event = self.use(use, correlation_id=request.headers.get("x-correlation-id"), synthetic=synthetic)
        if event.outcome is Outcome.ERROR:
            return Response(502, {"error": f"{use.provider} failed", "code": event.error_code})
        reference = secrets.token_hex(8)
        answer: dict[str, Json] = {"ok": True, "id": reference, "status": "accepted"}
        if use.provider == "paytr":
            self.withdrawals.add(reference)
            answer |= {"withdrawal_id": reference, "data": {"settlementId": reference}}
        return Response(200, answer)

    @route("DELETE", "/functions/v1/paytr-withdraw")
    def take_withdrawal_back(self, request: Request) -> Response:
        reference = request.json()["withdrawal_id"]
        if reference not in self.withdrawals:
            return Response(404, {"error": "no such withdrawal"})
        self.withdrawals.discard(reference)
        return Response(200, {"ok": True})


class Traffic:
    """Real users, in a thread: each of ``processes`` uses its providers once every ``interval`` seconds."""

    def __init__(
        self, app: AppStandIn, interval: float = 0.2, processes: Sequence[str] = ("web", "sendgrid-email")
    ) -> None:
        self._app = app
        self._interval = interval
        self._processes = processes
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traffic")

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            try:
                with self._app.lock:
                    self._app.visit(self._processes)
            except Exception as mistake:  # noqa: BLE001 - kept for whoever started the traffic
                self._app.crashes.append(mistake)
                return

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
