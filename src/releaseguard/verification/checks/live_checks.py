"""Checks of the present: secrets at their destinations, invariants of the app's data, synthetic flows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from releaseguard.cards.spec import Card, Check, FlowCheck, InvariantCheck, SecretCheck
from releaseguard.errors import ExitCode, ReleaseguardError
from releaseguard.model import Verdict
from releaseguard.verification.checks.row_checks import finding
from releaseguard.verification.evidence import InvariantEvidence, ProblemEvidence, SecretEvidence, SecretState
from releaseguard.verification.values import Deployment, Finding

SecretStates = Callable[[str, Sequence[str]], Sequence[SecretState]]
"""The states of a provider's secrets at each destination, for the given names or, where empty, all."""
CountRows = Callable[[str], int]
"""Runs read-only SQL on the app's database and counts the rows that it returns, at most 1000."""
RunFlows = Callable[[Card, FlowCheck, Deployment], Finding]
"""Runs a flow as often as its verdict needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveChecks:
    """What of the present can be checked; a part that is not configured is ``None``."""

    secret_states: SecretStates | None = None
    providers_with_destinations: frozenset[str] = frozenset()
    count_rows: CountRows | None = None
    database_setting: str = "APP_DATABASE_URL"
    run_flows: RunFlows | None = None
    flow_setting: str = "[app] url"
    """The setting without which no flow can run."""
    test_paths: frozenset[str] = frozenset()
    """Providers whose money-moving flows go to a test path."""

    def why_not(self, card: Card, check: Check) -> str | None:
        """Why a check cannot be run here; ``None`` where it can."""
        if isinstance(check, SecretCheck):
            configured = self.secret_states is not None and card.id in self.providers_with_destinations
            return None if configured else f"not configured: [providers.{card.id}] destinations"
        if isinstance(check, InvariantCheck) and not check.sql:
            return f'off until the project names it: [app.invariants] "{check.id}" = "SELECT ..."'
        if isinstance(check, InvariantCheck):
            return None if self.count_rows else f"not configured: {self.database_setting} is not set"
        return self._why_no_flow(card, check)

    def _why_no_flow(self, card: Card, check: Check) -> str | None:
        if self.run_flows is None:
            return f"not configured: {self.flow_setting}"
        moves_money = any(
            isinstance(check, FlowCheck) and flow.id == check.flow and flow.moves_money for flow in card.flows
        )
        if moves_money and card.id not in self.test_paths:
            return f"it moves money: off until [providers.{card.id}] test_path = true"
        return None

    def look(self, card: Card, check: Check, deployment: Deployment) -> Finding:
        """Carry out a check. Where a service refuses, the finding is INCONCLUSIVE with the service's words."""
        try:
            return self._look(card, check, deployment)
        except ReleaseguardError as error:
            if error.exit_code is ExitCode.REFUSED:
                raise
            reason, evidence = f"could not be looked at: {error}", ProblemEvidence(problem=str(error))
            return finding(card.id, check, Verdict.INCONCLUSIVE, reason, evidence)

    def _look(self, card: Card, check: Check, deployment: Deployment) -> Finding:
        if isinstance(check, SecretCheck) and self.secret_states:
            return secrets(card.id, check, self.secret_states(card.id, check.names))
        if isinstance(check, InvariantCheck) and self.count_rows:
            return invariant(card.id, check, self.count_rows(check.sql))
        if isinstance(check, FlowCheck) and self.run_flows:
            return self.run_flows(card, check, deployment)
        raise TypeError(f"{check.id} is not a check of the present")


def secrets(provider: str, check: SecretCheck, states: Sequence[SecretState]) -> Finding:
    """Every secret is present and in step at every destination; a destination that shows nothing proves nothing."""
    out = [state for state in states if state.in_step is False]
    unknown = [state for state in states if state.in_step is None]
    evidence = SecretEvidence(destinations=states)
    if out:
        first = out[0]
        where = f"{first.name} at {first.uri} {first.reason}"
        reason = f"observed {len(out)} of {len(states)} copies out of step ({where}); needed none"
        return finding(provider, check, Verdict.FAIL, reason, evidence)
    if unknown or not states:
        why = f" ({unknown[0].uri} {unknown[0].reason})" if unknown else ""
        known = len(states) - len(unknown)
        reason = f"observed {known} of {len(states)} copies in step; the others do not show it{why}"
        return finding(provider, check, Verdict.INCONCLUSIVE, reason, evidence)
    return finding(provider, check, Verdict.PASS, f"observed all {len(states)} copies in step", evidence)


def invariant(provider: str, check: InvariantCheck, rows: int) -> Finding:
    """The query must return no row. Rows may hold personal data, so they are counted and never shown."""
    evidence = InvariantEvidence(rows=rows, sql=check.sql)
    if rows:
        shown = f"{rows} or more" if rows >= 1000 else str(rows)
        reason = f"observed {shown} rows that must not be there ({check.meaning['en']}); needed none"
        return finding(provider, check, Verdict.FAIL, reason, evidence)
    return finding(provider, check, Verdict.PASS, "observed no row that must not be there", evidence)
