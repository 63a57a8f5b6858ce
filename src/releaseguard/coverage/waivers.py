"""Comments that waive findings: ``releaseguard: RULE [PROVIDER] -- reason``, beside the line or above it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from releaseguard.coverage.languages.reader import ADDRESSED
from releaseguard.coverage.languages.syntax import SourceFile
from releaseguard.coverage.values import RULES, CoverageFinding, Waived
from releaseguard.tomlfile import did_you_mean

_WAIVER = re.compile(r"^(?P<rule>[a-z][a-z-]*)(?:\s+(?P<provider>[a-z][a-z0-9_]*))?\s*(?:--|:|—)\s*(?P<reason>\S.*)$")


@dataclass
class _Waiver:
    file: str
    line: int
    rule: str
    provider: str | None
    reason: str
    used: bool = False


class Waivers:
    """The comments that waive findings: ``releaseguard: RULE [PROVIDER] -- reason``, beside the line or above it."""

    def __init__(self, app: Iterable[SourceFile]) -> None:
        self.waivers: list[_Waiver] = []
        self.bad: list[CoverageFinding] = []
        for file in app:
            for comment in file.comments:
                match = _WAIVER.match(comment.text)
                if match is None or match["rule"] not in RULES:
                    self.bad.append(_bad(file.path, comment.line, _what_is_bad(comment.text)))
                else:
                    self.waivers.append(
                        _Waiver(
                            file.path, comment.line + comment.alone, match["rule"], match["provider"], match["reason"]
                        )
                    )

    def apply(
        self, findings: Sequence[CoverageFinding]
    ) -> tuple[list[CoverageFinding], list[Waived], list[CoverageFinding]]:
        """The findings that stay, those that are waived, and what is wrong with the comments."""
        stay, waived = [], []
        for finding in findings:
            waiver = next((one for one in self.waivers if _fits(one, finding)), None)
            if waiver is None:
                stay.append(finding)
            else:
                waiver.used = True
                waived.append(Waived(finding, waiver.reason))
        unused = [one for one in self.waivers if not one.used]
        bad = [
            _bad(one.file, one.line, f"Nothing of the kind {one.rule} is found here: remove the comment.")
            for one in unused
        ]
        return stay, waived, [*self.bad, *bad]


def _fits(waiver: _Waiver, finding: CoverageFinding) -> bool:
    if waiver.rule != finding.rule or waiver.provider not in (None, finding.provider):
        return False
    if finding.rule == "not-tested":  # of the provider, and of no one line
        return waiver.provider is not None or (waiver.file, waiver.line) == (finding.file, finding.line)
    return (waiver.file, waiver.line) == (finding.file, finding.line)


def _bad(file: str, line: int, what: str) -> CoverageFinding:
    return CoverageFinding(file, line, 1, "bad-waiver", None, (), what)


def _what_is_bad(text: str) -> str:
    rule = text.split(maxsplit=1)[0] if text.split() else ""
    if rule in RULES:
        return f"A waiver gives its reason: {ADDRESSED} {rule} -- why. It waives nothing so."
    return f"There is no rule {rule!r} to waive. {did_you_mean(rule, RULES)}"
