"""Beyond this machine Postgres is spoken to through TLS only, and the server has to prove who it is first."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from psycopg.conninfo import conninfo_to_dict

from releaseguard.appdb import AppDatabase
from releaseguard.errors import ConfigError, SafeModeRefusal, Unreachable
from releaseguard.eventlog.stores.postgres import PostgresEventLog
from releaseguard.safemode import Policy
from releaseguard.safemode.libpq import CheckedTarget, check_libpq
from releaseguard.secret import Secret
from releaseguard_events.places.encryption import system_certificates
from releaseguard_events.places.libpq import believes_whoever_answers

HOST = "db.example.test"
PASSWORD = "hunter2-hunter2"
ADDRESSES = {HOST: ["127.0.0.1"], "b.test": ["10.0.0.7"], "localhost": ["203.0.113.5", "127.0.0.1"], "::1": ["::1"]}

Check = Callable[..., CheckedTarget]


@pytest.fixture
def asked() -> list[str]:
    """The names that were looked up."""
    return []


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, asked: list[str]) -> Check:
    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(0, 0, 0, "", (address, port)) for address in ADDRESSES.get(host, [host])]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return lambda text, environ=None: check_libpq(text, environ or {}, policy=Policy())


def parameters(target: CheckedTarget) -> tuple[str | None, str | None]:
    found = conninfo_to_dict(target.conninfo.reveal())
    return found.get("sslmode"), found.get("sslrootcert")  # type: ignore[return-value]


SYSTEMS = system_certificates({})


@pytest.mark.parametrize(
    ("text", "environ", "expected"),
    [
        (f"postgresql://{HOST}/d", {}, ("verify-full", SYSTEMS)),
        (f"postgresql://{HOST}/d?sslrootcert=/ours.crt", {}, ("verify-full", "/ours.crt")),
        (f"postgresql://{HOST}/d?sslrootcert=system", {}, ("verify-full", SYSTEMS)),
        (f"postgresql://{HOST}/d", {"PGSSLROOTCERT": "/ours.crt"}, ("verify-full", "/ours.crt")),
        (f"postgresql://{HOST}/d?sslmode=verify-full", {"PGSSLMODE": "disable"}, ("verify-full", SYSTEMS)),
        (f"postgresql://{HOST}/d?sslmode=verify-ca", {}, ("verify-ca", SYSTEMS)),
        (f"postgresql://{HOST}/d?sslmode=require", {}, ("require", None)),
        (f"postgresql://{HOST}/d?sslmode=require&sslrootcert=/ours.crt", {}, ("require", "/ours.crt")),
        (f"postgresql://{HOST}/d", {"PGSSLMODE": "require"}, ("require", None)),
        (f"postgresql://{HOST}/d", {"PGREQUIRESSL": "1"}, ("require", None)),
        (f"postgresql://{HOST}/d?requiressl=1", {}, ("require", None)),
        (f"host={HOST} hostaddr=127.0.0.1", {}, ("verify-full", SYSTEMS)),
        ("host=localhost hostaddr=10.0.0.7", {}, ("verify-full", SYSTEMS)),
        ("hostaddr=10.0.0.7", {}, ("verify-full", SYSTEMS)),
        (f"postgresql://localhost:1,{HOST}:2/d", {}, ("verify-full", SYSTEMS)),
        (f"host=/run/pg,{HOST}", {}, ("verify-full", SYSTEMS)),
        ("postgresql://localhost/d", {}, (None, None)),
        ("postgresql://127.8.9.1/d?sslmode=disable", {}, ("disable", None)),
        ("postgresql://[::1]/d?sslmode=prefer", {"PGSSLMODE": "allow"}, ("prefer", None)),
        ("hostaddr=127.0.0.1", {"PGSSLMODE": "disable"}, (None, None)),
        ("host=/run/pg sslmode=disable", {}, ("disable", None)),
        ("dbname=d", {}, (None, None)),
    ],
)
def test_what_is_in_force(check: Check, text: str, environ: dict[str, str], expected: tuple[str, str]) -> None:
    assert parameters(check(text, environ)) == expected


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
@pytest.mark.parametrize(
    ("text", "environ", "where"),
    [
        (f"postgresql://u:{PASSWORD}@{HOST}/d?sslmode={{}}", {}, "[events] url"),
        (f"postgresql://u:{PASSWORD}@{HOST}/d", {"PGSSLMODE": "{}"}, "the variable PGSSLMODE"),
        (f"host=localhost,{HOST} sslmode={{}}", {}, "[events] url"),
        ("hostaddr=10.0.0.7 sslmode={}", {}, "[events] url"),
        ("host=localhost hostaddr=10.0.0.7 sslmode={}", {}, "[events] url"),
    ],
)
def test_what_may_go_in_plain_text_is_refused_before_a_look_up(
    check: Check, asked: list[str], mode: str, text: str, environ: dict[str, str], where: str
) -> None:
    with pytest.raises(SafeModeRefusal, match=f"sslmode={mode} .*: it ") as refused:
        check(text.format(mode), {name: value.format(mode) for name, value in environ.items()})
    assert refused.value.where == where
    assert "sslmode=require" in (refused.value.next_step or "")
    assert asked == []


def test_a_service_file_may_weaken_it_no_more_than_the_address(check: Check, tmp_path: Path) -> None:
    file = tmp_path / "services"
    file.write_text(f"[prod]\nhost={HOST}\nsslmode=prefer\n[good]\nhost={HOST}\nsslmode=require\n")
    with pytest.raises(SafeModeRefusal, match="sslmode=prefer"):
        check("service=prod", {"PGSERVICEFILE": str(file)})
    assert parameters(check("service=good", {"PGSERVICEFILE": str(file)})) == ("require", None)


def test_the_old_spelling_of_prefer_is_refused(check: Check) -> None:
    with pytest.raises(SafeModeRefusal, match="sslmode=prefer"):
        check(f"postgresql://{HOST}/d?requiressl=0")


def test_a_mode_that_there_is_not_is_a_mistake_and_none_that_is_refused_is_proposed(check: Check) -> None:
    with pytest.raises(ConfigError, match="no sslmode 'prefr'") as error:
        check(f"postgresql://{HOST}/d?sslmode=prefr")
    assert "'prefer'" not in (error.value.next_step or "")


def test_localhost_is_this_machine_whatever_a_resolver_says(check: Check) -> None:
    assert check("postgresql://localhost/d").addresses == ("127.0.0.1",)


def test_a_server_named_by_its_address_alone_proves_that_address(check: Check) -> None:
    assert conninfo_to_dict(check("hostaddr=10.0.0.7").conninfo.reveal())["host"] == "10.0.0.7"


@pytest.mark.parametrize(
    ("text", "environ", "expected"),
    [
        (f"host={HOST} sslmode=require", {}, True),
        (f"host={HOST}", {"PGSSLMODE": "require"}, True),
        (f"host={HOST}", {}, False),
        (f"host={HOST} sslmode=verify-ca", {}, False),
        (f"host={HOST} sslmode=require sslrootcert=/ours.crt", {}, False),
        ("host=localhost sslmode=require", {}, False),
    ],
)
def test_who_believes_whoever_answers_is_known(text: str, environ: dict[str, str], expected: bool) -> None:
    assert believes_whoever_answers(text, environ, setting="[events] url") is expected


@dataclass
class Authority:
    """A certificate authority in a folder."""

    folder: Path
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def name(self) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.folder.name)])

    @property
    def file(self) -> Path:
        file = self.folder / "ca.crt"
        if not file.exists():
            signed = self._signed(self.name, self.key, x509.BasicConstraints(ca=True, path_length=None))
            file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        return file

    def server(self, host: str, until: datetime | None = None) -> ssl.SSLContext:
        """A server's side of TLS with a certificate for ``host``."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.SubjectAlternativeName([x509.DNSName(host)])
        signed = self._signed(x509.Name([]), key, name, until)
        file = self.folder / f"{host}.pem"
        encoded = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(encoded + signed.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _signed(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        extension: x509.ExtensionType,
        until: datetime | None = None,
    ) -> x509.Certificate:
        end = until or datetime.now(UTC) + timedelta(days=1)
        made = x509.CertificateBuilder(
            issuer_name=self.name,
            subject_name=name,
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=end - timedelta(days=9),
            not_valid_after=end,
        )
        return made.add_extension(extension, critical=True).sign(self.key, hashes.SHA256())


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("theirs"))


@contextmanager
def answering(tls: ssl.SSLContext | None) -> Iterator[tuple[int, bytearray]]:
    """A server that asks for the password in plain text, as a thief would; its port, and all that it was told."""
    heard = bytearray()

    def serve(listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                peer, _ = listening.accept()
                with suppress(OSError), peer:
                    talk(peer)

    def talk(peer: socket.socket) -> None:
        peer.settimeout(5)
        first = peer.recv(8)
        peer.sendall(b"N" if tls is None else b"S")
        heard.extend(first)
        with tls.wrap_socket(peer, server_side=True) if tls else peer as line:
            heard.extend(line.recv(4096))  # the startup message
            line.sendall(b"R\x00\x00\x00\x08\x00\x00\x00\x03")  # AuthenticationCleartextPassword
            heard.extend(line.recv(4096))

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        yield server.getsockname()[1], heard
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)


YESTERDAY = datetime.now(UTC) - timedelta(days=1)
SERVERS: dict[str, Callable[[Authority, Authority], ssl.SSLContext | None]] = {
    "no TLS at all": lambda ours, theirs: None,
    "another authority's": lambda ours, theirs: theirs.server(HOST),
    "another host's": lambda ours, theirs: ours.server("db.evil.test"),
    "expired": lambda ours, theirs: ours.server(HOST, YESTERDAY),
}


@pytest.mark.parametrize("certificate", SERVERS)
def test_a_server_that_does_not_prove_who_it_is_gets_no_password(
    check: Check, ours: Authority, theirs: Authority, certificate: str
) -> None:
    with answering(SERVERS[certificate](ours, theirs)) as (port, heard):
        for connect in _ways_in(check, port, ours.file):
            with pytest.raises(Unreachable) as error:
                connect()
            assert error.value.next_step
            assert "TLS" in error.value.next_step or "sslrootcert" in error.value.next_step
    assert heard
    assert b"user" not in heard
    assert PASSWORD.encode() not in heard


def _ways_in(check: Check, port: int, roots: Path) -> list[Callable[[], object]]:
    """Everywhere that libpq connects."""
    url = Secret(f"postgresql://user:{PASSWORD}@{HOST}:{port}/d?sslrootcert={roots}")

    def pin(target: str) -> str:
        return check(target).conninfo.reveal()

    log, app = PostgresEventLog(url, pin=pin), AppDatabase(url, "APP_DATABASE_URL", pin=pin)
    return [log.now, app.reach]


def test_the_systems_authorities_do_not_vouch_for_ours(check: Check, ours: Authority) -> None:
    with answering(ours.server(HOST)) as (port, heard), pytest.raises(psycopg.OperationalError, match="certificate"):
        psycopg.connect(check(f"postgresql://user:{PASSWORD}@{HOST}:{port}/d").conninfo.reveal())
    assert PASSWORD.encode() not in heard


@pytest.mark.parametrize("mode", ["", "&sslmode=verify-ca", "&sslmode=verify-full"])
def test_a_server_that_proves_it_is_spoken_to(check: Check, ours: Authority, mode: str) -> None:
    with answering(ours.server(HOST)) as (port, heard):
        target = check(f"postgresql://user:{PASSWORD}@{HOST}:{port}/d?sslrootcert={ours.file}{mode}")
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(target.conninfo.reveal())
    assert PASSWORD.encode() in heard


@pytest.mark.parametrize("variable", ["PGSSLMODE", "PGREQUIRESSL", "PGGSSENCMODE", "PGSSLROOTCERT"])
def test_what_the_environment_says_later_changes_nothing(
    check: Check, ours: Authority, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    with answering(None) as (port, heard):
        target = check(f"postgresql://user:{PASSWORD}@{HOST}:{port}/d?sslrootcert={ours.file}")
        monkeypatch.setenv(variable, {"PGSSLMODE": "disable", "PGGSSENCMODE": "prefer"}.get(variable, "0"))
        with pytest.raises(psycopg.OperationalError, match="SSL"):
            psycopg.connect(target.conninfo.reveal())
    assert PASSWORD.encode() not in heard


def test_the_systems_certificates_are_a_file_of_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "BEGIN CERTIFICATE" in Path(SYSTEMS).read_text(encoding="utf-8", errors="replace")
    named = tmp_path / "named.pem"
    named.write_text("")
    assert system_certificates({"SSL_CERT_FILE": str(named)}) == str(named)
    assert system_certificates({"SSL_CERT_FILE": f"{named}.gone"}) == SYSTEMS
    monkeypatch.setattr("releaseguard_events.places.encryption._BUNDLES", ())
    assert system_certificates({}).endswith("cacert.pem")
