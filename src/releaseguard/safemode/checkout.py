"""Decides whether a run of GitHub Actions may use credentials, by what started it. Pure.

Destinations, flows, cards and SQL come with the checkout. A run for a pull request, or for a branch to which anybody
may push, would use the credentials as the change's author likes. GitHub describes a run in variables, which a workflow
cannot set, and in the event's payload (https://docs.github.com/en/actions/reference/workflows-and-actions/variables and
https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from releaseguard.errors import Refused

TRUSTED_REFS: Final = "RELEASEGUARD_TRUSTED_REFS"
Payload = Mapping[str, Any]

_HEADS: Final = "refs/heads/"
_PULLS: Final = "refs/pull/"
_PRODUCTION: Final = re.compile(r"production(?: .*)?", re.IGNORECASE)
"""Hosting services name theirs ``Production`` and ``Production – project``; ``production-pr-7`` is a preview."""
_OF_DEFAULT_BRANCH: Final = frozenset({"schedule", "repository_dispatch"})
"""Events that GitHub starts for the default branch only."""


def payload_of(environ: Mapping[str, str]) -> Payload:
    """The event that started the run, from the file in ``GITHUB_EVENT_PATH``; empty where that cannot be read."""
    path = environ.get("GITHUB_EVENT_PATH")
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def is_lent(environ: Mapping[str, str]) -> bool:
    """Whether this machine is GitHub's, provided for a single job."""
    return environ.get("GITHUB_ACTIONS") == "true" and environ.get("RUNNER_ENVIRONMENT") == "github-hosted"


def refusal(environ: Mapping[str, str], payload: Payload) -> Refused | None:
    """Why this run may not use credentials; ``None`` where it may, and outside GitHub Actions.

    GitHub sets event and ref in every run. Where both are missing, this is no run of GitHub's, whatever
    ``GITHUB_ACTIONS`` says.
    """
    event, ref = environ.get("GITHUB_EVENT_NAME", ""), environ.get("GITHUB_REF", "")
    if environ.get("GITHUB_ACTIONS") != "true" or not (event or ref):
        return None
    if asked_for := _pull_request(event, ref, payload):
        return _for_a_stranger(asked_for)
    if event == "deployment_status" and _of_production(payload):
        return None
    ref, default = _ref_of(event, ref, payload), _default_branch(payload)
    if event in _OF_DEFAULT_BRANCH and default is None:
        return None
    if _is_trusted(ref, default, environ.get(TRUSTED_REFS, "")):
        return None
    return _for_another_ref(event, ref, payload, environ.get(TRUSTED_REFS, ""))


def _pull_request(event: str, ref: str, payload: Payload) -> str | None:
    """Which part of the run belongs to a pull request, in words; ``None`` where none does."""
    if event.startswith("pull_request"):
        return event
    if ref.startswith(_PULLS):
        return ref
    if _table(payload, "issue").get("pull_request") is not None:
        return f"{event} of a pull request"
    begun = _table(payload, "workflow_run")
    if event != "workflow_run":
        return None
    if str(begun.get("event", "")).startswith("pull_request"):
        return f"workflow_run after {begun['event']}"
    return _of_another_repository(begun, payload)


def _of_another_repository(begun: Payload, payload: Payload) -> str | None:
    """That the run was started by a run in another repository, in words; ``None`` otherwise. GitHub names no repository
    where it was a fork that has been deleted."""
    if "head_repository" not in begun:
        return None
    theirs = _table(begun, "head_repository").get("full_name")
    ours = _table(payload, "repository").get("full_name")
    if theirs and str(theirs).casefold() == str(ours).casefold():
        return None
    return f"workflow_run of {theirs or 'a repository that is gone'}, which is another repository"


def _of_production(payload: Payload) -> bool:
    deployment = _table(payload, "deployment")
    name = deployment.get("environment") or _table(payload, "deployment_status").get("environment")
    if deployment.get("transient_environment") is True:
        return False  # it is made for this deployment and goes with it, as a pull request's does
    return deployment.get("production_environment") is True or bool(_PRODUCTION.fullmatch(str(name or "")))


def _ref_of(event: str, ref: str, payload: Payload) -> str:
    """The ref for which the run was started. A run started by another run (``workflow_run``) has the default branch as
    its own ref, whatever the first was for, so the first one's branch counts."""
    if event == "workflow_run":
        branch = _table(payload, "workflow_run").get("head_branch")
        return f"{_HEADS}{branch}" if branch else ""
    return ref


def _default_branch(payload: Payload) -> str | None:
    branch = _table(payload, "repository").get("default_branch")
    return branch if isinstance(branch, str) and branch else None


def _is_trusted(ref: str, default: str | None, listed: str) -> bool:
    on_default = default is not None and ref == f"{_HEADS}{default}"
    return bool(ref) and (on_default or any(_matches(entry, ref) for entry in _entries(listed)))


def _entries(listed: str) -> Sequence[str]:
    return [entry.strip() for entry in listed.split(",") if entry.strip()]


def _matches(entry: str, ref: str) -> bool:
    """Whether an entry of the list means ``ref``. As in GitHub's own filters, ``*`` matches anything but a slash and
    ``**`` anything; a name that does not begin with ``refs/`` is a branch's."""
    pattern = re.escape(entry if entry.startswith("refs/") else f"{_HEADS}{entry}")
    pattern = pattern.replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    return re.fullmatch(pattern, ref) is not None


def _table(payload: Payload, key: str) -> Payload:
    found = payload.get(key)
    return found if isinstance(found, dict) else {}


def _for_a_stranger(asked_for: str) -> Refused:
    return Refused(
        f"this run of GitHub Actions is for a pull request ({asked_for}), and such runs use no credential: what would "
        "be done with it (destinations, flows, cards, SQL) comes with the pull request",
        where="GITHUB_EVENT_NAME",
        next_step="Run it once the change is merged: on push to the default branch, deployment_status, schedule or "
        "workflow_dispatch. In a pull request use what needs no credential: releaseguard coverage, releaseguard demo.",
    )


def _for_another_ref(event: str, ref: str, payload: Payload, listed: str) -> Refused:
    default = _default_branch(payload)
    known = f"the default branch ({default})" if default else "the default branch (which the event does not name)"
    named = ref.removeprefix(_HEADS)
    value = ",".join([*_entries(listed), named])
    return Refused(
        f"this run of GitHub Actions ({event or 'of no event'}) is for {ref or 'no ref'}, which is neither {known} nor "
        f"named in {TRUSTED_REFS}: what would be done with the credentials comes with that ref",
        where="GITHUB_REF",
        next_step=f"Run it for the default branch, or, where only trusted people can push {named}, set "
        f"{TRUSTED_REFS}={value} in the workflow's environment, from a variable of the repository."
        if named
        else f"Run it for the default branch, or for a ref that {TRUSTED_REFS} names.",
    )
