"""Every kind of control, carried out against rooms of our own making; and told in both languages."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from releaseguard.cards.load import load_cards
from releaseguard.cards.spec import Control
from releaseguard.ci.interface import WorkflowHistory, WorkflowRun
from releaseguard.destinations.interface import Observed
from releaseguard.errors import AccessDenied, ConfigError, Refused, ServiceError, Unreachable
from releaseguard.functions.interface import Calls, EdgeFunction, FunctionLogs, LogLine, PlatformLog
from releaseguard.health.values import Glance, Grounds, HealthCondition, HealthState, ProviderHealth, Why
from releaseguard.incident.controls.context import ControlContext
from releaseguard.incident.controls.kinds import carry_out
from releaseguard.incident.evidence import ErrorKind, IncidentEvidence, SourceCount, evidence_of
from releaseguard.incident.sources.outside import Project, Repository
from releaseguard.incident.sources.problems import ServiceLabel
from releaseguard.incident.sources.secrets import ConfiguredDestination, DestinationObservation, Secrets
from releaseguard.incident.values import Status
from releaseguard.messages import LANGUAGES
from releaseguard.messages.localizer import Localizer
from releaseguard.model import Event, Outcome, new_id
from releaseguard.rotation.drift.compare import DriftFinding, DriftStatus

GITHUB = ServiceLabel("GitHub", "RELEASEGUARD_GITHUB_TOKEN")
SUPABASE = ServiceLabel("Supabase", "SUPABASE_ACCESS_TOKEN")
VAULT = ServiceLabel("Infisical", "INFISICAL_TOKEN")
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
BEGAN = NOON - timedelta(minutes=20)
TEXT = {"en": "look", "tr": "bak"}
CARDS = {card.id: card for card in load_cards()}
NO_TOKEN = ConfigError("GitHub needs a credential", where="environment", next_step="Set it.")
DEAD = Unreachable("github.example does not answer", where="github.example")


class Logs(FunctionLogs):
    place = "supabase:abc"

    def __init__(self, calls=None, statistics=None, lines=(), active=True, problem=None):
        self.given, self.counted, self.lines, self.active = calls or Calls(0, 0), statistics, lines, active
        self.problem = problem

    def page(self, function):
        return f"https://logs.example/{function.name}"

    def functions(self):
        state = "ACTIVE" if self.active else "THROTTLED"
        return [EdgeFunction("1", "paytr-withdraw", self.active, state, 3, NOON - timedelta(days=1))]

    def calls(self, function, since, until):
        if self.problem:
            raise self.problem
        return self.given

    def statistics(self, function):
        return self.counted

    def troubles(self, function, since, until, limit):
        return self.lines[:limit]

    def platform_page(self):
        return "https://logs.example/all"

    def platform(self, since, until, limit):
        if self.problem:
            raise self.problem
        return [PlatformLog("API", ()), PlatformLog("database", self.lines[:limit])]


class History(WorkflowHistory):
    place = "github:o/r"

    def __init__(self, runs):
        self.runs = runs

    def newest(self, workflow, limit):
        return self.runs


def run(conclusion="success", before=5, number=7):
    ended = BEGAN - timedelta(minutes=before)
    return WorkflowRun(
        "github:o/r", "db", 1, number, "completed", conclusion, ended, ended, "main", "a" * 40, "https://x"
    )


def raising(error):
    def call(*_):
        raise error

    return call


def health(state=HealthState.HEALTHY, why=Why.CALLS):
    return ProviderHealth(
        provider="paytr",
        name="PayTR",
        condition=HealthCondition(state, "", Grounds(why, 40, 2, 20.0, 0.01), BEGAN),
        successes=38,
        errors=2,
        usual_share=0.01,
        expected=40.0,
        glance=Glance(last_success=BEGAN),
        course=(),
    )


def seen(*pairs, problem=None, uri="github:o/r"):
    observed = {name: Observed(f"{name}_THERE", present) for name, present in pairs}
    return DestinationObservation(ConfiguredDestination(uri, GITHUB, raising(AssertionError)), problem, observed)


def secrets(*looks, vault_problem=None):
    made = Secrets([look.site for look in looks], None, raising(AssertionError), VAULT, vault_problem)
    made._seen = list(looks)
    return made


def surroundings(provider="paytr", **more) -> ControlContext:
    evidence = IncidentEvidence(
        since=BEGAN,
        by_event={"paytr_error": 2},
        by_source={"client": SourceCount(10, 2), "web": SourceCount(30, 0), "": SourceCount(1, 0)},
        errors={ErrorKind("paytr_error", "401"): 1, ErrorKind("paytr_error", ""): 1},
        newest_errors=["11:59:00Z paytr_error 401"],
    )
    given = {
        "card": CARDS[provider],
        "health": health(),
        "evidence": evidence,
        "since": BEGAN,
        "until": NOON,
        "past": False,
        "began": BEGAN,
        "examples": {"project": "supabase:REF", "repository": "github:OWNER/REPO"},
        "projects": [],
        "repositories": [],
        "secrets": secrets(),
        "count_rows": None,
        "database_setting": "APP_DATABASE_URL",
        "tests": lambda provider: None,
        "scrub": lambda text: text.replace("jane", "[person]"),
    }
    return ControlContext(**{**given, **more})


def told(finding) -> str:
    """The finding in English; that Turkish can tell it too is asserted on the way."""
    texts = {}
    for language in LANGUAGES:
        localizer = Localizer(language, NOON)
        steps = [finding.next_step] if finding.next_step else []
        texts[language] = "\n".join(localizer.say(one) for one in [*finding.says, *steps])
        assert "{" not in texts[language]
    assert texts["tr"] != texts["en"]
    return texts["en"]


def look(kind, target=None, **around):
    finding = carry_out(Control(text=TEXT, kind=kind, target=target), surroundings(**around))
    return finding, told(finding)


@pytest.mark.parametrize(
    ("state", "why", "status"),
    [
        (HealthState.DOWN, Why.FAILED, Status.BAD),
        (HealthState.SILENT, Why.SILENT, Status.BAD),
        (HealthState.UNKNOWN, Why.LOG_STOPPED, Status.UNCLEAR),
        (HealthState.HEALTHY, Why.CALLS, Status.OK),
        (HealthState.IDLE, Why.NONE_EXPECTED, Status.OK),
    ],
)
def test_the_log_tells_state_sources_and_codes(state, why, status):
    finding, words = look("events", health=health(state, why))
    assert finding.status is status
    assert "phones (client): 2 of 10 events failed" in words
    assert "web: 30 events, no error" in words
    assert "401 x1" in words
    assert finding.lines == ["11:59:00Z paytr_error 401"]
    assert finding.command == "releaseguard events list --provider paytr"


def refusal(version, code="HTTP 401"):
    detail = {} if version is None else {"secret_version": version}
    return Event(
        id=new_id(),
        occurred_at=BEGAN,
        provider="paytr",
        event="paytr_error",
        outcome=Outcome.ERROR,
        error_code=code,
        environment="production",
        detail=detail,
    )


def test_which_version_the_refused_calls_carried_is_counted():
    rows = [refusal("3"), refusal(3), refusal({"PAYTR_MERCHANT_KEY": "2"}), refusal(None), refusal("9", "timeout")]
    finding, words = look("events", evidence=evidence_of(rows, BEGAN, str, ("401", "403")))
    assert "the refused calls carried version 3 x2, PAYTR_MERCHANT_KEY=2 x1" in words
    assert "1 refused calls do not say which version they used" in words
    assert "9" not in [str(one) for one in finding.says]


def project(logs=None, error=None):
    return Project("supabase:abc", raising(error) if error else lambda: logs, SUPABASE)


def test_a_functions_failed_calls_are_bad_and_its_lines_are_scrubbed():
    lines = [LogLine(NOON, "error", "no user jane")]
    logs = Logs(Calls(40, 20, {500: 20}), Calls(50, 21), lines)
    finding, words = look("function_logs", "paytr-withdraw", projects=[project(logs)])
    assert finding.status is Status.BAD
    assert "20 of 40 calls failed" in words
    assert "500 x20" in words
    assert "21 of 50 calls failed" in words
    assert finding.lines == ["12:00:00Z error: no user [person]"]
    assert finding.url == "https://logs.example/paytr-withdraw"


@pytest.mark.parametrize(
    ("logs", "status"),
    [
        (Logs(Calls(400, 1, {500: 1})), Status.OK),
        (Logs(Calls(0, 0)), Status.OK),
        (Logs(Calls(3, 3, {500: 3})), Status.BAD),
        (Logs(Calls(9, 0), lines=[LogLine(NOON, "error", "x")]), Status.OK),
        (Logs(active=False), Status.BAD),
        (Logs(problem=DEAD), Status.NOT_DONE),
        (Logs(problem=DEAD, active=False), Status.BAD),
    ],
)
def test_what_of_a_functions_logs_is_bad(logs, status):
    assert look("function_logs", "paytr-withdraw", projects=[project(logs)])[0].status is status


def test_an_error_line_is_bad_while_the_provider_is_in_trouble():
    logs = Logs(Calls(9, 0), lines=[LogLine(NOON, "error", "x")])
    around = {"projects": [project(logs)], "health": health(HealthState.DOWN, Why.FAILED)}
    assert look("function_logs", "paytr-withdraw", **around)[0].status is Status.BAD


def test_a_function_that_is_nowhere_is_bad_and_the_nearest_is_named():
    finding, words = look("function_logs", "paytr-withdrawal", projects=[project(Logs())])
    assert finding.status is Status.BAD
    assert "the nearest name there is paytr-withdraw" in words
    assert "checks/paytr.toml" in words


def test_a_project_that_cannot_be_asked_hides_no_other():
    both = [project(error=DEAD), project(Logs(Calls(4, 0)))]
    assert look("function_logs", "paytr-withdraw", projects=both)[0].status is Status.OK
    finding, words = look("function_logs", "elsewhere", projects=both)
    assert finding.status is Status.NOT_DONE
    assert "does not answer" in words


@pytest.mark.parametrize("error", [NO_TOKEN, DEAD, AccessDenied("refused", next_step="Look."), ServiceError("odd")])
@pytest.mark.parametrize("kind", ["function_logs", "workflow_runs"])
def test_what_cannot_be_carried_out_says_why_and_what_next(kind, error):
    around = {"projects": [project(error=error)], "repositories": [Repository("github:o/r", raising(error), GITHUB)]}
    finding, words = look(kind, "x", **around)
    assert finding.status is Status.NOT_DONE
    assert finding.next_step is not None
    assert (error.next_step or "") in words


@pytest.mark.parametrize("kind", ["function_logs", "workflow_runs", "secret_present"])
def test_what_is_not_configured_names_the_setting(kind):
    finding, words = look(kind, "x")
    assert finding.status is Status.NOT_DONE
    assert "[providers.paytr] destinations" in words


def test_a_refusal_of_safe_mode_is_no_finding():
    with pytest.raises(Refused):
        look("function_logs", "x", projects=[project(error=Refused("no"))])


@pytest.mark.parametrize(
    ("runs", "status", "message"),
    [
        ([run()], Status.OK, "5 min before the trouble: success"),
        ([run("failure")], Status.BAD, "run 7 FAILED"),
        ([run("failure", before=-5)], Status.BAD, "FAILED 11:45Z"),
        ([run("success", 2, 8), run("failure", 60)], Status.OK, "run 8 ended"),
        ([replace(run(), conclusion=None, status="in_progress")], Status.OK, "going on"),
        ([], Status.OK, "has never run"),
        (None, Status.NOT_DONE, "there is no workflow db in github:o/r"),
    ],
)
def test_the_newest_runs_of_a_workflow(runs, status, message):
    finding, words = look("workflow_runs", "db", repositories=[Repository("github:o/r", lambda: History(runs), GITHUB)])
    assert finding.status is status
    assert message in words


def test_a_repository_without_the_workflow_does_not_hide_the_one_that_has_it():
    none, some = (Repository("github:o/r", lambda runs=runs: History(runs), GITHUB) for runs in (None, [run()]))
    assert look("workflow_runs", "db", repositories=[none, some])[0].status is Status.OK


def drift(status, **more):
    return DriftFinding("paytr", "KEY", "github:o/r", "KEY", status, "reason", newest=3, **more)


@pytest.mark.parametrize("status", DriftStatus)
def test_every_state_of_a_secret_can_be_told(status):
    one = replace(seen(("KEY", True)), findings=[drift(status), drift(DriftStatus.BEHIND, version=2)])
    finding, words = look("secret_present", "KEY", secrets=secrets(one))
    assert finding.status is Status.BAD
    assert "version 2, the vault has 3" in words


@pytest.mark.parametrize(("status", "expected"), [(DriftStatus.IN_STEP, Status.OK), (DriftStatus.UNKNOWN, Status.OK)])
def test_a_secret_that_is_there_is_fine(status, expected):
    one = replace(seen(("KEY", True)), findings=[drift(status)])
    assert look("secret_present", "KEY", secrets=secrets(one))[0].status is expected


def test_without_the_vault_presence_is_told_all_the_same():
    around = secrets(seen(("KEY", True), ("OTHER", False)), vault_problem=DEAD)
    finding, words = look("secret_present", "KEY", secrets=around)
    assert finding.status is Status.OK
    assert "KEY is at github:o/r" in words
    assert "was not compared" in words
    assert look("secret_present", "OTHER", secrets=around)[0].status is Status.BAD


def test_without_a_target_the_main_secrets_are_looked_for():
    around = secrets(seen(("PAYTR_MERCHANT_ID", True), ("ANOTHER", False)), vault_problem=DEAD)
    finding, words = look("secret_present", None, secrets=around)
    assert finding.status is Status.OK
    assert "PAYTR_MERCHANT_ID is at" in words
    assert "ANOTHER" not in words


def test_one_dead_place_hides_no_other_and_all_dead_is_not_done():
    dead = seen(problem=DEAD, uri="github:o/dead")
    one = replace(seen(), findings=[drift(DriftStatus.MISSING)])
    finding, words = look("secret_present", "KEY", secrets=secrets(dead, one))
    assert finding.status is Status.BAD
    assert "github:o/dead" in words
    assert look("secret_present", "KEY", secrets=secrets(dead))[0].status is Status.NOT_DONE


@pytest.mark.parametrize(
    ("count", "status", "message"),
    [
        (lambda sql: 0, Status.OK, "it holds"),
        (lambda sql: 2, Status.BAD, "2 rows must not be there"),
        (lambda sql: 1000, Status.BAD, "1000 rows or more"),
        (raising(DEAD), Status.NOT_DONE, "does not answer"),
        (None, Status.NOT_DONE, "APP_DATABASE_URL is not set"),
    ],
)
def test_an_invariant(count, status, message):
    finding, words = look("invariant", "paytr.commission_plans", count_rows=count)
    assert finding.status is status
    assert message in words


@pytest.mark.parametrize(
    ("tests", "status"), [(None, Status.PERSON), ([], Status.UNCLEAR), (["e2e/twilio.spec.ts"], Status.OK)]
)
def test_coverage_names_the_tests_at_hand_and_the_command_that_says_more(tests, status):
    finding, _ = look("coverage", "twilio", provider="twilio", tests=lambda provider: tests)
    assert finding.status is status
    assert finding.command == "releaseguard coverage ."
    assert list(finding.lines) == (tests or [])


def test_a_page_is_a_persons():
    finding, _ = look("page", "https://sentry.io/issues/")
    assert (finding.status, finding.url) == (Status.PERSON, "https://sentry.io/issues/")


def test_of_a_past_moment_what_shows_the_present_alone_is_said_to():
    one = replace(seen(("KEY", True)), findings=[drift(DriftStatus.IN_STEP)])
    assert "this is how it is now" in look("secret_present", "KEY", secrets=secrets(one), past=True)[1]
    assert "this is how it is now" not in look("secret_present", "KEY", secrets=secrets(one))[1]
    logs = Logs(Calls(4, 0), Calls(50, 49))
    finding, words = look("function_logs", "paytr-withdraw", projects=[project(logs)], past=True)
    assert finding.status is Status.OK
    assert "how it is now" not in words


def test_runs_that_began_after_a_past_moment_are_left_out():
    later = replace(run("failure"), started_at=NOON + timedelta(minutes=1))
    around = {"repositories": [Repository("github:o/r", lambda: History([later, run()]), GITHUB)], "past": True}
    assert look("workflow_runs", "db", **around)[0].status is Status.OK


PLATFORM = Control(text=TEXT, kind="logs", target="https://logs.example/explorer")
DENIED = LogLine(NOON - timedelta(minutes=3), "ERROR", "permission denied for table moments")


@pytest.mark.parametrize(
    ("state", "lines", "status"),
    [
        (HealthState.DOWN, [DENIED], Status.BAD),
        (HealthState.HEALTHY, [DENIED], Status.OK),
        (HealthState.DOWN, [], Status.OK),
    ],
)
def test_errors_in_the_platforms_logs_are_a_finding_where_the_provider_is_in_trouble(state, lines, status):
    found = carry_out(PLATFORM, surroundings(projects=[project(Logs(lines=lines))], health=health(state)))
    assert found.status is status
    assert "no error of API" in told(found)
    assert [DENIED.text in line for line in found.lines] == [True] * len(lines)
    assert found.url == "https://logs.example/all"


@pytest.mark.parametrize("projects", [[], [project(Logs(problem=DEAD))]])
def test_a_platform_whose_logs_cannot_be_read_leaves_the_page_to_a_person(projects):
    found = carry_out(PLATFORM, surroundings(projects=projects))
    assert (found.status, found.url) == (Status.NOT_DONE, PLATFORM.target)
    assert found.next_step is not None
    assert told(found)
