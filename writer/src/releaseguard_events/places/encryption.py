"""How a connection to Postgres beyond this machine is encrypted and its server verified. Pure, except for the search
for the system's certificates.

libpq's own default (``sslmode=prefer``) gives the password to whoever answers, in plain text to a server that claims to
have no TLS (https://www.postgresql.org/docs/current/libpq-ssl.html, "Protection Provided in Different Modes"). Here the
default is ``verify-full``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from releaseguard_events.errors import ConfigError, SafeModeRefusal

if TYPE_CHECKING:
    from collections.abc import Mapping

VERIFIED: Final = "verify-full"
REQUIRED: Final = "require"
SYSTEM: Final = "system"
"""libpq's name for the certificates of its own OpenSSL; the one that comes with psycopg does not know the system's."""

_REFUSED: Final[Mapping[str, str]] = {
    "disable": "it sends the password and every row in plain text",
    "allow": "it encrypts only where the server insists, so anyone in between can read the password",
    "prefer": "it goes on in plain text where the server says that it has no TLS, and so would anyone in between",
}
_MODES: Final = (*_REFUSED, REQUIRED, "verify-ca", VERIFIED)
_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # macOS, BSD
)


def encryption(params: Mapping[str, str], environ: Mapping[str, str], setting: str, host: str) -> dict[str, str]:
    """The parameters that decide the encryption of a connection to ``host``, which is not on this machine.

    ``params`` are those of the address, including its service. Raises ``SafeModeRefusal`` for a mode that would reveal
    the password, ``ConfigError`` for a mode that does not exist.
    """
    mode, where = mode_written(params, environ, setting)
    if mode in _REFUSED:
        raise SafeModeRefusal(
            f"SAFE MODE refuses sslmode={mode} for the database at {host}: {_REFUSED[mode]}",
            where=where,
            next_step=f"Leave sslmode out (then {VERIFIED} holds), or write sslmode={REQUIRED}: encrypted, but whoever "
            "answers at that address is believed.",
        )
    if mode not in _MODES:
        known = ", ".join(one for one in _MODES if one not in _REFUSED)
        raise ConfigError(f"there is no sslmode {mode!r}", where=where, next_step=f"Valid: {known}. Or leave it out.")
    roots = params.get("sslrootcert") or environ.get("PGSSLROOTCERT")
    if not roots and mode == REQUIRED:
        return {"sslmode": mode}  # with certificates libpq would verify by them
    return {"sslmode": mode, "sslrootcert": roots if roots and roots != SYSTEM else system_certificates(environ)}


def mode_written(params: Mapping[str, str], environ: Mapping[str, str], setting: str) -> tuple[str, str]:
    """The mode in force and where it is set: in the address, else the environment, else nowhere."""
    if written := params.get("sslmode"):
        return written, setting
    if written := environ.get("PGSSLMODE"):
        return written, "the variable PGSSLMODE"
    if environ.get("PGREQUIRESSL", "").startswith("1"):
        return REQUIRED, "the variable PGREQUIRESSL"
    return VERIFIED, setting


def system_certificates(environ: Mapping[str, str]) -> str:
    """The file of the certificates that this system trusts: OpenSSL's variable for it, the usual places, certifi's."""
    named = environ.get("SSL_CERT_FILE")
    found = next((place for place in (named, *_BUNDLES) if place and Path(place).is_file()), None)
    if found is not None:
        return found
    try:
        import certifi
    except ImportError:
        raise ConfigError(
            "this system has no list of the certificates that it trusts",
            next_step="Install its ca-certificates, or name a list: SSL_CERT_FILE=FILE.",
        ) from None
    return certifi.where()


def next_step_for(said: str) -> str | None:
    """What helps where libpq's message is about encryption; ``None`` where it is not."""
    if "does not support SSL" in said:
        return "Switch TLS on at the server: beyond this machine no password is sent without it."
    if "certificate" in said or "SSL error" in said:
        return (
            "Add the certificate of the authority that signed the server's to the address: ?sslrootcert=FILE (Supabase "
            "offers its own under Database Settings, SSL Configuration), and see that the host is the certificate's."
        )
    return None
