"""SARIF 2.1.0 (OASIS), for code scanning: what every run of ours has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

from releaseguard import __version__
from releaseguard.harmless import as_json

MOST_RESULTS = 25_000
"""Of one run; code scanning refuses a file that has more. The first ones stay."""
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


class SarifText(TypedDict):
    """What is said."""

    text: str
    markdown: NotRequired[str]


class SarifRule(TypedDict):
    """What a result may be about."""

    id: str
    name: NotRequired[str]
    shortDescription: SarifText
    fullDescription: NotRequired[SarifText]
    help: NotRequired[SarifText]
    defaultConfiguration: NotRequired[Mapping[str, str]]


class SarifRegion(TypedDict):
    """Where in a file, counted from one."""

    startLine: int
    startColumn: NotRequired[int]


class SarifFile(TypedDict):
    """A file, by its path from the top of the repository."""

    uri: str
    uriBaseId: NotRequired[str]


class SarifPlace(TypedDict):
    """A file, and where in it."""

    artifactLocation: SarifFile
    region: NotRequired[SarifRegion]


class SarifLocation(TypedDict):
    """The place of a result."""

    physicalLocation: SarifPlace


class SarifSuppression(TypedDict):
    """Why a result is not to be shown."""

    kind: str
    justification: str


class SarifResult(TypedDict):
    """Something that was found; ``ruleIndex`` is the place of its rule in the run's."""

    ruleId: str
    ruleIndex: int
    level: str
    message: SarifText
    locations: Sequence[SarifLocation]
    partialFingerprints: NotRequired[Mapping[str, str]]
    suppressions: NotRequired[Sequence[SarifSuppression]]
    properties: NotRequired[Mapping[str, str | Sequence[str] | None]]


def sarif_run(rules: Sequence[SarifRule], results: Sequence[SarifResult], properties: Mapping[str, object]) -> str:
    """One run of ours as SARIF: its rules, its results (which name rules by ``ruleIndex``), and what else it says."""
    if left_out := len(results[MOST_RESULTS:]):
        results, properties = results[:MOST_RESULTS], {**properties, "results_left_out": left_out}
    driver = {"name": "releaseguard", "version": __version__, "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results, "properties": properties}
    return as_json({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})
