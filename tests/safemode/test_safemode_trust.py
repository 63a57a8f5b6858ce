"""Which credential goes where: a service's own host, this machine, what the environment names; nowhere else."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releaseguard.compose.known.endpoints import RULES
from releaseguard.errors import ConfigError, ExitCode
from releaseguard_events.places.hosts import Place, canonical, place_of
from releaseguard_events.places.supabase import ref_of_key

REF = "abcdefghijklmnopqrst"
OTHER = "zzzzzzzzzzzzzzzzzzzz"


def key_of(ref: str) -> str:
    parts = ({"alg": "HS256", "typ": "JWT"}, {"iss": "supabase", "ref": ref, "role": "service_role"})
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, "c2lnbmF0dXJl"])


def place(url: str) -> Place:
    if url.startswith("postgresql:"):
        parts = urlsplit(url)
        return Place("postgresql", canonical(parts.hostname or ""), parts.port or 5432)
    return place_of(url)


def refused(setting: str, url: str, environ: Mapping[str, str]) -> bool:
    return RULES.trust_of(environ).refusal("X", setting, place(url), address=url) is not None


GOES: list[tuple[str, str, dict[str, str]]] = [
    ("[infisical] url", "https://app.infisical.com", {}),
    ("[infisical] url", "https://eu.infisical.com/", {}),
    ("[infisical] url", "https://US.Infisical.com.", {}),
    ("[github] url", "https://api.github.com:443", {}),
    ("[vercel] url", "https://api.vercel.com", {}),
    ("[supabase] url", "https://api.supabase.com", {}),
    ("[vercel] url", "http://127.0.0.1:4000", {}),
    ("[vercel] url", "http://localhost:4000", {}),
    ("[vercel] url", "http://[::1]:4000", {}),
    ("[infisical] url", "https://vault.corp.example", {"RELEASEGUARD_TRUSTED_HOSTS": "vault.corp.example"}),
    (
        "[infisical] url",
        "https://vault.corp.example:8443",
        {"RELEASEGUARD_TRUSTED_HOSTS": "x.example, vault.corp.example"},
    ),
    ("[infisical] url", "https://vault.corp.example:8443", {"RELEASEGUARD_TRUSTED_HOSTS": "vault.corp.example:8443"}),
    ("[github] url", "https://ghe.corp.example/api/v3", {"RELEASEGUARD_TRUSTED_HOSTS": "GHE.corp.example.,"}),
    ("[events] url", f"https://{REF}.supabase.co", {"SUPABASE_URL": f"https://{REF}.supabase.co"}),
    ("[events] url", f"https://{REF}.supabase.co", {"RELEASEGUARD_EVENTS_URL": f"https://{REF}.supabase.co"}),
    ("[events] url", f"https://{REF}.supabase.co", {"SUPABASE_PROJECT_REF": REF}),
    ("[events] url", f"https://{REF}.supabase.co", {"SUPABASE_SERVICE_ROLE_KEY": key_of(REF)}),
    ("[events] url", f"https://{REF}.supabase.co", {"DATABASE_URL": f"postgresql://u:p@db.{REF}.supabase.co/postgres"}),
    ("[app] url", f"https://{REF}.supabase.co", {"SUPABASE_ANON_KEY": key_of(REF)}),
    (
        "[app] url",
        f"https://{REF}.supabase.co",
        {"APP_DATABASE_URL": f"postgresql://postgres.{REF}:p@aws-0-eu-central-1.pooler.supabase.com:6543/postgres"},
    ),
    ("[app] url", "https://api.lovendo.example", {"SUPABASE_URL": "https://api.lovendo.example"}),
    ("[events] url", "postgresql://u:p@db.example/x", {"RELEASEGUARD_EVENTS_URL": "postgresql://u:p@db.example/x"}),
    ("[events] url", "postgresql://u:p@db.example/x", {"DATABASE_URL": "postgresql://u:p@db.example/x"}),
    ("[events] url", "postgresql://u:p@db.example:6432/x", {"RELEASEGUARD_TRUSTED_HOSTS": "db.example"}),
    ("[events] url", f"postgresql://u:p@db.{REF}.supabase.co/x", {"SUPABASE_PROJECT_REF": REF}),
    ("[events] url", "postgresql://u:p@127.0.0.1:54322/x", {}),
    ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://run-actions-1-azure-eastus.actions.githubusercontent.com/1?x=2", {}),
    (
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "https://ghe.corp.example/_services/token",
        {"RELEASEGUARD_TRUSTED_HOSTS": "ghe.corp.example"},
    ),
]

STAYS: list[tuple[str, str, dict[str, str]]] = [
    ("[vercel] url", "https://elsewhere.example", {}),
    ("[vercel] url", "https://api.vercel.com:8443", {}),
    ("[vercel] url", "https://api.vercel.com.evil.example", {}),
    ("[vercel] url", "https://xapi.vercel.com", {}),
    ("[vercel] url", "https://api.github.com", {}),
    ("[github] url", "https://api.vercel.com", {}),
    ("[infisical] url", "https://infisical.com", {}),
    ("[infisical] url", "https://gov.infisical.com.example", {}),
    ("[supabase] url", f"https://{REF}.supabase.co", {"SUPABASE_PROJECT_REF": REF}),
    ("[events] url", f"https://{REF}.supabase.co", {}),
    ("[events] url", f"https://{OTHER}.supabase.co", {"SUPABASE_SERVICE_ROLE_KEY": key_of(REF)}),
    ("[events] url", f"https://{REF}.supabase.co:8443", {"SUPABASE_PROJECT_REF": REF}),
    ("[events] url", f"https://{REF}.supabase.co.evil.example", {"SUPABASE_SERVICE_ROLE_KEY": key_of(REF)}),
    ("[events] url", "https://evil.supabase.co", {"SUPABASE_SERVICE_ROLE_KEY": key_of("evil.supabase.co/")}),
    ("[app] url", "https://lovendo.example", {"SUPABASE_URL": f"https://{REF}.supabase.co"}),
    ("[events] url", "postgresql://u:p@db.example/x", {}),
    ("[events] url", "postgresql://u:p@other.example/x", {"DATABASE_URL": "postgresql://u:p@db.example/x"}),
    ("[events] url", f"postgresql://u:p@db.{OTHER}.supabase.co/x", {"SUPABASE_PROJECT_REF": REF}),
    (
        "[events] url",
        f"postgresql://postgres.{OTHER}:p@aws-0-eu-central-1.pooler.supabase.com:6543/postgres",
        {
            "RELEASEGUARD_EVENTS_URL": f"postgresql://postgres.{REF}:p@aws-0-eu-central-1.pooler.supabase.com:6543/postgres"
        },
    ),
    ("[infisical] url", "https://vault.corp.example", {"RELEASEGUARD_TRUSTED_HOSTS": "vault.corp.example:8443"}),
    ("[infisical] url", "https://a.vault.corp.example", {"RELEASEGUARD_TRUSTED_HOSTS": "vault.corp.example"}),
    ("[vercel] url", "https://elsewhere.example", {"VERCEL_URL": "https://elsewhere.example"}),
    ("[vercel] url", "https://elsewhere.example", {"RELEASEGUARD_NOTIFY_URL": "https://elsewhere.example"}),
    ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://actions.githubusercontent.com.evil.example/", {}),
    ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://evilactions.githubusercontent.com/", {}),
]


@pytest.mark.parametrize(("setting", "url", "environ"), GOES)
def test_a_credential_goes_where_the_service_or_the_environment_says(
    setting: str, url: str, environ: dict[str, str]
) -> None:
    assert not refused(setting, url, environ)


@pytest.mark.parametrize(("setting", "url", "environ"), STAYS)
def test_a_credential_goes_nowhere_that_the_file_alone_names(setting: str, url: str, environ: dict[str, str]) -> None:
    assert refused(setting, url, environ)


@given(
    setting=st.sampled_from([endpoint.setting for endpoint in RULES.endpoints]),
    host=st.lists(
        st.sampled_from(["api", "vercel", "github", "com", "co", "evil", "supabase"]), min_size=2, max_size=4
    ),
    environ=st.dictionaries(
        st.sampled_from(["VERCEL_URL", "GITHUB_API_URL", "INFISICAL_URL", "TRUSTED_HOSTS", "GITHUB_TOKEN", "PGHOST"]),
        st.sampled_from(["https://api.evil.co", "api.evil.co", "*", "evil.com,api.evil.co"]),
    ),
)
def test_whatever_else_stands_in_the_environment_vouches_for_nothing(
    setting: str, host: list[str], environ: dict[str, str]
) -> None:
    name = ".".join(host)
    assert name in RULES.at(setting).hosts or refused(setting, f"https://{name}", environ)


def test_a_refusal_names_host_setting_and_the_exact_variable() -> None:
    trust = RULES.trust_of({"RELEASEGUARD_TRUSTED_HOSTS": "vault.example,"})
    error = trust.refusal("VERCEL_TOKEN", "[vercel] url", place_of("https://elsewhere.example:8443"))
    assert error is not None
    assert error.exit_code is ExitCode.REFUSED
    assert "VERCEL_TOKEN" in error.what
    assert "elsewhere.example:8443" in error.what
    assert error.where == "[vercel] url"
    assert "RELEASEGUARD_TRUSTED_HOSTS=vault.example,elsewhere.example:8443" in str(error.next_step)
    again = {"RELEASEGUARD_TRUSTED_HOSTS": "vault.example,elsewhere.example:8443"}
    assert not refused("[vercel] url", "https://elsewhere.example:8443", again)


def test_of_a_supabase_project_it_names_the_other_way_too() -> None:
    error = RULES.trust_of({}).refusal(
        "SUPABASE_SERVICE_ROLE_KEY", "[events] url", place_of(f"https://{REF}.supabase.co")
    )
    assert f"SUPABASE_URL=https://{REF}.supabase.co" in str(error.next_step if error else "")


@pytest.mark.parametrize(
    "entry", ["https://vault.example", "*.example", "*", "a b", "user@host", "vault.example:x", "/"]
)
def test_an_entry_that_is_no_host_is_an_error_and_not_ignored(entry: str) -> None:
    with pytest.raises(ConfigError) as raised:
        RULES.trust_of({"RELEASEGUARD_TRUSTED_HOSTS": f"ok.example,{entry}"})
    assert raised.value.where == "RELEASEGUARD_TRUSTED_HOSTS"


@pytest.mark.parametrize(
    "key", ["", "a.b.c", "..", "sb_secret_x", key_of(REF).upper(), "a.bnVsbA.c", "a.W10.c", "é.é.é"]
)
def test_a_key_that_names_no_project_is_of_none(key: str) -> None:
    assert ref_of_key(key) is None


def test_what_is_carried_is_the_first_that_is_set() -> None:
    assert RULES.carried("[github] url", {"GH_TOKEN": "x", "GITHUB_TOKEN": ""}) == "GH_TOKEN"
    assert RULES.carried("[github] url", {}) is None
