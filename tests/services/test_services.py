"""What every service says of itself, and that nobody else says it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from releaseguard.compose.known.configuration import ADDRESSES, KNOWN
from releaseguard.compose.known.endpoints import RULES
from releaseguard.services import SERVICES
from releaseguard.services.interface import Service

SOURCE = Path(__file__).parents[2] / "src" / "releaseguard"
NOT_CODE = ("sandbox", "cards", "messages")
"""Stand-ins of the services, what a card may say, and sentences."""

REASONS = {
    "cli": "the words and flags of commands",
    "init": "a first configuration, and what a project's files tell",
}
GITHUB_ACTIONS = "a run of GitHub Actions: what it may use, and what is printed for it"
MARKDOWN = "the flavour of Markdown and of findings that is written"
ALLOWED: dict[str, dict[str, str]] = {
    "infisical": {
        "rotation": "the stored word for a value that is in the vault already, and sentences",
        "verification": "a sentence",
        "services/supabase": "a sentence",
    },
    "github": {
        "ci/job.py": GITHUB_ACTIONS,
        "doctor": GITHUB_ACTIONS,
        "harmless.py": GITHUB_ACTIONS,
        "http": "a header that any service may send, and where a limit is described",
        "report": MARKDOWN,
        "rotation": GITHUB_ACTIONS,
        "safemode/checkout.py": GITHUB_ACTIONS,
        "services/infisical": GITHUB_ACTIONS,
        "services/vercel": "a key of Vercel's own documents",
        "settings/checks.py": "how a token begins, which must not stand in the file",
        "compose/placing/workflows.py": "where a checkout keeps its workflows",
    },
    "vercel": {},
    "supabase": {
        "compose": "sentences: the form of an address",
        "eventlog": "Postgres as it is there: roles and row-level security",
        "verification": "a sentence",
    },
}
"""Where else a service is named, and why."""


def named_in(service: str) -> set[str]:
    """The files outside its own room in which a service is named, apart from what is no code."""
    paths = (path for path in SOURCE.rglob("*.py") if path.relative_to(SOURCE).parts[0] not in NOT_CODE)
    outside = (path for path in paths if f"services/{service}/" not in path.as_posix())
    return {
        path.relative_to(SOURCE).as_posix()
        for path in outside
        if re.search(service, path.read_text(encoding="utf-8"), re.IGNORECASE)
    }


@pytest.mark.parametrize("service", [one.name for one in SERVICES])
def test_a_service_is_named_in_its_room_and_in_the_list_alone(service: str) -> None:
    reasons = {**REASONS, **ALLOWED[service]}
    unexplained = {
        path for path in named_in(service) if not any(path == part or path.startswith(f"{part}/") for part in reasons)
    }
    assert unexplained == {"services/__init__.py"}


@pytest.mark.parametrize("service", [one.name for one in SERVICES])
def test_no_reason_outlives_what_it_explains(service: str) -> None:
    found = named_in(service)
    assert [part for part in ALLOWED[service] if not any(path.startswith(part) for path in found)] == []


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_what_a_service_says_is_complete(service: Service[Any]) -> None:
    section = service.section()
    assert msgspec.structs.asdict(section)["url"].startswith("https://")
    own = RULES.at(f"[{service.name}] url")
    assert own in service.endpoints
    assert own.client == service.name
    assert own.hosts
    assert service.requirement.id == service.name
    assert service.credential in own.carries
    assert service.dated.startswith("/")
    for one in service.replaceable:
        assert any({one.variable, f"{one.variable}_NEW"} <= {*endpoint.carries} for endpoint in service.endpoints)


def test_names_and_schemes_are_told_apart() -> None:
    names = [service.name for service in SERVICES]
    schemes = [scheme.name for service in SERVICES for scheme in service.schemes]
    assert len({*names}) == len(names)
    assert len({*schemes}) == len(schemes)
    assert [*KNOWN.sections] == names


@pytest.mark.parametrize("service", [one for one in SERVICES if one.example], ids=lambda service: service.name)
def test_an_example_of_an_address_is_one(service: Service[Any]) -> None:
    assert ADDRESSES.parse(service.example).scheme in {scheme.name for scheme in service.schemes}
    assert service.destination is not None


@pytest.mark.parametrize("port", ["run_queue", "alerts", "job_token", "app", "log"])
def test_one_service_alone_has_what_is_asked_for_without_naming_it(port: str) -> None:
    assert len([service for service in SERVICES if getattr(service, port) is not None]) == 1
