"""``init`` as a user meets it: what is written, what is guessed, and that nothing is ever overwritten."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from releaseguard import settings
from releaseguard.compose.known import configuration
from tests.support.commands import Commands

REF = "abcdefghijklmnopqrst"
SECTIONS = {"project", "events", "infisical", "github", "vercel", "supabase", "app", "network", "rotation", "verify"}


@pytest.fixture
def cli(tmp_path: Path) -> Commands:
    return Commands(tmp_path, {})


def repository(folder: Path, remote: str = "git@github.com:lovendo/app.git") -> None:
    (folder / ".git" / "objects").mkdir(parents=True)
    (folder / ".git" / "refs").mkdir()
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (folder / ".git" / "config").write_text(f'[core]\n\tbare = false\n[remote "origin"]\n\turl = {remote}\n')


def project(folder: Path) -> None:
    """What a web app at Vercel and Supabase has lying around."""
    repository(folder)
    (folder / ".vercel").mkdir()
    (folder / ".vercel" / "project.json").write_text('{"projectId": "prj_123", "orgId": "team_9"}')
    (folder / "supabase" / ".temp").mkdir(parents=True)
    (folder / "supabase" / ".temp" / "project-ref").write_text(REF)
    (folder / "package.json").write_text('{"name": "@lovendo/web"}')


def loaded(folder: Path, **environ: str) -> settings.Settings:
    return configuration.load(folder / "releaseguard.toml", environment=None, environ=environ)


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and ".git/" not in str(path)}


def test_the_file_has_every_section_and_is_valid_at_once(cli, tmp_path):
    done = cli.run("init", "--yes")
    assert done.code == 0, done.everything
    text = (tmp_path / "releaseguard.toml").read_text()
    assert set(tomllib.loads(text)) == SECTIONS
    assert loaded(tmp_path).environment == "production"
    assert cli.run("events", "migrate").code == 0
    assert cli.run("drift").code in {0, 2}


def test_what_stands_behind_comments_is_valid_too(cli, tmp_path):
    """A setting that is uncommented later must not be an error then."""
    assert cli.run("init", "--yes").code == 0
    path = tmp_path / "releaseguard.toml"
    shown = re.compile(r'^# (?=(\[[\w.]+\]|[\w."]+ = |  "|\]))', re.MULTILINE)
    path.write_text(shown.sub("", path.read_text()))
    read = loaded(tmp_path)
    assert read.providers["sendgrid"].destinations
    assert read.events.columns
    assert read.network.proxy
    assert read.services["vercel"].team_id == ""
    assert set(read.siblings) == {"production", "staging"}


def test_every_answer_has_a_flag(cli, tmp_path):
    done = cli.run(
        *("init", "--name", 'a "quoted" app', "--environment", "live", "--language", "tr"),
        *(
            "--events-url",
            "postgresql://app:${RELEASEGUARD_EVENTS_PASSWORD}@db.example.org/log",
            "--app-url",
            "https://app.example.org",
        ),
        *(
            "--infisical-url",
            "https://vault.example.org/",
            "--infisical-project",
            "p-1",
            "--infisical-environment",
            "live",
        ),
        *("--vercel-team", "team_1", "--provider", "twilio", "--destination", "github:lovendo/app"),
        *("--destination", "sendgrid=vercel:web/production,preview"),
        "--json",
    )
    assert done.code == 0, done.everything
    read = loaded(tmp_path, RELEASEGUARD_EVENTS_PASSWORD="x")
    assert read.project.name == 'a "quoted" app'
    assert (read.environment, read.project.language) == ("live", "tr")
    assert (read.services["infisical"].url, read.services["infisical"].project_id) == (
        "https://vault.example.org",
        "p-1",
    )
    assert (read.services["infisical"].environment, read.services["vercel"].team_id) == ("live", "team_1")
    assert read.app.url == "https://app.example.org"
    assert list(read.providers["twilio"].destinations) == ["github:lovendo/app"]
    assert list(read.providers["sendgrid"].destinations) == ["vercel:web/production,preview", "github:lovendo/app"]
    assert done.json["written"] == ["releaseguard.toml"]
    assert done.json["answers"]["destinations"]["twilio"] == ["github:lovendo/app"]
    assert "RELEASEGUARD_EVENTS_PASSWORD" in done.json["variables"]
    assert done.json["fill_in"] == []
    assert done.json["next"] == ["releaseguard doctor", "releaseguard events migrate"]


@pytest.mark.parametrize(
    ("address", "step"),
    [
        (f"https://{REF}.supabase.co", "releaseguard events migrate --sql"),
        ("postgresql://db.example/app", "releaseguard events migrate"),
    ],
)
def test_the_step_for_the_table_is_that_of_the_log_whose_address_a_variable_holds(tmp_path, address, step):
    cli = Commands(tmp_path, {"RELEASEGUARD_EVENTS_URL": address})
    asked = ("init", "--provider", "sendgrid", "--events-url", "${RELEASEGUARD_EVENTS_URL}", "--json")
    assert cli.run(*asked).json["next"][1] == step


def test_what_nobody_has_said_is_named(cli):
    said = cli.run("init", "--provider", "sendgrid", "--provider", "apple_push").out
    assert "[infisical] project_id, [providers.sendgrid] destinations." in said
    assert said.rstrip().splitlines()[-2].startswith("next: releaseguard doctor")


def test_the_directory_is_what_the_defaults_come_from(cli, tmp_path):
    project(tmp_path)
    assert cli.run("init", "--yes", "--provider", "sendgrid").code == 0
    read = loaded(tmp_path)
    assert read.project.name == "web"
    assert read.services["vercel"].team_id == "team_9"
    assert read.events.url == read.app.url == f"https://{REF}.supabase.co"
    assert list(read.providers["sendgrid"].destinations) == [
        "github:lovendo/app",
        "vercel:prj_123/production",
        f"supabase:{REF}",
    ]


@pytest.mark.parametrize(
    ("remote", "known"),
    [
        ("https://github.com/lovendo/app", True),
        ("https://x-access-token:ghp_0123456789@github.com/lovendo/app.git", True),
        ("ssh://git@github.com:22/lovendo/app.git", True),
        ("git@github.com:lovendo/app", True),
        ("https://gitlab.com/lovendo/app.git", False),
        ("https://evil.example/github.com/lovendo/app", False),
    ],
)
def test_the_remote_tells_the_repository_and_nothing_else_of_it_is_kept(cli, tmp_path, remote, known):
    repository(tmp_path, remote)
    done = cli.run("init", "--yes", "--provider", "sendgrid")
    assert done.code == 0, done.everything
    text = (tmp_path / "releaseguard.toml").read_text()
    assert ('"github:lovendo/app"' in text) is known
    assert "ghp_" not in text + done.everything


@pytest.mark.parametrize("torn", ["{", "[1]", '{"name": 7}', '{"name": "a\\nb"}', "\x00"])
def test_files_that_cannot_be_read_tell_nothing(cli, tmp_path, torn):
    (tmp_path / ".vercel").mkdir()
    (tmp_path / "supabase").mkdir()
    for name in (".vercel/project.json", "supabase/config.toml", "package.json", ".git"):
        (tmp_path / name).write_text(torn)
    assert cli.run("init", "--yes").code == 0
    assert loaded(tmp_path).services["vercel"].team_id is None


def test_a_local_name_of_supabase_is_no_reference(cli, tmp_path):
    (tmp_path / "supabase").mkdir()
    (tmp_path / "supabase" / "config.toml").write_text('project_id = "web"\n')
    assert cli.run("init", "--yes").code == 0
    assert loaded(tmp_path).app.url is None


def test_keys_that_are_kept_at_the_provider_get_no_destination(cli, tmp_path):
    assert cli.run("init", "--provider", "apple_push", "--destination", "github:lovendo/app").code == 0
    assert not loaded(tmp_path).providers["apple_push"].destinations


@pytest.mark.parametrize("kind", ["file", "directory", "symlink", "dangling symlink"])
def test_nothing_is_overwritten_whatever_is_in_the_way(cli, tmp_path, kind):
    target, elsewhere = tmp_path / "releaseguard.toml", tmp_path / "elsewhere"
    if kind == "file":
        target.write_text("# mine\n")
    elif kind == "directory":
        target.mkdir()
    else:
        target.symlink_to(elsewhere)
        if kind == "symlink":
            elsewhere.write_text("# mine\n")
    before = files(tmp_path)
    done = cli.run("init", "--workflows", "--yes", "--name", "lovendo")
    assert done.code == 4
    assert str(target) in done.err
    assert files(tmp_path) == before
    assert not (tmp_path / ".github").exists()
    assert not elsewhere.exists() or elsewhere.read_text() == "# mine\n"


def test_a_team_that_adds_the_pipeline_later_gets_the_workflows_of_the_configuration_that_is_there(cli, tmp_path):
    (tmp_path / "releaseguard.toml").write_text('# ours\n[project]\nenvironment = "live"\n')
    before = (tmp_path / "releaseguard.toml").read_bytes()
    done = cli.run("init", "--workflows", "--json")
    assert done.code == 0, done.everything
    assert (tmp_path / "releaseguard.toml").read_bytes() == before
    assert len(done.json["written"]) == 7
    assert 'environment: "live"' in (tmp_path / ".github/workflows/releaseguard-after-deploy.yml").read_text()
    again = cli.run("init", "--workflows")
    assert again.code == 4, "and they are overwritten as little"


@pytest.mark.parametrize("text", ["[project", '[project]\nnmae = "x"\n'])
def test_workflows_are_not_fitted_to_a_configuration_that_cannot_be_read(cli, tmp_path, text):
    (tmp_path / "releaseguard.toml").write_text(text)
    assert cli.run("init", "--workflows").code == 2
    assert files(tmp_path) == {"releaseguard.toml"}


def test_one_workflow_in_the_way_and_nothing_is_written(cli, tmp_path):
    there = tmp_path / ".github" / "workflows" / "releaseguard-drift.yml"
    there.parent.mkdir(parents=True)
    there.write_text("# mine\n")
    done = cli.run("init", "--workflows", "--yes")
    assert done.code == 4
    assert str(there) in done.err
    assert files(tmp_path) == {".github/workflows/releaseguard-drift.yml"}


@pytest.mark.parametrize("place", [".github", ".github/workflows"])
@pytest.mark.parametrize("kind", ["file", "symlink"])
def test_a_folder_that_is_none_or_leads_elsewhere_is_in_the_way(cli, tmp_path, place, kind):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    spot = tmp_path / place
    spot.parent.mkdir(exist_ok=True)
    spot.write_text("x") if kind == "file" else spot.symlink_to(elsewhere)
    done = cli.run("init", "--workflows", "--yes")
    assert done.code == 4
    assert str(spot) in done.err
    assert not (tmp_path / "releaseguard.toml").exists()
    assert not list(elsewhere.iterdir())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_leaves_nothing_half_done(cli, tmp_path):
    locked = tmp_path / ".github" / "workflows"
    locked.mkdir(parents=True)
    locked.chmod(0o500)
    done = cli.run("init", "--workflows", "--yes")
    locked.chmod(0o700)
    assert done.code == 2
    assert not (tmp_path / "releaseguard.toml").exists()


def test_what_was_written_is_taken_back_where_a_later_file_cannot_be(tmp_path):
    from releaseguard.errors import UsageError
    from releaseguard.init.files import write

    long = tmp_path / "new" / ("x" * 300)
    with pytest.raises(UsageError, match="cannot be written"):
        write({tmp_path / "releaseguard.toml": "a", long: "b"}, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (("--provider", "sendgird"), 2, "Did you mean 'sendgrid'?"),
        (("--provider", "sendgrid", "--destination", "githup:a/b"), 2, "Did you mean 'github'?"),
        (("--destination", "github:a/b"), 2, "--provider P"),
        (("--environment", "a b"), 2, "not the name of an environment"),
        (("--environment", "x' || '1"), 2, "not the name of an environment"),
        (("--events-url", "mysql://db.example.org/x"), 2, "not the address of an event log"),
        (("--events-url", "https://api.sendgrid.com"), 4, "deny-list"),
        (("--app-url", "https://api.twilio.com"), 4, "deny-list"),
        (("--app-url", "http://app.example.org"), 4, "loopback"),
        (("--infisical-url", "vault"), 2, "not a web address"),
        (("--infisical-project", "st.0123456789abcdef"), 2, "credential"),
        (("--language", "de"), 2, "'de'"),
        (("--config", "missing/releaseguard.toml"), 2, "no such directory"),
    ],
)
def test_an_answer_that_is_not_valid_writes_nothing(cli, tmp_path, flags, code, said):
    done = cli.run("init", "--yes", "--workflows", *flags)
    assert done.code == code, done.everything
    assert said in done.err
    assert "Traceback" not in done.err
    assert files(tmp_path) == set()


@pytest.mark.parametrize(
    "url",
    ["postgresql://app:hunter2secret@db.example.org/log", "postgresql://db.example.org/log?password=hunter2secret"],
)
def test_a_password_in_the_address_is_refused_with_the_way_to_write_it(cli, tmp_path, url):
    done = cli.run("init", "--yes", "--events-url", url)
    assert done.code == 2
    assert "${RELEASEGUARD_EVENTS_PASSWORD}" in done.err
    assert "hunter2secret" not in done.everything
    assert files(tmp_path) == set()


def test_without_a_terminal_nothing_is_asked(cli, tmp_path):
    done = cli.run("init", stdin="never read\n")
    assert done.code == 0
    assert "?" not in done.err
    assert loaded(tmp_path).project.name == tmp_path.name


def test_on_a_terminal_the_answers_are_asked_for_and_bad_ones_again(tmp_path):
    project(tmp_path)
    answers = [
        "shop",
        "",
        "",
        "postgresql://u:hunter2secret@h/d",
        "",
        "",
        "",
        "p-7",
        "",
        "sendgird",
        "sendgrid",
        "",
        "y",
    ]
    code, shown = at_a_terminal(tmp_path, answers)
    assert code == 0, shown
    read = loaded(tmp_path)
    assert (read.project.name, read.services["infisical"].project_id) == ("shop", "p-7")
    assert "github:lovendo/app" in read.providers["sendgrid"].destinations
    assert "Did you mean 'sendgrid'?" in shown
    assert "${RELEASEGUARD_EVENTS_PASSWORD}" in shown
    assert (tmp_path / ".github" / "workflows" / "releaseguard-verify.yml").is_file()


def test_ctrl_c_at_a_question_writes_nothing(tmp_path):
    code, shown = at_a_terminal(tmp_path, ["shop", "\x03"])
    assert code == 130, shown
    assert files(tmp_path) == set()


def at_a_terminal(folder: Path, answers: list[str]) -> tuple[int, str]:
    """The exit code and everything shown, typed one answer after each question."""
    main, side = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", CONTROLLED, "init"],
        cwd=folder,
        env={"HOME": str(folder), "PATH": os.environ["PATH"], "TERM": "dumb", "COLUMNS": "300"},
        stdin=side,
        stdout=side,
        stderr=side,
        start_new_session=True,
    )
    os.close(side)
    shown = asked = answer = ""
    quiet = typed = 0
    while quiet < 200 and typed < 20 and (process.poll() is None or select.select([main], [], [], 0)[0]):
        quiet += 1
        if select.select([main], [], [], 0.1)[0]:
            try:
                chunk = os.read(main, 4096).decode(errors="replace")
            except OSError:  # nobody holds the other end any more
                break
            shown, asked, quiet = shown + chunk, asked + chunk, 0
        if answers and re.search(r"[\w\])]: $", asked):
            answer, asked = answers.pop(0), ""
            os.write(main, answer.encode() if answer == "\x03" else f"{answer}\n".encode())
        elif answer == "\x03" and quiet and quiet % 30 == 0:  # the first came right before readline began to wait
            os.write(main, b"\x03")
            typed += 1
    os.close(main)
    if typed == 20:
        process.kill()
    return process.wait(timeout=60), shown


CONTROLLED = """
import fcntl, signal, sys, termios
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever starts the tests in the background ignores it
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from releaseguard.cli.entrypoint import run
sys.exit(run())
"""
"""The command line with its standard input as the terminal that Ctrl-C is typed at."""


@pytest.mark.parametrize("environment", ["production", "live-eu", "1.0", "on"])
def test_the_workflows_pass_the_linters_that_the_shipped_ones_pass(cli, tmp_path, environment):
    linters = [shutil.which(name, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}") for name in LINTERS]
    if not all(linters):
        pytest.skip(f"{' and '.join(LINTERS)} are not on the path")
    repository(tmp_path)
    assert cli.run("init", "--workflows", "--yes", "--environment", environment).code == 0
    written = sorted(str(path) for path in (tmp_path / ".github" / "workflows").iterdir())
    assert len(written) == 7
    schema = [linters[0], "--builtin-schema", "vendor.github-workflows", *written]
    for command in (schema, [linters[1], "--offline", *written]):
        checked = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert checked.returncode == 0, checked.stdout + checked.stderr


LINTERS = ("check-jsonschema", "zizmor")


def test_a_configuration_below_the_top_is_found_by_the_workflows(cli, tmp_path):
    repository(tmp_path)
    (tmp_path / "apps" / "web").mkdir(parents=True)
    done = Commands(tmp_path / "apps" / "web", {}).run("init", "--workflows", "--yes")
    assert done.code == 0, done.everything
    drift = (tmp_path / ".github" / "workflows" / "releaseguard-drift.yml").read_text()
    assert 'RELEASEGUARD_CONFIG: "apps/web/releaseguard.toml"' in drift
    assert not (tmp_path / "apps" / "web" / ".github").exists()


def test_the_verify_workflow_that_is_called_is_the_one_that_is_written(cli, tmp_path):
    assert cli.run("init", "--workflows", "--yes", "--environment", "live").code == 0
    folder = tmp_path / ".github" / "workflows"
    after = (folder / "releaseguard-after-deploy.yml").read_text()
    called = re.search(r"uses: \./(\S+)", after)[1]
    assert (tmp_path / called).is_file()
    assert "'live'" in after
    assert 'environment: "live"' in after


def test_the_wheel_carries_what_init_writes():
    included = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert (
        included["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]["workflows"] == "releaseguard/workflows"
    )


def test_json_of_an_error_names_what_is_in_the_way(cli, tmp_path):
    (tmp_path / "releaseguard.toml").write_text("")
    done = cli.run("init", "--json", "--yes")
    assert done.code == json.loads(done.out)["error"]["exit_code"] == 4
    assert done.json["error"]["where"] == str(tmp_path / "releaseguard.toml")


def test_another_configuration_that_would_be_read_instead_is_told_of(cli, tmp_path):
    done = cli.run("init", "--yes", RELEASEGUARD_CONFIG=str(tmp_path / "other.toml"))
    assert done.code == 0
    assert "RELEASEGUARD_CONFIG" in done.err


def test_the_vault_is_where_the_workflows_take_the_secrets_from(cli, tmp_path):
    workflows = tmp_path / ".github" / "workflows"
    workflows.mkdir(parents=True)
    step = """
      - uses: Infisical/secrets-action@v1
        with:
          project-slug: shop-x1
          domain: https://eu.infisical.com
          env-slug: {environment}
          secret-path: {folder}
"""
    said = (("production", "/functions"), ("production", "/functions"), ("staging", "/old"), ("production", "/mobile"))
    for number, (environment, folder) in enumerate(said):
        given = step.format(environment=environment, folder=folder)
        (workflows / f"{number}.yml").write_text(f"jobs:\n  a:\n    steps:{given}")
    assert cli.run("init", "--yes").code == 0
    text = (tmp_path / "releaseguard.toml").read_text()
    assert tomllib.loads(text)["infisical"] == {
        "url": "https://eu.infisical.com",
        "project_slug": "shop-x1",
        "environment": "production",
        "path": "/functions",
    }
    assert '# The workflows read "/mobile", "/old" too' in text


def test_a_repository_in_a_format_that_cannot_be_read_is_as_none(cli, tmp_path):
    repository(tmp_path)
    (tmp_path / ".git" / "config").write_text("[core]\n\trepositoryformatversion = 1\n[extensions]\n\tnew = x\n")
    done = cli.run("init")
    assert done.code == 0, done.everything
