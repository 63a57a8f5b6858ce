"""SARIF 2.1.0 (OASIS), for code scanning: what every run of ours has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from releaseguard import __version__
from releaseguard.harmless import as_json

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif_run(
    rules: Sequence[Mapping[str, Any]], results: Sequence[Mapping[str, Any]], properties: Mapping[str, Any]
) -> str:
    """One run of ours as SARIF: its rules, its results (which name rules by ``ruleIndex``), and what else it says."""
    driver = {"name": "releaseguard", "version": __version__, "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results, "properties": properties}
    return as_json({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})
