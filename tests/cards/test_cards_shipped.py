"""What the shipped cards promise to everyone else: names of secrets and events, hosts, roles, commands."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from releaseguard.cards.compiled import FILE, compiled
from releaseguard.cards.load import load_cards, shipped_folder
from releaseguard.cards.spec import SignalCheck, VolumeCheck
from releaseguard.errors import UsageError
from releaseguard.messages import LANGUAGES

CARDS = load_cards()
MAIN_SECRETS = {
    "supabase": ["SUPABASE_SERVICE_ROLE_KEY"],
    "paytr": ["PAYTR_MERCHANT_ID", "PAYTR_MERCHANT_KEY", "PAYTR_MERCHANT_SALT"],
    "idenfy": ["IDENFY_API_KEY", "IDENFY_API_SECRET"],
    "twilio": ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"],
    "sendgrid": ["SENDGRID_API_KEY"],
    "posthog": ["POSTHOG_API_KEY"],
    "sentry": ["SENTRY_AUTH_TOKEN"],
    "openai": ["OPENAI_API_KEY"],
    "mapbox": ["MAPBOX_ACCESS_TOKEN"],
    "cloudflare": ["CLOUDFLARE_API_TOKEN"],
    "vercel": ["VERCEL_TOKEN"],
    "expo_push": ["EXPO_ACCESS_TOKEN"],
    "apple_push": ["APPLE_PUSH_KEY"],
    "google_push": ["GOOGLE_PUSH_SERVICE_ACCOUNT"],
    "aws_rekognition": ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
    "anthropic": ["ANTHROPIC_API_KEY"],
    "revenuecat": ["REVENUECAT_API_KEY"],
    "upstash": ["UPSTASH_REDIS_REST_TOKEN"],
    "mailgun": ["MAILGUN_API_KEY"],
}
SUCCESS_EVENTS = {
    "supabase": ["supabase_rpc_ok", "moment_published", "proof_submitted"],
    "paytr": ["paytr_withdraw_initiated"],
    "idenfy": ["idenfy_token_issued", "idenfy_webhook_received"],
    "twilio": ["twilio_sms_sent"],
    "sendgrid": ["sendgrid_email_sent", "sendgrid_webhook_received"],
    "posthog": ["posthog_event_captured"],
    "sentry": ["sentry_event_captured"],
    "openai": ["openai_completion_ok"],
    "mapbox": ["mapbox_geocode_ok", "mapbox_map_rendered"],
    "cloudflare": ["cloudflare_request_ok"],
    "vercel": ["vercel_deploy_ready"],
    "expo_push": ["expo_push_sent"],
    "apple_push": ["apple_push_sent"],
    "google_push": ["google_push_sent"],
    "aws_rekognition": [
        "aws_rekognition_scan_ok",
        "aws_rekognition_flag_created",
        "aws_rekognition_flag_overturned",
    ],
    "anthropic": ["anthropic_completion_ok"],
    "revenuecat": ["revenuecat_purchase_ok", "revenuecat_request_ok", "revenuecat_webhook_received"],
    "upstash": ["upstash_command_ok", "upstash_message_published"],
    "mailgun": ["mailgun_email_sent", "mailgun_webhook_received"],
}
FLOW_PATHS = {
    "supabase.discover": "/rest/v1/rpc/discover_nearby_moments",
    "sendgrid.email": "/functions/v1/sendgrid-email/send",
    "twilio.sms": "/functions/v1/twilio-sms/send-sms",
    "paytr.withdraw": "/functions/v1/paytr-withdraw",
    "idenfy.kyc_token": "/functions/v1/get-idenfy-token",
    "mapbox.geocode": "/functions/v1/geocode",
}
PROVIDER_HOSTS = [
    ("api.sendgrid.com", "sendgrid"),
    ("api.eu.sendgrid.com", "sendgrid"),
    ("smtp.sendgrid.net", "sendgrid"),
    ("api.twilio.com", "twilio"),
    ("api.dublin.ie1.twilio.com", "twilio"),
    ("verify.twilio.com", "twilio"),
    ("www.paytr.com", "paytr"),
    ("ivs.idenfy.com", "idenfy"),
    ("api.mapbox.com", "mapbox"),
    ("api.mapbox.cn", "mapbox"),
    ("eu.i.posthog.com", "posthog"),
    ("us-assets.i.posthog.com", "posthog"),
    ("o123.ingest.de.sentry.io", "sentry"),
    ("browser.sentry-cdn.com", "sentry"),
    ("api.openai.com", "openai"),
    ("lovendo.openai.azure.com", "openai"),
    ("api.cloudflare.com", "cloudflare"),
    ("account.r2.cloudflarestorage.com", "cloudflare"),
    ("api.vercel.com", "vercel"),
    ("blob.vercel-storage.com", "vercel"),
    ("abcdefghijklmnopqrst.supabase.co", "supabase"),
    ("api.supabase.com", "supabase"),
    ("exp.host", "expo_push"),
    ("api.expo.dev", "expo_push"),
    ("api.push.apple.com", "apple_push"),
    ("api.sandbox.push.apple.com", "apple_push"),
    ("fcm.googleapis.com", "google_push"),
    ("rekognition.eu-central-1.amazonaws.com", "aws_rekognition"),
    ("rekognition.eu-central-1.api.aws", "aws_rekognition"),
    ("rekognition-fips.us-gov-west-1.amazonaws.com", "aws_rekognition"),
    ("api.anthropic.com", "anthropic"),
    ("platform.claude.com", "anthropic"),
    ("api.revenuecat.com", "revenuecat"),
    ("api.rc-backup.com", "revenuecat"),
    ("eu1-fast-mole-12345.upstash.io", "upstash"),
    ("qstash.upstash.io", "upstash"),
    ("api.upstash.com", "upstash"),
    ("api.eu.mailgun.net", "mailgun"),
    ("smtp.mailgun.org", "mailgun"),
]
OTHER_HOSTS = [
    "db.cluster-abc.eu-central-1.rds.amazonaws.com",
    "lovendo.vercel.app",
    "edge.workers.dev",
    "app.infisical.com",
    "api.github.com",
    "apple.com",
    "oauth2.googleapis.com",
    "notsendgrid.com",
]


def denied(host: str) -> str | None:
    owners = CARDS.denied_hosts()
    labels = host.split(".")
    return next((owners[name] for i in range(len(labels)) if (name := ".".join(labels[i:])) in owners), None)


def test_nineteen_providers_ship():
    assert [card.id for card in CARDS] == sorted(MAIN_SECRETS)
    assert len(CARDS) == 19


@pytest.mark.parametrize(("provider", "names"), MAIN_SECRETS.items())
def test_rotating_a_provider_means_its_main_secrets_as_one_unit(provider, names):
    assert [secret.name for secret in CARDS.get(provider).unit_of()] == names


@pytest.mark.parametrize(("provider", "names"), SUCCESS_EVENTS.items())
def test_events_have_the_names_that_apps_log(provider, names):
    card = CARDS.get(provider)
    assert sorted(card.events.success) == sorted(names)
    assert card.events.error == [f"{provider}_error"]


@pytest.mark.parametrize(("host", "provider"), PROVIDER_HOSTS)
def test_a_providers_host_is_denied_on_its_card(host, provider):
    assert denied(host) == provider


@pytest.mark.parametrize("host", OTHER_HOSTS)
def test_a_host_that_is_no_providers_api_is_not_denied(host):
    assert denied(host) is None


def test_supabase_and_vercel_alone_are_infrastructure_too():
    roles = {card.id: card.infrastructure for card in CARDS if card.infrastructure}
    assert roles == {"supabase": "supabase", "vercel": "vercel"}


def test_secrets_inside_installed_apps_are_client_side():
    clients = {secret.name for card in CARDS for secret in card.secrets if secret.reach == "client"}
    assert clients == {"MAPBOX_ACCESS_TOKEN", "REVENUECAT_PUBLIC_KEY", "SENTRY_DSN", "SUPABASE_ANON_KEY"}


def test_push_keys_are_kept_at_expo_and_replaced_by_a_person():
    manual = {secret.name for card in CARDS for secret in card.secrets if secret.from_ == "manual"}
    assert manual == {"APPLE_PUSH_KEY", "GOOGLE_PUSH_SERVICE_ACCOUNT"}


def test_sendgrids_key_says_which_version_it_is():
    found = CARDS.secret("SENDGRID_API_KEY")
    assert found is not None
    assert found[1].has_companion


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_every_secret_that_a_program_pushes_can_be_proven(card):
    assert all(secret.proven_by for secret in card.secrets)


def test_flows_call_the_apps_own_paths():
    paths = {f"{card.id}.{flow.id}": flow.steps[0].path for card in CARDS for flow in card.flows}
    assert paths == FLOW_PATHS
    assert [flow.id for card in CARDS for flow in card.flows if flow.moves_money] == ["withdraw"]


def test_every_flow_is_run_by_a_check():
    for card in CARDS:
        run = {check.flow for check in card.checks if hasattr(check, "flow")}
        assert run == {flow.id for flow in card.flows}


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_a_playbook_has_symptoms_controls_and_actions(card):
    playbook = card.playbook
    assert playbook.symptoms
    assert playbook.controls
    assert playbook.actions
    assert all(symptom.events or symptom.silent or symptom.spike for symptom in playbook.symptoms)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_the_commands_of_actions_name_what_exists(card):
    for command in (action.command for action in card.playbook.actions if action.command):
        for check in re.findall(r"--check (\S+)", command):
            assert CARDS.check(check)[0] is card
        for provider in re.findall(r"(?:releaseguard (?:rotate|incident)|--provider) (\S+)", command):
            assert provider in CARDS
        for secret in re.findall(r"--secret (\S+)", command):
            found = CARDS.secret(secret)
            assert found is not None
            assert found[0] is card


def test_ai_warns_and_only_a_blocked_user_fails_a_release():
    blocking = [check.id for check in CARDS.get("aws_rekognition").checks if check.blocking]
    assert blocking == ["aws_rekognition.non_blocking", "aws_rekognition.secrets"]


def test_a_spike_of_app_errors_is_harm_and_fewer_are_not():
    check = CARDS.check("sentry.error_rate")[1]
    assert isinstance(check, VolumeCheck)
    assert (check.max_drop, check.max_spike) == (None, 3.0)


def test_mapbox_needs_both_autocomplete_and_map_and_an_app_without_a_geocode_function_is_not_held_up_by_it():
    card = CARDS.get("mapbox")
    volumes = [event for check in card.checks if isinstance(check, VolumeCheck) for event in check.events]
    assert volumes == ["mapbox_geocode_ok", "mapbox_map_rendered"]
    flow = CARDS.check("mapbox.geocode")[1]
    assert (flow.undecided, flow.runbook) == ("warn", None)


def test_harm_is_five_points_or_half_the_volume_on_the_six_lines():
    lines = [check for card in CARDS for check in card.checks if check.runbook]
    assert {check.max_error_increase for check in lines if isinstance(check, SignalCheck)} == {0.05}
    assert {check.max_drop for check in lines if isinstance(check, VolumeCheck)} == {0.5, None}


@pytest.mark.parametrize(
    ("asked", "hint"), [("sendgird", "Did you mean 'sendgrid'?"), ("Twilio", "Did you mean 'twilio'?")]
)
def test_an_unknown_provider_is_answered_with_the_nearest_name(asked, hint):
    with pytest.raises(UsageError) as refusal:
        CARDS.get(asked)
    assert (refusal.value.next_step or "").startswith(hint)


def test_an_unknown_check_or_flow_is_answered_with_the_nearest_name():
    with pytest.raises(UsageError) as refusal:
        CARDS.check("sendgrid.error")
    assert refusal.value.next_step == "Did you mean 'sendgrid.errors'?"
    with pytest.raises(UsageError) as refusal:
        CARDS.flow("sendgrid", "emial")
    assert refusal.value.next_step == "Did you mean 'email'?"


def test_the_cards_compiled_and_not_and_the_messages_travel_in_the_wheel(tmp_path):
    pytest.importorskip("hatchling")
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if name.startswith("releaseguard/checks/")}
        spoken = {name for name in archive.namelist() if name.startswith("releaseguard/messages/")}
        archive.extractall(tmp_path / "installed")
    assert shipped == {f"releaseguard/checks/{path.name}" for path in (*shipped_folder().glob("*.toml"), Path(FILE))}
    assert compiled(tmp_path / "installed" / "releaseguard" / "checks")
    assert {f"releaseguard/messages/{language}.toml" for language in LANGUAGES} <= spoken
    script = (
        "from releaseguard.cards.load import load_cards, shipped_folder; print(shipped_folder(), len(load_cards()))"
    )
    isolated = [sys.executable, "-c", script]
    environment = {"PYTHONPATH": str(tmp_path / "installed")}
    done = subprocess.run(isolated, env=environment, check=True, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.split() == [str(tmp_path / "installed" / "releaseguard" / "checks"), "19"]
