"""The workflows that ship run for what may use credentials, and pass what says which hosts and refs those are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from releaseguard.safemode.checkout import refusal

FOLDER = Path(__file__).parents[2] / "workflows"
OURS = {"repository": {"full_name": "lovendo/app", "default_branch": "main"}}
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "schedule": ("refs/heads/main", {"schedule": "17 3 * * *"}),
    "workflow_dispatch": ("refs/heads/main", {"inputs": {}}),
    "repository_dispatch": ("refs/heads/main", {"action": "rotate-secret", "branch": "main"}),
    "deployment_status": ("", {"deployment": {"environment": "Production – web", "ref": "0123456789abcdef"}}),
    "workflow_call": ("", {"deployment": {"environment": "Production", "ref": "0123456789abcdef"}}),
}
"""How each trigger looks; a workflow that is called sees the event of its caller."""


def workflows() -> list[Path]:
    return sorted(FOLDER.glob("*.yml"))


@pytest.mark.parametrize("path", workflows(), ids=lambda path: path.name)
def test_every_trigger_of_a_shipped_workflow_may_use_credentials(path: Path) -> None:
    triggers = yaml.safe_load(path.read_text(encoding="utf-8"))[True]  # YAML 1.1 reads `on` as true
    for trigger in triggers:
        ref, payload = RUNS[trigger]
        event = "deployment_status" if trigger == "workflow_call" else trigger
        environ = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": event, "GITHUB_REF": ref}
        assert refusal(environ, {**OURS, **payload}) is None, trigger


@pytest.mark.parametrize("path", workflows(), ids=lambda path: path.name)
def test_every_job_that_holds_credentials_is_told_whom_to_trust(path: Path) -> None:
    for job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values():
        given = job.get("env", {})
        if given:
            assert {"RELEASEGUARD_TRUSTED_HOSTS", "RELEASEGUARD_TRUSTED_REFS", "SUPABASE_URL"} <= given.keys()
            assert all("vars." in given[name] for name in given if "TRUSTED" in name)
