"""libpq connects in C, where no hook sees it: its target is determined here, checked, and fixed to addresses.

The rules are libpq's own: the connection string, then the service's section, then ``PG*`` variables
(https://www.postgresql.org/docs/current/libpq-connect.html, https://www.postgresql.org/docs/current/libpq-envars.html,
https://www.postgresql.org/docs/current/libpq-pgservice.html). A target that only the environment would choose is
refused: the configuration alone says whom we contact.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Final

from releaseguard_events.errors import ConfigError, SafeModeRefusal, Unreachable
from releaseguard_events.places.encryption import REQUIRED, encryption, mode_written
from releaseguard_events.places.forms import canonical_host
from releaseguard_events.places.hosts import Place, canonical_or_none, is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

DEFAULT_PORT: Final = "5432"
ENCODE: Final = (
    "Write it as postgresql://USER:PASSWORD@HOST:5432/DATABASE, with special characters in user, password and database "
    "as %XX: @ is %40, / is %2F, : is %3A, % is %25, # is %23, ? is %3F, [ is %5B, ] is %5D, a blank is %20."
)

DIVERTING: Final[Mapping[str, str]] = {"PGHOSTADDR": "hostaddr", "PGHOST": "host", "PGSERVICE": "service"}
"""Variable that can choose the target -> the parameter that overrules it."""


@dataclass(frozen=True, slots=True)
class PinnedTarget:
    """A checked target. ``conninfo`` is for ``psycopg.connect``, which then looks nothing up and connects only to
    ``addresses`` (empty for a Unix socket); ``where`` names the target in messages."""

    conninfo: str = field(repr=False)
    where: str
    addresses: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Server:
    """One of the servers in a connection string."""

    host: str
    address: str
    port: str

    @property
    def is_local(self) -> bool:
        """Whether it is reached through the file system (or Linux's abstract names) and not through the network."""
        return not self.address and (not self.host or self.host[0] in "/@")

    @property
    def stays_here(self) -> bool:
        """Whether what is sent there does not leave this machine. A name that merely resolves to this machine does not
        count, since others can change that."""
        return self.is_local or all(map(_is_this_machine, filter(None, (self.host, self.address))))

    @property
    def words(self) -> str:
        return f"{self.host or self.address or 'the local socket'}:{self.port}"


def _is_this_machine(host: str) -> bool:
    return is_loopback(canonical_or_none(host) or "")


def pinned(
    conninfo_or_url: str, environ: Mapping[str, str], *, setting: str, admit: Callable[[Place], None]
) -> PinnedTarget:
    """The only target to which libpq will connect.

    ``admit`` is called for every server before anything is looked up, and raises where nothing may be sent there.
    Beyond this machine the connection is encrypted and the server's certificate verified, unless the address or
    ``PGSSLMODE`` says ``require`` or ``verify-ca``. Raises ``ConfigError`` for a string that libpq does not read or a
    service that is not defined, ``SafeModeRefusal`` for a target that a ``PG*`` variable would choose or a connection
    that might not be encrypted, ``Unreachable`` for a name without an address.
    """
    params = _with_service(_parsed(conninfo_or_url, setting), environ, setting)
    _refuse_diversion(params, environ, setting)
    servers = list(_servers(params, environ, setting))
    for server in servers:
        for place in _places(server):
            admit(place)
    elsewhere = _elsewhere(servers)
    encrypted = encryption(params, environ, setting, elsewhere.words) if elsewhere else {}
    return _pinned({**params, **encrypted}, [pin for server in servers for pin in _pins(server, setting)])


def believes_whoever_answers(conninfo_or_url: str, environ: Mapping[str, str], *, setting: str) -> bool:
    """Whether the address encrypts without verifying the server. Raises like :func:`pinned`, and looks nothing up."""
    params = _with_service(_parsed(conninfo_or_url, setting), environ, setting)
    mode, _ = mode_written(params, environ, setting)
    roots = params.get("sslrootcert") or environ.get("PGSSLROOTCERT")
    return mode == REQUIRED and not roots and _elsewhere(list(_servers(params, environ, setting))) is not None


def _elsewhere(servers: Sequence[_Server]) -> _Server | None:
    """A server that is not on this machine; ``None`` without one. One mode applies to all servers of an address."""
    return next((server for server in servers if not server.stays_here), None)


def _parsed(text: str, setting: str) -> dict[str, str]:
    _refuse_early_end(text, setting)
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        raise ConfigError(
            "psycopg is not installed, or finds no library of the system's (releaseguard-events[postgres] brings it)",
            where=setting,
            next_step="pip install 'releaseguard-events[postgres]'",
        ) from None
    try:
        return {name: str(value) for name, value in conninfo_to_dict(text).items()}
    except (psycopg.Error, UnicodeError):
        pass  # its text can hold the password
    raise ConfigError(
        "this is not a connection string that PostgreSQL's library reads",
        where=setting,
        next_step=ENCODE,
    )


def _refuse_early_end(text: str, setting: str) -> None:
    """Refuse an ``@`` after the first ``@`` or ``/``: libpq ends user and password at the first of these, so it would
    take a part of the password for the host, look it up and name it in messages."""
    found = re.search(r"[@/]", text.partition("://")[2])
    behind = text.partition("://")[2][found.end() :].partition("?")[0] if found else ""
    if "@" in behind:
        raise ConfigError(
            "the user or password in the database's address holds a character that ends it early",
            where=setting,
            next_step=ENCODE,
        )


def _places(server: _Server) -> Iterator[Place]:
    """The server's name and its address, where both are given; both must be allowed."""
    for host in filter(None, (server.host, server.address)):
        if not server.is_local:
            yield Place("postgresql", canonical_host(host), int(server.port))


def _with_service(params: Mapping[str, str], environ: Mapping[str, str], setting: str) -> dict[str, str]:
    """The parameters, followed by those of the named service, so that libpq need not read its file."""
    name = params.get("service")
    if name is None:
        return dict(params)
    section = next(filter(None, (_section(file, name, setting) for file in _service_files(environ))), None)
    if section is None:
        raise ConfigError(
            f"the service {name!r} is not defined in any service file",
            where=setting,
            next_step="Define it in ~/.pg_service.conf or the file PGSERVICEFILE names, or write host and port here.",
        )
    return {**section, **{key: value for key, value in params.items() if key not in {"service", "servicefile"}}}


def _service_files(environ: Mapping[str, str]) -> Iterator[Path]:
    home = environ.get("HOME")
    if named := environ.get("PGSERVICEFILE"):
        yield Path(named)
    elif home:
        yield Path(home) / ".pg_service.conf"
    if directory := environ.get("PGSYSCONFDIR"):
        yield Path(directory) / "pg_service.conf"


def _section(file: Path, name: str, setting: str) -> dict[str, str] | None:
    """The section's parameters (the first of each counts); ``None`` where the file does not have it."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    found: dict[str, str] | None = None
    inside = False
    for line in map(str.strip, lines):
        if line.startswith("["):
            inside = line == f"[{name}]" and found is None
            found = {} if inside else found
        elif inside and found is not None and line and not line.startswith("#"):
            _refuse_ldap(line, file, setting)
            key, _, value = line.partition("=")
            found.setdefault(key, value)
    return found


def _refuse_ldap(line: str, file: Path, setting: str) -> None:
    if line.lower().startswith("ldap"):
        raise SafeModeRefusal(
            f"SAFE MODE refuses to ask a directory server for the database's address (an ldap:// line in {file})",
            where=setting,
            next_step="Write host and port into the configuration.",
        )


def _refuse_diversion(params: Mapping[str, str], environ: Mapping[str, str], setting: str) -> None:
    for variable, overruled_by in DIVERTING.items():
        if environ.get(variable) and not params.get(overruled_by) and not _harmless(variable, params):
            raise SafeModeRefusal(
                f"SAFE MODE refuses a database target that the variable {variable} would choose: "
                "only the configuration says whom releaseguard talks to",
                where=setting,
                next_step=f"Unset {variable}, or write host and port into {setting}.",
            )


def _harmless(variable: str, params: Mapping[str, str]) -> bool:
    """Whether the variable changes nothing: ``PGHOST`` does not where the address itself is given."""
    return variable == "PGHOST" and bool(params.get("hostaddr"))


def _servers(params: Mapping[str, str], environ: Mapping[str, str], setting: str) -> Iterator[_Server]:
    """The listed servers. A single port applies to all; an empty place means the default."""
    hosts = params.get("host", "").split(",")
    addresses = params.get("hostaddr", "").split(",")
    ports = (params.get("port") or environ.get("PGPORT") or DEFAULT_PORT).split(",")
    count = max(len(hosts), len(addresses))
    if not all(len(listed) in {1, count} for listed in (hosts, addresses, ports)):
        raise ConfigError(
            "host, hostaddr and port list different numbers of servers",
            where=setting,
            next_step="List as many of each, or one port for all.",
        )
    if len(ports) == 1:
        ports *= count
    for host, address, port in zip_longest(hosts, addresses, ports, fillvalue=""):
        if not (port or DEFAULT_PORT).isdecimal():
            raise ConfigError("the port is not a number", where=setting, next_step=ENCODE)
        yield _Server(host, address, port or DEFAULT_PORT)


def _pins(server: _Server, setting: str) -> Iterator[_Server]:
    """The server once for every address of its name; for ``localhost``, only addresses of this machine."""
    if server.is_local or server.address:
        yield server if server.is_local else _Server(server.host or server.address, server.address, server.port)
        return
    try:
        found = socket.getaddrinfo(server.host, int(server.port), type=socket.SOCK_STREAM)
    except OSError:
        found = []
    found = [one for one in found if not server.stays_here or _is_this_machine(str(one[-1][0]))]
    if not found:
        raise Unreachable(
            f"the database host {server.host} has no address",
            where=setting,
            next_step=f"Check the host in {setting} and this machine's name resolution.",
        )
    for *_, address in found:
        yield _Server(server.host, str(address[0]), server.port)


def _pinned(params: Mapping[str, str], pins: Sequence[_Server]) -> PinnedTarget:
    from psycopg.conninfo import make_conninfo

    # With hostaddr libpq looks no name up, so it cannot be sent to another address than the one that was checked; host
    # stays for the certificate. https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-HOSTADDR
    target = {
        **params,
        "host": ",".join(pin.host for pin in pins),
        "hostaddr": ",".join(pin.address for pin in pins),
        "port": ",".join(pin.port for pin in pins),
        "gssencmode": "disable",  # Kerberos would ask servers of its own choice
    }
    if len(pins) == 1 and pins[0].is_local:
        target = {name: value for name, value in target.items() if name != "hostaddr" and value}
    return PinnedTarget(
        conninfo=make_conninfo("", **target),
        where=", ".join(dict.fromkeys(pin.words for pin in pins)),
        addresses=tuple(pin.address for pin in pins if pin.address),
    )
