"""Addresses in a configuration file, which anybody may have written. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl

from releaseguard_events.errors import ConfigError
from releaseguard_events.places import urls

CREDENTIAL_KEY: Final = re.compile(
    r"(^|_)(token|secret|password|passwd|api_?key|private_key|service_role(_key)?|anon_key)$", re.IGNORECASE
)
"""Names of keys that hold a credential."""
_FROM_ENVIRONMENT: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_OURS: Final = re.compile(r"RELEASEGUARD_EVENTS_[A-Za-z0-9_]+")


def variables_in(text: str) -> Sequence[str]:
    """The names of the environment's variables that an address in the file uses: ``${NAME}``."""
    return _FROM_ENVIRONMENT.findall(text)


def check_variables(url: str, databases: Collection[str], where: str) -> None:
    """Raise ``ConfigError`` where ``[events] url`` names a variable that is neither ours nor one of ``databases``: its
    value would be sent, or shown, wherever the file says."""
    for name in variables_in(url):
        if name not in databases and not _OURS.fullmatch(name):
            raise ConfigError(
                f"events.url may not take {name} from the environment",
                where=where,
                next_step=f"Only variables whose names begin with RELEASEGUARD_EVENTS_, and {' and '.join(databases)}, "
                "are expanded there: a configuration file can come from anybody. Give the variable such a name, for "
                "instance RELEASEGUARD_EVENTS_PASSWORD.",
            )


def expanded(text: str, environ: Mapping[str, str], where: str) -> str:
    """``text`` with the variables' values. Raises ``ConfigError`` where one is not set or is empty, as a CI service
    passes variables that nobody has set."""

    def value_of(match: re.Match[str]) -> str:
        if not environ.get(match[1]):
            raise ConfigError(
                f"events.url needs the environment variable {match[1]}, which is empty"
                if match[1] in environ
                else f"events.url needs the environment variable {match[1]}, which is not set",
                where=where,
                next_step=f"Set {match[1]}, or write the address without it.",
            )
        return environ[match[1]]

    return _FROM_ENVIRONMENT.sub(value_of, text)


def holds_password(value: str) -> bool:
    """Whether an address contains a password that does not come from the environment: before the host, or as a
    parameter."""
    if "://" not in value:
        return False
    written = _FROM_ENVIRONMENT.sub("", value)
    parts = urls.split(written)
    if parts.password or (not parts.is_plain and ":" in urls.hidden_in(written)):
        return True
    try:
        parameters = parse_qsl(parts.query)
    except ValueError:  # more fields than anybody writes
        return True
    return any(CREDENTIAL_KEY.search(name) or name.lower() == "sslpassword" for name, _ in parameters)
