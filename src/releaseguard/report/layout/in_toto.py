"""In-toto statements with a test result, for the attestation step of a platform.

Statement v1 and predicate "test-result" v0.1: https://in-toto.io/attestation
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from releaseguard.harmless import as_json

STATEMENT = "https://in-toto.io/Statement/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

Outcome = Literal["PASSED", "WARNED", "FAILED"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    """What was tested, and how it ended. What is not decided is not a pass: the predicate knows no fourth word."""

    subject: str
    digest: Mapping[str, str]
    result: Outcome
    configuration: Sequence[tuple[str, str]]
    """Names and values that say what was done."""
    passed: Sequence[str] = ()
    warned: Sequence[str] = ()
    failed: Sequence[str] = ()


def digest_of(release: str) -> Mapping[str, str]:
    """What a release is known by: the commit that it is, else the digest of its name."""
    if _COMMIT.fullmatch(release):
        return {"gitCommit": release}
    return {"sha256": hashlib.sha256(release.encode()).hexdigest()}


def statement(result: TestResult) -> str:
    """The statement as JSON."""
    configuration = [
        {"name": name, "digest": {"sha256": hashlib.sha256(value.encode()).hexdigest()}, "annotations": {name: value}}
        for name, value in result.configuration
    ]
    predicate = {
        "result": result.result,
        "configuration": configuration,
        "passedTests": list(result.passed),
        "warnedTests": list(result.warned),
        "failedTests": list(result.failed),
    }
    subject = {"name": result.subject, "digest": dict(result.digest)}
    return as_json({"_type": STATEMENT, "subject": [subject], "predicateType": TEST_RESULT, "predicate": predicate})
