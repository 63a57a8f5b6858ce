"""The HTTP client that all adapters share: rate limits, retries, timeouts, redaction, and errors in plain words.

httpx2 is imported with the first request. No exception raised here contains a response body, a query or a secret, and
no exception of httpx2 leaves this module, since each holds the request with its credentials.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urljoin

from releaseguard import __version__
from releaseguard.clocks import REAL, Clocks
from releaseguard.errors import (
    AccessDenied,
    NotFound,
    RateLimited,
    ReleaseguardError,
    SafeModeRefusal,
    ServiceError,
    Unreachable,
    UsageError,
)
from releaseguard.http.access import Authorization, refuses_credential
from releaseguard.http.calls import REPEATABLE, ServiceCall, Spent, plain_path, serialised
from releaseguard.http.pacing import Limits, Pacer, TimeLimits
from releaseguard.http.replies import ClockReading, Fault, Reply, is_limit, next_step, quote_from, stated_wait
from releaseguard.http.side_by_side import SideBySide
from releaseguard.safemode import active_policy, check_address, refusal_behind
from releaseguard.secret import Secret
from releaseguard_events.places.hosts import in_one_spelling, place_of
from releaseguard_events.places.urls import split

if TYPE_CHECKING:
    import httpx2

    from releaseguard.http.transport import Transport

T = TypeVar("T")

LIMIT_TRIES: Final = 10
"""The number of rate-limit answers to one request after which it fails."""
UNSTATED_LIMIT: Final = 60.0
"""Seconds to wait after a rate-limit answer that names no time, doubling each time: what the strictest service asks
for."""
SERVER_ERROR_TRIES: Final = 4


class ServiceClient:
    """A client for one service at ``base_url``, shared by all threads of this process.

    ``guard`` is called before every request that is sent, retries included, and stops it by raising. ``transport`` is
    what sends (tests replace it). Raises ``SafeModeRefusal`` for an address that SAFE MODE does not allow.
    """

    def __init__(
        self,
        *,
        service: str,
        base_url: str,
        authorization: Authorization = Authorization(),  # noqa: B008 - immutable
        limits: Limits = Limits(),  # noqa: B008 - immutable
        times: TimeLimits = TimeLimits(),  # noqa: B008 - immutable
        guard: Callable[[], None] = lambda: None,
        proxy: str | None = None,
        clocks: Clocks = REAL,
        transport: Any = None,
    ) -> None:
        self._passed = active_policy()
        check_address(base_url)
        self.service = service
        self.host = split(base_url).server
        self._base = in_one_spelling(base_url).rstrip("/")
        self._authorization = authorization
        self._credential = authorization.help or f"the credential for {service}"
        self._times = times
        self._guard = guard
        self._proxy = None if proxy is None or place_of(base_url).is_loopback else in_one_spelling(proxy)
        self._clocks = clocks
        self._transport = transport
        self._pacer = Pacer(limits, clocks.elapsed)
        self._places = threading.BoundedSemaphore(limits.concurrency)
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._open: Transport | None = None
        self._threads = SideBySide(limits.concurrency, f"{service}-", self._stopped)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int | bool | None] | None = None,
        json: Any = None,
        headers: Mapping[str, str | Secret] | None = None,
        repeatable: bool | None = None,
        once: bool = False,
        allow: Collection[int] = (),
        on_write: Callable[[], None] = lambda: None,
    ) -> Reply:
        """Send one request, with retries as far as its method, the rate limits and the time limits allow, and return
        the answer.

        ``path`` begins with ``/`` and is already quoted (:func:`quoted`). ``json`` may contain ``Secret`` objects
        anywhere. ``repeatable`` states whether sending it twice is harmless (default: GET, HEAD, PUT and DELETE are);
        ``once`` forbids sending it again even after a rate limit (429). ``allow`` lists error statuses that are
        returned as answers. ``on_write`` is called for each try of a writing request that reached the service or may
        have, however the call ends. Raises ``AccessDenied``, ``NotFound``, ``RateLimited``, ``Unreachable``,
        ``ServiceError``, ``SafeModeRefusal``, and whatever the guard raises.
        """
        content, secrets = serialised(json)
        call = ServiceCall(
            method=method.upper(),
            path=plain_path(path),
            params={name: value for name, value in (params or {}).items() if value is not None},
            headers=headers or {},
            content=content,
            secrets=secrets,
            repeatable=method.upper() in REPEATABLE if repeatable is None else repeatable,
            once=once,
            allow=allow,
            on_write=on_write,
        )
        spent = Spent(self._clocks.elapsed() + self._times.repeats)
        while True:
            answer, sent_secrets = self._try(call, spent)
            if call.writes and not (isinstance(answer, Fault) and not answer.was_sent):
                call.on_write()
            if isinstance(answer, Reply) and refuses_credential(answer) and self._authorization.refused(sent_secrets):
                continue  # nothing was done for a stranger, so every method may be tried again
            reply = self._settle(call, answer, spent, (*secrets, *sent_secrets))
            if reply is not None:
                return reply

    def date(self, path: str) -> ClockReading | None:
        """Compare this machine's clock with the service's ``Date`` header.

        Any answer will do, including a refusal; ``None`` where it has no such header.
        """
        from email.utils import parsedate_to_datetime

        before = self._clocks.wall()
        reply = self.request("GET", path, allow=range(300, 500))
        try:
            return ClockReading(before, parsedate_to_datetime(reply.headers.get("date", "")), self._clocks.wall())
        except ValueError:
            return None

    def run_side_by_side(self, calls: Sequence[Callable[[], T]]) -> list[T | ReleaseguardError]:
        """Run ``calls`` in parallel, in the caller's and the client's threads; returns their results in order.

        An expected failure is returned in its place. After Ctrl-C nothing new is started or sent, and requests in
        flight are waited for, so that it is known whether they arrived.
        """
        return self._threads.run(calls)

    def close(self) -> None:
        """End the threads and close the connections. A later request opens new ones."""
        with self._lock:
            transport, self._open = self._open, None
        self._threads.close()
        if transport is not None:
            transport.close()

    def _try(self, call: ServiceCall, spent: Spent) -> tuple[Reply | Fault, Sequence[str]]:
        headers, secrets = self._headers_for(call)
        with self._places:
            self._wait_for_leave(call, spent)
            answer = self._send(call, headers)
            self._heed(answer)  # before anybody else may take this place and send
            return answer, secrets

    def _heed(self, answer: Reply | Fault) -> None:
        """Apply a service's order to wait to all threads."""
        if isinstance(answer, Reply) and (is_limit(answer) or answer.status >= 500):
            wait = stated_wait(answer, self._clocks.wall())
            if wait is not None:
                self._pacer.close_for(wait)

    def _headers_for(self, call: ServiceCall) -> tuple[dict[str, str], list[str]]:
        given: dict[str, str | Secret] = {
            "accept": "application/json",
            "user-agent": f"releaseguard/{__version__}",
            **({"content-type": "application/json"} if call.content is not None else {}),
            **self._authorization.headers(),
            **call.headers,
        }
        secrets = [value.reveal() for value in given.values() if isinstance(value, Secret)]
        if not all(value.isascii() and value.isprintable() for value in secrets):
            raise AccessDenied(
                "the credential holds a line break or another character that no header can carry",
                where=self.host,
                next_step=f"Set it again, without the line break: {self._credential}.",
            )
        sent = {n.lower(): v.reveal() if isinstance(v, Secret) else v for n, v in given.items()}
        return sent, [value.rpartition(" ")[2] for value in secrets]  # "Bearer " itself is not a secret

    def _wait_for_leave(self, call: ServiceCall, spent: Spent) -> None:
        """Return once this request may be sent: inside the rate limits, allowed by the guard, with no order to wait in
        force."""
        while True:
            while wait := self._pacer.admit(write=call.writes):
                self._pause(call, wait, spent)
            self._stop_if_interrupted()
            self._guard()
            if not self._pacer.closed:
                return

    def _pause(self, call: ServiceCall, seconds: float, spent: Spent) -> None:
        if self._clocks.elapsed() + seconds > spent.until:
            raise RateLimited(
                f"{call.words} would have to wait {seconds:.0f} s for the service's limit, longer than this run may",
                where=self.host,
                next_step=f"Run it again in {seconds:.0f} seconds; what has been done is kept.",
            )
        while seconds > 0:
            self._stop_if_interrupted()
            self._clocks.sleep(min(seconds, 1.0))  # in slices, so that Ctrl-C is not kept waiting
            seconds -= 1.0

    def _stop_if_interrupted(self) -> None:
        if self._stopped.is_set():
            raise KeyboardInterrupt

    def _send(self, call: ServiceCall, headers: Mapping[str, str]) -> Reply | Fault:
        """Send once. The result is returned and never raised, so that no exception of httpx2 becomes another one's
        context."""
        import httpx2

        from releaseguard.http.transport import Outgoing, ends_within, fault_of

        self._check_address()
        transport = self._opened()
        request = Outgoing(
            call.method,
            self._address_of(call),
            {"accept-encoding": "gzip, deflate", **headers},
            call.content,
            self._times.request,
            f"{self.host}{call.path}",
        )
        stopped: ReleaseguardError | None
        try:
            # The guard once more, at the last moment: the process may have been stopped since it was admitted.
            with ends_within(self._times.request, self._guard):
                return transport.answer_to(request)
        except ReleaseguardError as exc:
            stopped = exc.with_traceback(None)  # its frames hold the request
        except httpx2.HTTPError as exc:
            stopped = refusal_behind(exc)
            fault = fault_of(exc)
        if stopped is not None:
            raise stopped
        return fault

    def _address_of(self, call: ServiceCall) -> httpx2.URL:
        import httpx2

        from releaseguard.http.transport import address

        text = self._base + call.path
        try:
            return httpx2.URL(text, params=call.params) if call.params else address(text)
        except httpx2.InvalidURL as exc:  # longer than 64 KB, for instance
            reason = str(exc)
        raise UsageError(f"{call.words}: the address cannot be asked for: {reason}", where=self.host)

    def _check_address(self) -> None:
        """Check this client's address against SAFE MODE. A policy that has allowed it once allows it for good, since
        its deny-list is fixed and its allow-list only grows; another policy is asked anew, and a refusal is checked
        again every time."""
        policy = active_policy()
        if policy is not self._passed:
            check_address(self._base)
            self._passed = policy

    def _opened(self) -> Transport:
        from releaseguard.http.transport import Transport

        with self._lock:
            if self._open is None:
                self._open = self._transport or Transport(proxy=self._proxy)
            return self._open

    def _settle(self, call: ServiceCall, answer: Reply | Fault, spent: Spent, secrets: Sequence[str]) -> Reply | None:
        """The reply to return, or ``None`` to try again (after any wait). Raises the error that the answer stands for
        otherwise."""
        if isinstance(answer, Fault):
            self._after_fault(call, answer, spent)
        elif is_limit(answer):
            self._after_limit(call, answer, spent)
        elif answer.status < 300 or answer.status in call.allow:
            return answer
        elif answer.status >= 500:
            self._after_server_error(call, answer, spent, secrets)
        else:
            raise self._refusal(call, answer, secrets)
        return None

    def _after_fault(self, call: ServiceCall, fault: Fault, spent: Spent) -> None:
        tries = spent.again(fault)
        may_repeat = call.repeatable or not fault.was_sent
        if may_repeat and tries < fault.tries and self._back_off(tries, spent):
            return
        unknown = "; whether it took effect is unknown" if fault.was_sent and call.writes else ""
        raise Unreachable(
            f"{call.words}: the service {fault.words} ({_times(tries)}){unknown}",
            where=self.host,
            next_step=self._look_at(fault),
        )

    def _after_limit(self, call: ServiceCall, reply: Reply, spent: Spent) -> None:
        times = spent.again("limit")
        wait = stated_wait(reply, self._clocks.wall())
        if wait is None:
            wait = UNSTATED_LIMIT * 2 ** (times - 1)
        self._pacer.close_for(wait)
        if call.once or times >= LIMIT_TRIES or self._clocks.elapsed() + wait > spent.until:
            raise RateLimited(
                f"{call.words} answered {reply.status}: over the service's limit for the next {wait:.0f} s",
                where=self.host,
                next_step=f"Run it again in {wait:.0f} seconds; what has been done is kept.",
                status=reply.status,
            )

    def _after_server_error(self, call: ServiceCall, reply: Reply, spent: Spent, secrets: Sequence[str]) -> None:
        tries = spent.again("server error")
        if call.repeatable and tries < SERVER_ERROR_TRIES and self._back_off(tries, spent):
            return
        unknown = "; whether it took effect is unknown" if call.writes else ""
        kind = Unreachable if call.repeatable else ServiceError
        raise kind(
            f"{call.words} answered {reply.status}{quote_from(reply, secrets)} ({_times(tries)}){unknown}",
            where=self.host,
            next_step=f"The fault is at {self.service}; run the command again in a few minutes.",
            status=reply.status,
        )

    def _back_off(self, tries: int, spent: Spent) -> bool:
        """Wait before the next try; returns ``False`` without waiting where the time limit does not allow it."""
        seconds = 0.5 * 2 ** (tries - 1) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a key
        if self._clocks.elapsed() + seconds > spent.until:
            return False
        self._clocks.sleep(seconds)
        return True

    def _refusal(self, call: ServiceCall, reply: Reply, secrets: Sequence[str]) -> ReleaseguardError:
        if 300 <= reply.status < 400 and (refused := self._refused_redirect(call, reply)):
            return refused
        kind = {401: AccessDenied, 403: AccessDenied, 404: NotFound}.get(reply.status, ServiceError)
        return kind(
            f"{call.words} answered {reply.status}{quote_from(reply, secrets)}",
            where=self.host,
            next_step=next_step(reply, self._credential),
            status=reply.status,
        )

    def _refused_redirect(self, call: ServiceCall, reply: Reply) -> SafeModeRefusal | None:
        """The refusal for a redirect to an address that SAFE MODE forbids; ``None`` for any other. Redirects are never
        followed."""
        try:
            check_address(urljoin(self._base + call.path, reply.headers.get("location", "")))
        except ValueError:
            return None
        except SafeModeRefusal as refused:
            what = f"{call.words} answered {reply.status}, a redirect: {refused.what}"
            return SafeModeRefusal(what, where=self.host, next_step=refused.next_step)
        return None

    def _look_at(self, fault: Fault) -> str:
        if fault is Fault.BAD_CERTIFICATE:
            return "Check the address, this machine's clock, and whether a proxy replaces certificates."
        if self._proxy is None:
            return f"Check that {self.host} is right and can be reached from here, then run the command again."
        proxy = split(self._proxy).server
        return f"Check that the proxy, {proxy}, runs and lets {self.host} through, then run the command again."


def _times(tries: int) -> str:
    return "once" if tries == 1 else f"{tries} times"
