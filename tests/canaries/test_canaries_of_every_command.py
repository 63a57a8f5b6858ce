"""The commands beside a leak's rotation, and the credentials of every way to sign in: no value is seen anywhere."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from releaseguard.eventlog.stores.postgres import PostgresEventLog
from releaseguard.sandbox.serving import faults
from releaseguard.sandbox.world import Login, World
from releaseguard.secret import Secret
from tests.support import postgres, postgrest
from tests.support.canaries import BUG, Canaries, Observed, assert_unseen, repository_with
from tests.support.commands import ended

NAME = "SENDGRID_API_KEY"
ROTATE = ("rotate", "sendgrid")

ANY = {0, 1, 3}
"""However a verdict ends: it was looked."""


def test_the_doctor_who_reads_every_managed_secret(world: World, observed: Observed) -> None:
    world.new_key(NAME)
    for flags in ((), ("--json", "-vv"), ("-q",)):
        assert observed.run("doctor", *flags).code == 0
    world.infisical.no_access = True
    world.github.tokens[world.github.token] = False
    world.vercel.fail_next("GET", "/env", faults.answer(400, {"error": {"message": world.infisical.value(NAME)}}), 9)
    assert observed.run("doctor", "-v").code == 1
    assert_unseen(observed, world)


def test_the_event_log_from_its_table_to_its_retention(world: World, observed: Observed) -> None:
    world.new_key(NAME)
    with world.traffic(0.05):
        assert observed.run(*ROTATE, "--yes", "-vv").code == 0
        for follow in (("events", "tail", "-n", "50"), ("events", "tail", "--json", "--interval", "0.1s")):
            done = observed.run_until("sendgrid_email_sent", *follow)
            assert done.code == 130, done.everything
    assert (
        observed.run("events", "deployed", "--release", world.release, "--deployment-id", "dpl_1", "--json").code == 0
    )
    assert observed.run("events", "migrate", "-v").code == 0
    assert observed.run("events", "migrate", "--sql").code == 0
    assert observed.run("events", "export", "--since", "1h").code == 0
    assert observed.run("events", "list", "--limit", "500").code == 0
    assert observed.run("events", "log", "sendgrid", "sendgrid_email_sent", "success", "--at", "70d").code == 0
    assert observed.run("events", "prune", "--older-than", "60d", "--dry-run", "--json").code == 0
    assert observed.run("events", "prune", "--older-than", "60d", "--yes").code == 0
    assert_unseen(observed, world)


WRITER = """
import sys
from releaseguard import flush, log_integration_event

value = sys.stdin.read()
log_integration_event("sendgrid", "sendgrid_error", "error", error_code="401", source="web",
                      detail={"answer": f"the key {value} is not known", "authorization": f"Bearer {value}"})
assert flush(30)
"""


def test_a_value_in_an_app_event_is_masked_before_it_is_stored(world: World, observed: Observed) -> None:
    value = world.infisical.value(NAME)
    environ = {"RELEASEGUARD_EVENTS_URL": f"sqlite:///{observed.cli.folder}/releaseguard.db"}
    subprocess.run([sys.executable, "-c", WRITER], input=value, env=environ, text=True, check=True, timeout=60)
    for command in (("events", "list", "--json"), ("events", "export"), ("verify", "--json", "--release", "x")):
        assert observed.run(*command).code in {*ANY, 2}
    assert "sendgrid_error" in "".join(observed.shown.values())
    assert_unseen(observed, world)


@pytest.fixture(scope="module")
def cluster() -> Iterator[postgres.Cluster]:
    with postgres.cluster() as running:
        yield running


@pytest.mark.parametrize("reachable", [True, False])
def test_the_passwords_of_databases(
    world: World, observed: Observed, cluster: postgres.Cluster, reachable: bool
) -> None:
    database, password, other = cluster.new_database(), "pg-canary-Xw7qLr2Zt", "app-canary-9fKmV3xQ"
    with PostgresEventLog(Secret(database)) as log:
        log.migrate()
    given = database.replace("postgres@", f"postgres:{password}@")
    if not reachable:
        given = given.replace(f":{cluster.port}/", ":9/")
    world.write(observed.cli.folder, "${DATABASE_URL}", '[network]\ntimeout = "1s"\npatience = "1s"\n')
    both = {"DATABASE_URL": given, "APP_DATABASE_URL": given.replace(password, other)}
    observed.cli = type(observed.cli)(observed.cli.folder, {**observed.cli.environ, **both})
    world.new_key(NAME)
    for command in (
        ("events", "migrate", "-vv"),
        ("events", "deployed", "--release", "r1"),
        ("events", "list", "--json"),
        ("verify", "--json", "--no-flows"),
        ("verify", "--explain", "supabase.errors", "--no-flows"),
        ("drift", "-vv"),
        ("incident", "paytr", "--json"),
        (*ROTATE, "--yes", "--prove-within", "1s", "-vv"),
        ("audit", "show", "--json"),
        ("events", "prune", "--older-than", "90d", "--dry-run"),
    ):
        done = observed.run(*command)
        assert done.code in ({*ANY, 2} if reachable else {2, 5}), done.everything
    assert_unseen(observed, world, password, other)


def test_a_verdict_with_flows_of_a_test_user(world: World, observed: Observed) -> None:
    assert observed.run("events", "deployed", "--release", world.release).code == 0
    with world.traffic(0.05):
        assert observed.run_process("verify", "--json", "-vv").code in ANY
        for form in ("text", "markdown", "html", "junit", "sarif"):
            assert observed.run("verify", "--format", form, "-o", f"verdict.{form}").code in ANY
        assert observed.run("verify", "--watch", "--within", "2s", "-v").code in ANY
        assert observed.run("verify", "--explain", "supabase.discover").code in ANY
    assert [one for one in world.app.requests if one.path == "/auth/v1/token"], "nobody signed in"
    assert observed.run("backtest", "--json").code in ANY
    assert observed.run("backtest", "--environment", "all", "--every", "1m", "-v").code in ANY
    assert_unseen(observed, world)


SIGN_IN = ("POST", "/auth/v1/token")
DISCOVER = ("POST", "/rest/v1/rpc/discover_nearby_moments")


@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize("place", [SIGN_IN, DISCOVER], ids=["sign-in", "step"])
def test_an_app_that_repeats_what_it_was_sent(
    world: World, observed: Observed, place: tuple[str, str], status: int
) -> None:
    assert observed.run("events", "deployed", "--release", world.release).code == 0
    app, seen = world.app, []

    def repeat(record) -> None:
        """Answer with everything that came, credentials and body."""
        if (record.method, record.path) == place:
            told = f"{record.headers.get('authorization')} {record.headers.get('apikey')} {record.body.decode()}"
            seen.append(told)
            app.fail_next(*place, faults.answer(status, {"message": told, "msg": told, "error_description": told}))

    app.before.append(repeat)
    for flags in (["--json"], ["--explain", "supabase.discover", "-vv"]):
        assert observed.run("verify", *flags).code in {*ANY, 4, 5}
    assert seen
    assert_unseen(observed, world)


def test_a_test_user_that_is_not_marked_as_one(world: World, observed: Observed) -> None:
    world.app.habits.marks_test_user = False
    assert observed.run("events", "deployed", "--release", world.release).code == 0
    assert observed.run("verify", "-vv").code == 4
    assert observed.run("verify", "--json").code == 4
    assert_unseen(observed, world)


@pytest.mark.parametrize("what", ["sign in", "step"])
def test_a_bug_while_a_flow_runs(world: World, observed: Observed, tmp_path: Path, what: str) -> None:
    bug = BUG.replace('in {"PUT", "PATCH"}', '== "POST" and b"password" in request.read()')
    if what == "step":
        bug = BUG.replace('request.method in {"PUT", "PATCH"}', '"discover" in str(request.url)')
    (tmp_path / "sitecustomize.py").write_text(bug)
    assert observed.run("events", "deployed", "--release", world.release).code == 0
    done = observed.run_process("verify", "-vv", PYTHONPATH=str(tmp_path))
    assert done.code == 70, done.everything
    assert_unseen(observed, world)


def test_a_rotation_that_infisical_makes(world: World, observed: Observed) -> None:
    infisical_rotation = (*ROTATE, "--from", "infisical-rotation", "--yes", "--prove-within", "1s")
    assert observed.run(*infisical_rotation, "-vv").code == 5, "no rotation covers it yet"
    observed.run(*ROTATE, "--abort")
    world.infisical.add_rotation("auth0-client-secret", {"clientSecret": NAME})
    assert observed.run(*infisical_rotation, "--dry-run", "--json").code == 0
    assert observed.run(*infisical_rotation, "--json", "-vv").code in ANY
    assert world.infisical.newest(NAME) == 2
    for make in (lambda v: v, lambda v: base64.b64encode(v.encode()).decode(), lambda v: v[8:24]):
        told = make(world.infisical.value(NAME, 2))
        fault = faults.answer(400, {"message": f"cannot rotate {told}", "error": told}, takes_effect=True)
        world.infisical.fail_next("POST", "/rotate-secrets$", fault, times=99)
        observed.run(*infisical_rotation, "-vv")
        world.infisical.heal()
        observed.run(*ROTATE, "--abort", "--json")
    observed.run("leaks", "--repo", str(repository_with(observed.cli.folder.parent / "r", "no-value-at-all")))
    observed.run("audit", "report", "--json")
    assert_unseen(observed, world)


def test_github_actions_own_token_and_a_github_app(world: World, observed: Observed) -> None:
    key = world.github.add_app()
    app = {
        "RELEASEGUARD_GITHUB_TOKEN": "",
        "RELEASEGUARD_GITHUB_APP_ID": key.app_id,
        "RELEASEGUARD_GITHUB_APP_PRIVATE_KEY": key.pem,
        "GITHUB_STEP_SUMMARY": str(observed.cli.folder / "summary.md"),
    }
    temporary = {"TMPDIR": observed.cli.environ["TMPDIR"]}
    observed.cli = type(observed.cli)(observed.cli.folder, {**world.environ(Login.OIDC), **app, **temporary})
    world.new_key(NAME)
    with world.traffic(0.05):
        done = observed.run_process(*ROTATE, "--yes", "--json", "-vv")
    assert (done.code, done.json["state"]) == (0, "PROVEN"), done.everything
    assert "PROVEN" in (observed.cli.folder / "summary.md").read_text()
    assert observed.run("drift", "-vv").code in ANY
    world.infisical.oidc_tokens.clear()
    world.github.issue_oidc = lambda _audience: "oidc-canary-5rTq8Vw2"
    assert observed.run(*ROTATE, "--dry-run", "-vv").code == 5
    body = "".join(key.pem.splitlines()[2:-1])  # what every key of this size begins with is not a secret
    assert_unseen(observed, world, body, "oidc-canary-5rTq8Vw2")


@pytest.mark.parametrize("new_is_known", [True, False])
def test_both_accesses_of_a_key_we_stand_on(
    world: World, observed: Observed, cluster: postgres.Cluster, new_is_known: bool
) -> None:
    url = cluster.new_database()
    with PostgresEventLog(Secret(url)) as log:
        log.migrate()
    old, new = "service-old-canary-Lq3vXz81", "service-new-canary-Wm6tRk42"
    token = "vercel-new-canary-Jd9sPn57"
    with postgrest.serving(postgrest.PostgRest(url, key=old, more_keys={new} if new_is_known else set())) as project:
        world.destinations = {
            "supabase": [],
            "vercel": [f"vercel:{world.web.id}/production"],
        }
        own = f'destinations = ["github:lovendo/app", "supabase:{world.edge.ref} as SERVICE_KEY"]'
        world.write(
            observed.cli.folder,
            project.url,
            '[network]\ntimeout = "2s"\npatience = "3s"\n'
            f"[providers.supabase.secrets.SUPABASE_SERVICE_ROLE_KEY]\n{own}\n",
        )
        for name, values in (("SUPABASE_SERVICE_ROLE_KEY", (old, new)), ("VERCEL_TOKEN", (world.vercel.token, token))):
            for value in values:
                world.infisical.put(name, value)
        given = {
            "SUPABASE_SERVICE_ROLE_KEY": old,
            "SUPABASE_SERVICE_ROLE_KEY_NEW": new,
            "VERCEL_TOKEN_NEW": token,
        }
        observed.cli = type(observed.cli)(observed.cli.folder, {**observed.cli.environ, **given})
        if new_is_known:
            world.vercel.tokens.add(token)
        world.supabase.after.append(lambda record: setattr(project, "key", new) if record.writes else None)
        world.vercel.after.append(lambda one: world.vercel.tokens.discard(world.vercel.token) if one.writes else None)
        for provider in ("supabase", "vercel"):
            done = observed.run("rotate", provider, "--yes", "--prove-within", "1s", "-vv")
            assert done.code == (3 if new_is_known else 5), done.everything
            assert ("going on with" in done.err) is new_is_known
        observed.run("drift", "--json")
        observed.run("audit", "show", "--json")
    assert_unseen(observed, world, old, new, token)


def test_an_interrupted_rotation(world: World, observed: Observed) -> None:
    world.new_key(NAME)
    (world.infisical.latency, world.github.latency) = (0.05, 0.05)
    process = observed.cli.start(*ROTATE, "--yes", "-vv")
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if "Writing" in line:
            process.send_signal(2)
            break
    done = ended(process)
    observed.shown["interrupted"] = "".join(said) + done.everything
    assert done.code == 130, observed.shown["interrupted"]
    assert observed.run("audit", "show", "--json").code == 0
    assert_unseen(observed, world)


NOTED = """
import json
from releaseguard.sandbox.world import World

stop = World.stop

def noted(self):
    values = [value for value in self.values() if value not in (self.app.email, self.app.anon_key)]
    with open({path!r}, "w") as file:
        json.dump(values, file)
    stop(self)

World.stop = noted
"""


@pytest.mark.parametrize(
    "flags",
    [
        ["-vv", "--keep", "--scenario", "leak"],
        pytest.param(
            ["--json"],
            marks=pytest.mark.full("a week is seeded for verdicts; what a verdict shows is tried by itself above"),
        ),
    ],
)
def test_the_demo(observed: Observed, world: World, tmp_path: Path, flags: list[str]) -> None:
    path = tmp_path / "values.json"
    (tmp_path / "sitecustomize.py").write_text(NOTED.format(path=str(path)))
    observed.cli = type(observed.cli)(observed.cli.folder, {"TMPDIR": observed.cli.environ["TMPDIR"]})
    done = observed.run_process("demo", *flags, PYTHONPATH=str(tmp_path))
    assert done.code == 0, done.everything
    values = json.loads(path.read_text())
    assert len(values) > 20
    kept = list((observed.cli.folder / "tmp").glob("releaseguard-demo-*/releaseguard.db"))
    assert len(kept) == flags.count("--keep")
    assert observed.leaks(Canaries(values)) == {}
