from __future__ import annotations

from pathlib import Path

import pytest

from releaseguard import settings
from releaseguard.compose.known import configuration
from releaseguard.errors import ConfigError

MINIMAL = """
[project]
name = "lovendo"

[events]
url = "sqlite:///log.db"

[providers.sendgrid]
destinations = ["github:lovendo/app"]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / settings.FILE_NAME
    path.write_text(text, encoding="utf-8")
    return path


def load(path: Path | None, *, environment: str | None = None, **environ: str) -> settings.Settings:
    return configuration.load(path, environment=environment, environ=environ)


def test_the_file_is_found_upward_from_the_working_directory(tmp_path):
    path = write(tmp_path, MINIMAL)
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert configuration.load(None, environment=None, environ={}, start=deep).path == path


def test_the_environment_variable_names_the_file(tmp_path):
    path = write(tmp_path, MINIMAL)
    assert load(None, RELEASEGUARD_CONFIG=str(path)).project.name == "lovendo"


def test_relative_paths_are_relative_to_the_file(tmp_path):
    assert load(write(tmp_path, MINIMAL)).events.url == f"sqlite:///{tmp_path}/log.db"


def test_absolute_paths_stay(tmp_path):
    text = MINIMAL.replace("sqlite:///log.db", "sqlite:////var/lib/log.db")
    assert load(write(tmp_path, text)).events.url == "sqlite:////var/lib/log.db"


def test_an_environment_overrides_only_what_it_names(tmp_path):
    text = MINIMAL + '[infisical]\nproject_id = "p"\n[environments.staging]\ninfisical.environment = "staging"\n'
    loaded = load(write(tmp_path, text), environment="staging")
    assert (loaded.environment, loaded.services["infisical"].environment, loaded.services["infisical"].project_id) == (
        "staging",
        "staging",
        "p",
    )
    assert load(tmp_path / settings.FILE_NAME).services["infisical"].environment == "prod"


@pytest.mark.parametrize(
    ("text", "line", "key", "next_step"),
    [
        ('[rotation]\nleas = "2s"', 2, "rotation.leas", "Did you mean 'lease'?"),
        ('[projct]\nname = "x"', 1, "projct", "Did you mean 'project'?"),
        ('[environments.staging]\nrotation.leas = "2s"', 2, "environments.staging.rotation.leas", "'lease'"),
        ("[project]\nname = 7", 2, "project.name", None),
        ('[rotation]\n\nlease = "30"', 3, "rotation.lease", None),
        ('[rotation]\n\nlease = "0s"', 3, "rotation.lease", "30s"),
        ('[environments.production]\nrotation.lease = "0s"', 2, "rotation.lease", "30s"),
        ('[verify]\nbaseline = "99999999d"', 2, "verify.baseline: '99999999d' is longer", None),
        ("[providers.sendgrid]\ndestinations = [1]", 2, "providers.sendgrid.destinations[0]", None),
        (MINIMAL + "[providers.twilio]\n\ndestination = []", 12, "providers.twilio.destination", "'destinations'"),
        (MINIMAL + '[providers.sendgrid.sources]\n"github:a/b" = 1', 11, "sendgrid.sources.github:a/b", None),
        ('[environments.s.providers.twilio]\nshard = "x"', 2, "environments.s.providers.twilio.shard", "'shared'"),
        ('[events]\ntable = ""', 2, "events.table", None),
        ('[project]\nenvironment = ""', 2, "project.environment", None),
        ("[events.columns]\nid = 1", 2, "events.columns.id: expected text, false, a table", "{ constant = ... }"),
        ('[events.columns]\n\nocurred_at = "at"', 3, "events.columns.ocurred_at", "'occurred_at'"),
        ('[events.columns]\nevent = "name"\noutcome = false', 1, "outcome cannot be left out", None),
        ('[events.columns]\noutcome = { colum = "s" }', 2, "colum is not a known key", "'column'"),
        ('[events.columns]\noutcome = { values = { a = "error" } }', 2, "either a column or a constant", None),
        ('[events.columns]\noutcome = { column = "s", values = { a = "sucess" } }', 2, "what a means", "'success'"),
        ('[events.columns]\noutcome = { constant = "ok" }', 2, "the constant is neither success nor error", None),
        ('[events.columns]\nerror_code = { column = "s", others = false }', 2, "others is false where only", None),
        ('[events.columns]\nsource = { constant = "s", others = false }', 2, "others is false where only", None),
        ('[events.columns]\nsynthetic = { constant = "no" }', 2, "has to be true or false", None),
        ('[events.columns]\noccurred_at = { constant = "now" }', 2, "of one row alone", None),
        ('[events.columns]\noccurred_at = { column = "at", values = { a = "b" } }', 2, "no words to translate", None),
        ('[events.columns]\nrelease = "metadata."', 2, "neither a column nor a path", '"column.key"'),
        ('[events.columns]\nrelease = [[], "x"]', 2, "events.columns.release: expected text", None),
        ('[events.columns]\nsource = "a"\nrelease = "a"', 3, "source and release cannot both be the column a", None),
        ("[events.columns]\nrelease = true", 2, "true says nothing", None),
        ("[events.names]\nsendgrid = 1", 2, "events.names.sendgrid: expected", None),
        ('[events.names]\nsendgrid = { succes = "x" }', 2, "outcome: 'succes'", "'success'"),
        ('[events.names]\nsendgrid = [{ event = "a b" }]', 2, "event is a name", None),
        (
            '[[events.names.sendgrid]]\nevent = "a"\n[[events.names.sendgrid]]\nevents = "b"',
            3,
            "events is not a",
            "event",
        ),
        ('[events.names]\n"*" = [{ event = "{x}_y" }]', 2, "event is a name", None),
        ('[events.names]\nx = [{ event = "e", when = { kind = 7 } }]', 2, "when.kind is a text", None),
    ],
)
def test_a_mistake_is_named_with_file_line_and_key(tmp_path, text, line, key, next_step):
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as raised:
        load(path)
    assert key in raised.value.what
    assert raised.value.where == f"{path}:{line}"
    assert next_step is None or next_step in str(raised.value.next_step)


@pytest.mark.parametrize(
    "text",
    [
        '[github]\ntoken = "x"',
        '[infisical]\nclient_secret = "x"',
        '[project]\nname = "ghp_0123456789abcdef"',
        '[events]\nurl = "postgresql://user:password@db.example/x"',
        '[events]\nurl = "postgresql://user:password@db.example/${DB}"',
        '[events]\nurl = "postgresql://user@db.example/x?password=password@"',
        '[events]\nurl = "postgresql://user@db.example/x?sslpassword=password@"',
        '[app]\nurl = "https://app.example/?apikey=password@"',
        '[vercel]\nteam_id = "vcp_7Qm2Zx9Lk4Tb8Wd1Rf6Hs3Nv"',
        '[project]\nname = "sbp_0123456789abcdef"',
        '[project]\nname = "sb_secret_0123456789"',
        '[project]\nname = "st.0123456789abcdef"',
        '[project]\nname = "sk-0123456789abcdef"',
        '[app]\nurl = "eyJhbGciOiJIUzI1NiJ9.e30.x"',
    ],
)
def test_a_credential_in_the_file_is_an_error_that_does_not_repeat_it(tmp_path, text):
    with pytest.raises(ConfigError, match="credential") as raised:
        load(write(tmp_path, text))
    assert "password@" not in f"{raised.value} {raised.value.next_step}"


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://u:${RELEASEGUARD_EVENTS_PW}@h/d",
        "postgresql://u@h/d?password=${RELEASEGUARD_EVENTS_PW}&sslmode=require",
    ],
)
def test_a_password_from_the_environment_is_no_credential_in_the_file(tmp_path, address):
    url = load(write(tmp_path, f'[events]\nurl = "{address}"'), RELEASEGUARD_EVENTS_PW="p").events.url
    assert url == address.replace("${RELEASEGUARD_EVENTS_PW}", "p")


def test_the_events_address_takes_names_from_the_environment(tmp_path):
    text = '[events]\nurl = "postgresql://app:${RELEASEGUARD_EVENTS_PASSWORD}@db.example/x"'
    path = write(tmp_path, text)
    assert load(path, RELEASEGUARD_EVENTS_PASSWORD="p").events.url == "postgresql://app:p@db.example/x"
    with pytest.raises(ConfigError, match="RELEASEGUARD_EVENTS_PASSWORD"):
        load(path)


def test_without_a_file_the_event_log_comes_from_the_environment(tmp_path):
    loaded = configuration.load(
        None, environment=None, environ={"RELEASEGUARD_EVENTS_URL": "sqlite:////x.db"}, start=Path(tmp_path.anchor)
    )
    assert (loaded.path, loaded.events.url) == (None, "sqlite:////x.db")


def test_a_file_that_names_no_event_log_leaves_it_to_the_environment(tmp_path):
    path = write(tmp_path, '[project]\nname = "lovendo"\n[environments.s.events]\nurl = "sqlite:////s.db"\n')
    assert load(path, RELEASEGUARD_EVENTS_URL="https://ref.supabase.co").events.url == "https://ref.supabase.co"
    assert load(path, RELEASEGUARD_EVENTS_URL="sqlite:///x.db").events.url == f"sqlite:///{Path.cwd()}/x.db"
    assert load(path, environment="s", RELEASEGUARD_EVENTS_URL="sqlite:////x.db").events.url == "sqlite:////s.db"
    assert load(path).events.url == f"sqlite:///{tmp_path}/releaseguard.db"
    assert load(write(tmp_path, MINIMAL), RELEASEGUARD_EVENTS_URL="sqlite:////x.db").events.url.endswith("/log.db")


def test_a_variable_that_a_ci_service_left_empty_is_named_as_one_and_needed_only_where_the_log_is(tmp_path):
    path = write(tmp_path, '[events]\nurl = "${RELEASEGUARD_EVENTS_URL}"')
    with pytest.raises(ConfigError, match="RELEASEGUARD_EVENTS_URL, which is empty"):
        load(path, RELEASEGUARD_EVENTS_URL="")
    empty = {"RELEASEGUARD_EVENTS_URL": ""}
    unread = configuration.load(path, environment=None, environ=empty, needs_log=False)
    assert unread.events.url == "postgresql://unset"


def test_a_file_that_is_not_toml_is_named_with_its_line(tmp_path):
    path = write(tmp_path, "[project]\nname = ")
    with pytest.raises(ConfigError) as raised:
        load(path)
    assert raised.value.where == f"{path}:2"


def test_a_provider_without_destinations_says_how_to_give_it_some(tmp_path):
    with pytest.raises(ConfigError, match="no destinations are configured for twilio"):
        load(write(tmp_path, MINIMAL)).destinations_of("twilio")


def test_components_and_the_names_of_releases_are_read(tmp_path):
    text = MINIMAL + '[verify]\nrelease_pattern = "^shop@(.+)$"\nlead = "0s"\n[components]\nweb = ["web", "admin"]\n'
    loaded = load(write(tmp_path, text))
    assert (loaded.verify.release_pattern, loaded.verify.lead) == ("^shop@(.+)$", "0s")
    assert loaded.components == {"web": ["web", "admin"]}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('[verify]\nrelease_pattern = "shop@(.+"\n', 11, "is not a regular expression"),
        ('[verify]\nlead = "soon"\n', 11, "lead"),
        ('[components]\nweb = ["web"]\nadmin = ["web"]\n', 12, "the source web is of another component"),
        ('[components]\nphones = ["client", "web"]\n', 11, "the source client is of another component"),
        ('[components]\nphones = ["Client", "web"]\n', 11, "the source Client is of another component"),
        ('[components]\nphones = ["Client"]\nios = ["client"]\n', 12, "the source client is of another component"),
        ('[components]\nweb = "web"\n', 11, "expected a list"),
    ],
)
def test_names_of_releases_and_components_that_cannot_be_are_said_with_their_line(tmp_path, text, line, said):
    with pytest.raises(ConfigError, match=said) as refused:
        load(write(tmp_path, MINIMAL + text))
    assert f":{line}" in str(refused.value.where)
