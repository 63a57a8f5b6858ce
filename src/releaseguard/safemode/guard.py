"""The one place where SAFE MODE is enforced: an audit hook, below every library of this process.

CPython reports look-ups, connections and child processes to audit hooks before it performs them, and an exception from
a hook prevents them (https://peps.python.org/pep-0578/; names and arguments of the events:
https://docs.python.org/3/library/audit_events.html). A hook cannot be removed, so it looks up the current policy each
time. It does not see what C code does by itself: libpq's target is therefore fixed before it starts
(:mod:`releaseguard.safemode.libpq`), and child processes are refused.
"""

from __future__ import annotations

import os
import re
import socket
import sys
import threading
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from releaseguard.errors import SafeModeRefusal
from releaseguard_events.places.forms import readable
from releaseguard_events.places.hosts import canonical_or_none, is_address, is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from releaseguard.safemode.policy import Policy

PROXY_VARIABLES: Final = ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "ws_proxy", "wss_proxy")

_ADDRESS_ARGUMENT: Final = {"connect": 0, "connect_ex": 0, "bind": 0, "sendto": -1, "sendmsg": 3}
"""Method of a socket that takes an address -> the position of that argument."""

_PROXIED: Final = re.compile(rb"(CONNECT |[A-Z]+ (?=https?://))(?P<target>[^ \r\n]+) ")

CHILD_EVENTS: Final = frozenset(
    {
        "subprocess.Popen",
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
        "os.startfile",
        "os.system",
        "pty.spawn",
    }
)


class _State:
    """What the hook reads; one for the process."""

    policy: Policy | None = None
    hooked = False
    forking: int | None = None
    """The thread that is forking a worker now."""
    sealed = False
    """Whether this process is such a worker."""
    checks: Mapping[str, Callable[[Policy, Sequence[Any]], None]] = {}
    """Event -> its check; empty until the module is fully loaded."""


def active_policy() -> Policy | None:
    """The policy in force; ``None`` where SAFE MODE is not installed (inside somebody's app)."""
    return _State.policy


def check_address(url: str) -> None:
    """Raise ``SafeModeRefusal`` unless ``url`` may be contacted. HTTP clients call this for an address behind a proxy,
    which no hook sees; without a policy in force only the form of the address is checked."""
    policy = _State.policy
    if policy is None:
        readable(url)
    else:
        policy.check_url(url)


def install(policy: Policy) -> list[str]:
    """Put ``policy`` in force for the whole process, permanently; a later call replaces it.

    Removes the proxy variables from the environment, so that no library follows them; returns their names.
    """
    ignored = ignored_proxy_variables(os.environ)
    for name in ignored:
        del os.environ[name]
    if not _State.hooked:
        _State.hooked = True
        _record_answers()
        _check_names_of_sockets()
        _refuse_unannounced_children()
        sys.addaudithook(_hook)
    _State.policy = policy
    return ignored


@contextmanager
def guarding(policy: Policy) -> Iterator[None]:
    """:func:`install` for the duration of a block, for a process that outlives the command, such as a test run."""
    before, environment = _State.policy, dict(os.environ)
    install(policy)
    try:
        yield
    finally:
        _State.policy = before
        os.environ.update(
            {name: environment[name] for name in ignored_proxy_variables(environment) if name not in os.environ}
        )


def ignored_proxy_variables(environ: Mapping[str, str]) -> list[str]:
    """The proxy variables that are set and ignored, since only ``[network] proxy`` is followed. Call it before
    :func:`install`, which removes them."""
    return sorted(name for name in environ if name.lower() in PROXY_VARIABLES and environ[name])


def refusal_behind(exc: BaseException) -> SafeModeRefusal | None:
    """The refusal that a library wrapped into ``exc``, however deep; ``None`` where there is none."""
    waiting: list[object] = [exc]
    seen: set[int] = set()
    while waiting:
        found = waiting.pop()
        if isinstance(found, SafeModeRefusal):
            return found
        if isinstance(found, BaseException) and id(found) not in seen:
            seen.add(id(found))
            inside = (getattr(found, "reason", None), *getattr(found, "exceptions", ()))
            waiting += [found.__cause__, found.__context__, *found.args, *inside]
    return None


def fork_worker() -> int:
    """``os.fork`` for work on files alone: returns 0 in the worker, and its process id in the parent.

    This is the only child process that is allowed. Every socket, look-up and further process is refused in it from its
    first line on, whatever the policy, and even without one.
    """
    _State.forking = threading.get_ident()
    try:
        process = os.fork()
    finally:
        _State.forking = None
    if process == 0:
        _State.sealed = True
        if not _State.hooked:
            _State.hooked = True
            sys.addaudithook(_hook)
    return process


def _hook(event: str, args: tuple[Any, ...], state: type[_State] = _State) -> None:
    # The state is held here: an interpreter that ends still asks when nothing is left of the module's own names.
    if state.sealed and (event.startswith("socket.") or event in CHILD_EVENTS):
        raise SafeModeRefusal("SAFE MODE refuses every connection and process of a worker that reads files")
    if event == "os.fork" and state.forking == threading.get_ident():
        return
    check = state.checks.get(event)
    if check is not None and state.policy is not None:
        check(state.policy, args)


def _check_look_up(policy: Policy, args: Sequence[Any]) -> None:
    host = args[0]
    port = args[1] if len(args) > 1 else None
    if host is not None:  # None is this machine
        policy.check_host(_text(host), _port(port))


def _check_reverse_look_up(policy: Policy, args: Sequence[Any]) -> None:
    """A reverse look-up asks servers on the network too. Python's own HTTP server makes one for its loopback
    address."""
    plain = canonical_or_none(_text(args[0]))
    if plain is None or not is_loopback(plain):
        policy.check_host(_text(args[0]))


def _check_sockaddr(policy: Policy, args: Sequence[Any]) -> None:
    _check_reverse_look_up(policy, args[0])


def _check_connection(policy: Policy, args: Sequence[Any]) -> None:
    sock, address = args[0], args[1]
    if address is None:  # sending on a socket that is connected already
        return
    if sock.family not in {socket.AF_INET, socket.AF_INET6}:
        raise SafeModeRefusal(
            f"SAFE MODE refuses a connection of the kind {getattr(sock.family, 'name', sock.family)}: "
            "only the hosts that the configuration names are talked to",
            next_step="Write the service's address into releaseguard.toml as https://host.",
        )
    policy.check_host(_text(address[0]), address[1])


def _check_behind_proxy(policy: Policy, args: Sequence[Any]) -> None:
    """Check what ``http.client`` (below requests and urllib) asks of a proxy: ``CONNECT host:port`` or a whole
    address."""
    sent = args[1]
    asked = _PROXIED.match(sent) if isinstance(sent, bytes | bytearray) else None
    if asked is None:
        return
    target = _text(asked["target"])
    policy.check_url(target if "://" in target else f"https://{target}")


def _refuse_child(_policy: Policy, args: Sequence[Any]) -> None:
    raise SafeModeRefusal(
        f"SAFE MODE refuses to start {_program(args)}: whom another process talks to cannot be checked",
        next_step="Run the program yourself, outside releaseguard.",
    )


def _program(args: Sequence[Any]) -> str:
    """The program's name only, since its arguments could contain a secret."""
    named = args[0] if args else None
    words = _text(named).split() if isinstance(named, str | bytes) else []
    return os.path.basename(words[0]) if words else "another program"  # noqa: PTH119 - text, not a file of ours


_State.checks = {
    "socket.getaddrinfo": _check_look_up,
    "socket.gethostbyname": lambda policy, args: _check_look_up(policy, args[:1]),
    "socket.gethostbyaddr": _check_reverse_look_up,
    "socket.getnameinfo": _check_sockaddr,
    "socket.connect": _check_connection,
    "http.client.send": _check_behind_proxy,
    "socket.sendto": _check_connection,
    "socket.sendmsg": _check_connection,
    **dict.fromkeys(CHILD_EVENTS, _refuse_child),
}


def _text(host: object) -> str:
    return host.decode("ascii", "replace") if isinstance(host, bytes | bytearray) else str(host)


def _port(port: object) -> int | None:
    if isinstance(port, bytes):
        port = port.decode("ascii", "replace")
    return int(port) if isinstance(port, int) or (isinstance(port, str) and port.isdecimal()) else None


def _record_answers() -> None:
    """Let the policy learn the addresses of its names: a hook sees a look-up's question, but not its answer.

    This is bookkeeping and no protection: an address missed here is refused.
    """
    import _socket

    look_up = _socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        found = look_up(host, *args, **options)
        if _State.policy is not None and host is not None and not is_address(canonical_or_none(_text(host)) or ""):
            _State.policy.record(_text(host), (str(entry[4][0]) for entry in found))
        return found

    _socket.getaddrinfo = getaddrinfo


def _check_names_of_sockets() -> None:
    """Check host names given to sockets: a socket looks a name up before it raises the event of its connection."""
    for method, place in _ADDRESS_ARGUMENT.items():
        setattr(socket.socket, method, _name_checked(getattr(socket.socket, method), place))


def _name_checked(method: Callable[..., Any], place: int) -> Callable[..., Any]:
    @wraps(method)
    def checked(self: socket.socket, *args: Any) -> Any:
        policy = _State.policy
        address = args[place] if -len(args) <= place < len(args) else None
        if policy is not None and isinstance(address, tuple) and address and _is_name(address[0]):
            policy.check_host(_text(address[0]), _port(address[1]) if method.__name__ != "bind" else None)
        return method(self, *args)

    return checked


def _is_name(host: object) -> bool:
    """Whether a socket would look ``host`` up. The empty host and ``localhost`` are this machine."""
    text = _text(host)
    plain = canonical_or_none(text)
    return text not in {"", "<broadcast>"} and (plain is None or not (is_address(plain) or is_loopback(plain)))


def _refuse_unannounced_children() -> None:
    """Refuse the children of ``multiprocessing``, which calls ``_posixsubprocess.fork_exec``: in Python 3.11 to 3.13
    that raises no audit event (https://docs.python.org/3/library/audit_events.html lists those of newer ones)."""
    try:
        import _posixsubprocess
    except ImportError:  # not POSIX
        return
    start = _posixsubprocess.fork_exec

    def fork_exec(*args: Any) -> int:
        if _State.policy is not None:
            _refuse_child(_State.policy, ())
        return start(*args)

    _posixsubprocess.fork_exec = fork_exec
