"""What every service says of itself, and that nobody else says it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from releaseguard.compose.known.configuration import ADDRESSES, KNOWN
from releaseguard.compose.known.endpoints import RULES
from releaseguard.onboarding.folder import ProjectFolder
from releaseguard.services import SERVICES
from releaseguard.services.interface import Service

CHECKOUT = Path(__file__).parents[2]
SOURCES = (CHECKOUT / "src" / "releaseguard", CHECKOUT / "writer" / "src")
NOT_CODE = ("sandbox", "messages")
"""Stand-ins of the services, and sentences."""

REASONS = {
    "releaseguard_events/scrub/services.py": "how a service's tokens begin, which are taken out of every row",
    "releaseguard_events/note.py": "the variables in which a host says which release it runs",
    "releaseguard_events/sdk.py": "the same variables, where they are documented",
}
GITHUB_ACTIONS = "a run of GitHub Actions: what it may use, and what is printed for it"
POSTGRES = "Postgres as it is there: roles and row-level security"
WRITER = "the writer's distribution holds one store by REST, whose address and keys are that service's"
ALLOWED: dict[str, dict[str, str]] = {
    "infisical": {
        "cards/spec.py": "a card's word for a key that the vault makes anew by itself",
        "vault/source.py": "the stored word for a value that is in the vault already",
    },
    "github": {
        "cli/shared/job.py": GITHUB_ACTIONS,
        "ci/job.py": GITHUB_ACTIONS,
        "cli/setup/init.py": GITHUB_ACTIONS,
        "cli/setup/init_form.py": GITHUB_ACTIONS,
        "cli/rotating/rotate.py": GITHUB_ACTIONS,
        "cli/setup/doctor.py": GITHUB_ACTIONS,
        "init/components.py": GITHUB_ACTIONS,
        "rotation/planning/new_destinations.py": GITHUB_ACTIONS,
        "safemode/checkout.py": GITHUB_ACTIONS,
        "services/infisical": GITHUB_ACTIONS,
        "services/vercel": "a key of Vercel's own documents",
    },
    "vercel": {},
    "supabase": {
        "eventlog": POSTGRES,
        "releaseguard_events": WRITER,
    },
}
"""Where else a service is named, and why: a file, or a folder where one reason holds for all of it."""


def named_in(service: str) -> set[str]:
    """The files outside its own room in which a service is named, apart from what is no code."""
    files = ((path, path.relative_to(root)) for root in SOURCES for path in root.rglob("*.py"))
    outside = [
        (path, name.as_posix())
        for path, name in files
        if name.parts[0] not in NOT_CODE and f"services/{service}/" not in name.as_posix()
    ]
    return {name for path, name in outside if re.search(service, path.read_text(encoding="utf-8"), re.IGNORECASE)}


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


def test_no_reason_for_all_services_outlives_what_it_explains() -> None:
    found = set().union(*(named_in(one.name) for one in SERVICES))
    assert [part for part in REASONS if not any(path.startswith(part) for path in found)] == []


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


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_services_part_of_a_first_configuration_is_its_own_section(service: Service[Any], tmp_path: Path) -> None:
    part = service.onboarding()
    answers = part.recognise(ProjectFolder(tmp_path)).answers("production")
    assert isinstance(answers, part.answers)
    said = tomllib.loads(part.section(answers))
    assert [*said] == [service.name]
    assert msgspec.convert(said[service.name], service.section) == service.section()
    assert {question.field for question in part.questions} <= {*answers.__struct_fields__}


@pytest.mark.parametrize("port", ["run_queue", "alerts", "job_token", "app", "log"])
def test_one_service_alone_has_what_is_asked_for_without_naming_it(port: str) -> None:
    assert len([service for service in SERVICES if getattr(service, port) is not None]) == 1
