"""What sends requests: functions of the languages, and packages that do nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from releaseguard.coverage.languages.syntax import ANY, Call, Const, Member, Name, Record, Scope, Text
from releaseguard.coverage.program.origins import Origin, Step

VERBS = {"get", "post", "put", "patch", "delete", "head", "options", "request", "fetch", "stream", "urlopen", "send"}
_GLOBALS = {"fetch", "WebSocket", "EventSource", "sendBeacon", "$fetch", "useFetch"}
_HOLDERS = {"window", "globalThis", "self", "global", "navigator", "axios"}
_HTTP_PACKAGES = {
    "axios", "got", "ky", "ky-universal", "node-fetch", "cross-fetch", "isomorphic-fetch", "isomorphic-unfetch",
    "unfetch", "undici", "superagent", "ofetch", "needle", "request", "postman-request", "request-promise", "wretch",
    "redaxios", "phin", "bent", "fetch-retry", "http", "https", "http2", "expo", "ws",
    "openapi-fetch", "requests", "httpx", "httpx2",
    "aiohttp", "urllib", "urllib3", "websockets", "treq", "pycurl", "niquests",
}  # fmt: skip
_MAILERS = {
    "nodemailer": ("sendMail",),
    "smtplib": ("send_message", "sendmail"),
    "aiosmtplib": ("send", "send_message"),
}
"""Packages that send mail over a relay, and what sends."""
_STORES = {
    "@aws-sdk/client-s3": ("send",),
    "@aws-sdk/lib-storage": ("done",),
    "minio": None,
    "boto3": None,
    "aioboto3": None,
}
"""Clients of one protocol whose host is the maker's, as S3 elsewhere; ``None`` where every call is a request."""
_NO_STORE_CALLS = (
    "get_paginator", "get_waiter", "client", "resource", "Session", "generate_presigned", "presigned_", "can_paginate",
    "close",
)  # fmt: skip
"""What makes a client or an address, and asks nobody."""
_STORE_LISTS = ("filter", "all", "limit", "page_size", "pages", "")
"""What narrows a list down that is asked for once it is gone through."""
_CARRIERS = {
    "expo-file-system": ("uploadAsync", "downloadAsync", "downloadFileAsync", "resumeAsync"),
    "react-native-blob-util": ("fetch",),
    "rn-fetch-blob": ("fetch",),
    "react-native-fs": ("downloadFile", "uploadFiles"),
    "@dr.pogodin/react-native-fs": ("downloadFile", "uploadFiles"),
}
"""Packages of phones' files, and what of them sends a file or fetches one."""
_MAKERS = {"create", "extend", "defaults", "instance", "Client", "AsyncClient", "Session", "ClientSession", "Agent"}
_QUIET = {
    "", "node-fetch", "cross-fetch", "isomorphic-fetch", "isomorphic-unfetch", "unfetch", "undici", "fetch-retry",
    "needle", "http", "https", "http2", "requests", "httpx", "httpx2", "aiohttp", "urllib3", "niquests", "treq",
    "openapi-fetch", "expo-file-system", "react-native-blob-util", "rn-fetch-blob", "react-native-fs",
    "@dr.pogodin/react-native-fs",
}  # fmt: skip
"""Those that answer a refusal as they answer a success; the others raise."""
_LOUD = {"$fetch", "useFetch", "axios"}
_RAISING = {"$fetch", "WebSocket", "EventSource", "downloadFileAsync"}
"""Functions of them that raise all the same."""
_NO_REQUESTS = {
    "msw", "nock", "fetch-mock", "jest-fetch-mock", "express", "fastify", "hono", "koa", "koa-router", "@koa/router",
    "itty-router", "next", "react-router", "react-router-dom", "vue-router", "lodash", "lodash-es", "playwright",
    "@playwright/test",
    "cypress", "supertest", "flask", "fastapi", "starlette", "django", "responses", "respx", "mitt", "events", "map",
    "@aws-sdk/client-s3", "quick-lru", "lru-cache", "keyv", "ioredis", "redis",
}  # fmt: skip
"""Packages whose ``get`` and ``post`` say what is answered, or look something up."""
_LOOKED_UP = {
    "Map", "Set", "WeakMap", "WeakSet", "URLSearchParams", "Headers", "FormData", "Cache", "CacheStorage", "Storage",
    "dict", "URL", "Proxy", "caches", "localStorage", "sessionStorage", "cookies", "document", "Reflect",
}  # fmt: skip
_HOLDERS_OF_VALUES = {
    "headers", "searchParams", "params", "query", "cookies", "cookieStore", "map", "cache", "caches", "localStorage",
    "sessionStorage", "formData", "environ", "env", "os", "config", "settings", "session_state", "registry", "app",
    "router", "server", "store", "redis", "kwargs", "data", "payload", "body", "res", "bus", "emitter",
}  # fmt: skip
"""Names whose ``get`` looks a value up, or says what an address of the app's own answers."""


def makes_requests(origin: Origin | None) -> bool:
    """Whether a call of it is known to send one."""
    if origin is None or _is_answer(origin):
        return False
    last = _last(origin)
    if origin.package == "":
        first = origin.steps[0].name
        if first == "XMLHttpRequest":
            return last == "open"
        return first in _GLOBALS or (first in _HOLDERS and last in (_GLOBALS | (VERBS if first == "axios" else set())))
    if origin.package in _MAILERS:
        return last in _MAILERS[origin.package]
    if origin.package in _STORES:
        return _is_store_call(origin, last)
    if origin.package in _CARRIERS:
        return last in _CARRIERS[origin.package]
    if origin.package not in _HTTP_PACKAGES:
        return False
    made = origin.steps and origin.steps[-1].call is not None and _last(origin) in _MAKERS
    if origin.package == "openapi-fetch":  # its default export makes a client, whose methods are in capitals
        return last.isupper() and last.lower() in VERBS
    return made or last in VERBS or last in {"", ANY, "default", "ws_connect", origin.package}


def needs_address(origin: Origin | None) -> bool:
    """Whether it is worth telling that its address is not known: a client of S3 is mostly of S3."""
    return origin is not None and not speaks_a_protocol(origin)


def is_quiet(origin: Origin | None, call: Call) -> bool:
    """Whether it comes back as if all were well where it was refused."""
    if origin is None or origin.package not in _QUIET or _raises(origin, call):
        return any(_takes_every_status(one) for one in _calls(origin, call))
    first = origin.steps[0].name if origin.steps else ""
    return not (origin.package == "" and first in _LOUD) and _last(origin) not in _RAISING


def _calls(origin: Origin | None, call: Call) -> Iterator[Call]:
    """A call, and those that made its client."""
    yield call
    yield from (step.call for step in (origin.steps if origin is not None else ()) if step.call is not None)


def _raises(origin: Origin, call: Call) -> bool:
    """Whether a refusal raises, since the call or its client says so (``raise_for_status=True``)."""
    said = [one.named["raise_for_status"] for one in _calls(origin, call) if "raise_for_status" in one.named]
    return any(not isinstance(one, Const) or bool(one.value) for one in said)


def _takes_every_status(call: Call) -> bool:
    """Whether the app says itself which answers are failures (axios' ``validateStatus``)."""
    return any(isinstance(arg, Record) and "validateStatus" in arg.items for arg in call.args)


def may_make_requests(call: Call, origin: Origin | None, scope: Scope) -> bool:
    """Whether it looks like one: enough where it is given a provider's address, and never told where it is not."""
    if not call.args or not (call.last_name in VERBS or "fetch" in call.last_name.lower()) or _has_default(call):
        return False
    if origin is not None and (origin.package in _NO_REQUESTS or _is_answer(origin) or _looks_up(origin)):
        return False
    if origin is not None and origin.package in _STORES:  # what asks one is known
        return False
    holder = call.callee.object if isinstance(call.callee, Member) else None
    name = holder.id if isinstance(holder, Name) else holder.name if isinstance(holder, Member) else ""
    if isinstance(holder, Name) and scope.lookup(name) is not None and call.last_name in ("post", "fetch", "request"):
        return True
    return name not in _HOLDERS_OF_VALUES and not (isinstance(holder, Name) and name.isupper())


def _has_default(call: Call) -> bool:
    """Whether it looks a name up, and says what holds where there is none: ``settings.get("HOST", "")``."""
    if call.last_name != "get" or len(call.args) != 2 or not isinstance(call.args[1], Text | Const):
        return False
    name = call.args[0]
    return isinstance(name, Text) and not any("/" in piece for piece in name.pieces if isinstance(piece, str))


def _looks_up(origin: Origin) -> bool:
    return origin.package == "" and (
        origin.steps[0].name in _LOOKED_UP
        or (_last(origin) in ("get", "delete") and origin.steps[0].name not in _HOLDERS)
    )


def _is_answer(origin: Origin) -> bool:
    """Whether it is a part of what a request brought: ``(await fetch(u)).headers.get``."""
    if origin.package not in _HTTP_PACKAGES and origin.package != "":
        return False
    sent = VERBS - {origin.package}  # `request.defaults()` makes a client
    return any(step.call is not None and (step.name in sent or step.name in _GLOBALS) for step in origin.steps[:-1])


def _is_store_call(origin: Origin, last: str) -> bool:
    names = _STORES[origin.package]
    if names is not None:
        return last in names
    made = [step.name for step in origin.steps if step.call is not None]
    return bool(made) and not last.startswith(_NO_STORE_CALLS) and not any(_asks_a_store(name) for name in made)


def _asks_a_store(name: str) -> bool:
    """Whether a function of such a client sends a request: what goes on from there is a part of the answer."""
    return not (name[:1].isupper() or name.startswith(_NO_STORE_CALLS) or name in _STORE_LISTS)


def _last(origin: Origin) -> str:
    return next((step.name for step in reversed(origin.steps) if step.name), "")


def relay(call: Call) -> Text | None:
    """The host of a mail relay, where it is given by its place: ``smtplib.SMTP("smtp.sendgrid.net")``."""
    first = next(iter(call.args), None)
    return first if isinstance(first, Text) else None


def speaks_a_protocol(origin: Origin | None) -> bool:
    """Whether the client alone says where its calls go: what they are given is not an address."""
    return origin is not None and (origin.package in _MAILERS or origin.package in _STORES)


def is_mailer(origin: Origin | None) -> bool:
    """Whether it sends mail over a relay, whose host stands without a scheme."""
    return origin is not None and origin.package in _MAILERS


__all__ = [
    "VERBS",
    "Step",
    "is_mailer",
    "is_quiet",
    "makes_requests",
    "may_make_requests",
    "needs_address",
    "relay",
    "speaks_a_protocol",
]
