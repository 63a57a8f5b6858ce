"""The rules: allowed by being configured, denied by a card, infrastructure at its own address and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releaseguard.errors import ExitCode, SafeModeRefusal
from releaseguard.safemode import AllowedHost, Policy, build_policy

DENIED = {
    "sendgrid": ["sendgrid.com", "sendgrid.net"],
    "supabase": ["supabase.co", "supabase.com"],
    "vercel": ["vercel.com", "vercel.app"],
    "openai": ["*.openai.com"],
}
CONFIGURED = {
    "[infisical] url": "https://app.infisical.com",
    "[github] url": "https://api.github.com",
    "[vercel] url": "https://api.vercel.com",
    "[supabase] url": "https://api.supabase.com",
    "[events] url": "https://ref.supabase.co",
    "[app] url": "http://127.0.0.1:54321",
}
INFRASTRUCTURE = {
    "[vercel] url": {"vercel"},
    "[supabase] url": {"supabase"},
    "[events] url": {"supabase"},
    "[app] url": {"supabase", "vercel"},
}


@pytest.fixture
def policy() -> Policy:
    return build_policy(CONFIGURED, DENIED, INFRASTRUCTURE)


@pytest.mark.parametrize("url", CONFIGURED.values())
def test_what_the_configuration_names_is_allowed(policy: Policy, url: str) -> None:
    policy.check_url(url)
    policy.check_url(f"{url.upper()}/path?x=1")


PROVIDER = [
    "https://sendgrid.com",
    "https://api.sendgrid.com/v3/mail/send",
    "https://API.SENDGRID.COM",
    "https://Api.SendGrid.Com./",
    "https://api.sendgrid.com:443",
    "https://api.sendgrid.com:8443",
    "https://a.b.c.sendgrid.net",
    "https://user@api.sendgrid.com",
    "https://user:password@api.sendgrid.com:443/",
    "https://api.github.com@api.sendgrid.com/",
    "https://api.github.com:443@api.sendgrid.com/",
    "https://api.github.com\\@api.sendgrid.com/",
    "https://api%2esendgrid%2ecom",
    "https://%61pi.sendgrid.com",
    "https://api.%73endgrid.com",
    "https://api\u3002sendgrid\u3002com",
    "https://api\uff0esendgrid\uff61com",
    "https://\uff41\uff50\uff49.\uff53\uff45\uff4e\uff44\uff47\uff52\uff49\uff44.com",
    "https://api.\u017fendgrid.com",
    "https://api.send\u00adgrid.com",
    "https://api.send\u200bgrid.com",
    "https://api.xn--sendgrid-.com",
    "https://api.\u24d2\u24de\u24dc@sendgrid.com",
    "http://api.sendgrid.com",
    "wss://api.sendgrid.com",
    "//api.sendgrid.com",
    "api.sendgrid.com",
    " https://api.sendgrid.com",
    "https://api.sendgrid.com\t",
]


@pytest.mark.parametrize("url", PROVIDER)
def test_a_providers_host_is_refused_by_its_cards_name_in_any_spelling(policy: Policy, url: str) -> None:
    with pytest.raises(SafeModeRefusal, match="deny-list as a host of the provider card 'sendgrid'") as caught:
        policy.check_url(url)
    assert "releaseguard events tail --provider sendgrid" in (caught.value.next_step or "")
    assert caught.value.exit_code is ExitCode.REFUSED
    assert "password" not in str(caught.value)


@pytest.mark.parametrize("url", PROVIDER)
def test_a_providers_host_is_refused_even_where_the_configuration_names_it(url: str) -> None:
    if url.lower().startswith(("http://", "https://")):
        with pytest.raises(SafeModeRefusal, match="sendgrid") as caught:
            build_policy({"[app] url": url}, DENIED, {"[app] url": {"supabase"}})
        assert caught.value.where == "[app] url"


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("https://example.com", "allow-list"),
        ("https://api.github.com:8443", "allow-list"),
        ("https://raw.api.github.com", "allow-list"),
        ("https://github.com", "allow-list"),
        ("https://notsendgrid.com", "allow-list"),
        ("https://10.0.0.1", "allow-list"),
        ("https://169.254.169.254/latest", "allow-list"),
        ("http://127.0.0.1:54322", "allow-list"),
        ("http://127.0.0.1", "allow-list"),
        ("http://localhost:54321", "allow-list"),
        ("http://[::1]:54321", "allow-list"),
        ("http://0.0.0.0:54321", "allow-list"),
        ("https://api.openai.com", "'openai'"),
        ("https://openai.com", "'openai'"),
        ("https://other.supabase.co", "'supabase'"),
        ("https://supabase.com", "'supabase'"),
        ("https://x.api.supabase.com", "'supabase'"),
        ("https://api.supabase.com:8443", "'supabase'"),
        ("https://vercel.com", "'vercel'"),
        ("http://api.github.com:443", "loopback"),
        ("https://u@api.github.com", "user name or password"),
        ("ftp://api.github.com", "more than one way"),
        ("https://api.github.com\\.evil.com", "more than one way"),
    ],
)
def test_everything_else_is_refused_with_its_rule(policy: Policy, url: str, rule: str) -> None:
    with pytest.raises(SafeModeRefusal, match=rule):
        policy.check_url(url)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "::ffff:127.0.0.1", "0177.0.0.1"])
def test_another_spelling_of_an_allowed_address_is_the_same_address(policy: Policy, host: str) -> None:
    policy.check_host(host, 54321)
    with pytest.raises(SafeModeRefusal):
        policy.check_host(host, 54322)


def test_infrastructure_is_one_cards_exception_and_not_anothers() -> None:
    with pytest.raises(SafeModeRefusal, match="'vercel'"):
        build_policy({"[supabase] url": "https://api.vercel.com"}, DENIED, INFRASTRUCTURE)
    both = {**DENIED, "theirs": ["api.vercel.com"]}
    with pytest.raises(SafeModeRefusal, match="'theirs'"):
        build_policy({"[vercel] url": "https://api.vercel.com"}, both, INFRASTRUCTURE)


def test_infrastructure_moves_with_the_configured_address() -> None:
    moved = build_policy({"[vercel] url": "https://eu.vercel.com:444"}, DENIED, INFRASTRUCTURE)
    moved.check_url("https://eu.vercel.com:444/v9")
    with pytest.raises(SafeModeRefusal, match="'vercel'"):
        moved.check_url("https://api.vercel.com")
    with pytest.raises(SafeModeRefusal, match="'vercel'"):
        moved.check_url("https://eu.vercel.com")


@pytest.mark.parametrize(
    "url", ["api.vercel.com", "//api.vercel.com", "ftp://api.vercel.com", "https://api.vercel.com:99999"]
)
def test_a_services_own_address_written_wrongly_is_said_to_be_written_wrongly(url: str) -> None:
    with pytest.raises(SafeModeRefusal, match="the address can be read in more than one way or not at all") as refused:
        build_policy({"[vercel] url": url}, DENIED, INFRASTRUCTURE)
    assert refused.value.next_step == "Write it plainly: https://host or https://host:port."
    with pytest.raises(SafeModeRefusal, match="host of the provider card 'vercel'"):
        build_policy({"[github] url": url}, DENIED, INFRASTRUCTURE)


def test_http_beyond_this_machine_is_refused_in_the_configuration() -> None:
    for here in ("http://localhost:1", "http://127.0.0.9:1", "http://[::1]:1", "http://[::ffff:127.0.0.1]:1"):
        build_policy({"[infisical] url": here}, DENIED)
    with pytest.raises(SafeModeRefusal, match="loopback") as caught:
        build_policy({"[infisical] url": "http://infisical.internal"}, DENIED)
    assert caught.value.where == "[infisical] url"


def test_a_proxy_is_allowed_by_its_setting_alone() -> None:
    policy = build_policy(CONFIGURED, DENIED, INFRASTRUCTURE, proxy="http://proxy.corp:3128")
    policy.check_host("proxy.corp", 3128)
    with pytest.raises(SafeModeRefusal):
        policy.check_host("proxy.corp", 80)
    with pytest.raises(SafeModeRefusal, match="sendgrid"):
        build_policy(CONFIGURED, DENIED, INFRASTRUCTURE, proxy="https://api.sendgrid.com")


def test_an_address_is_reached_only_after_an_allowed_name_resolved_to_it(policy: Policy) -> None:
    with pytest.raises(SafeModeRefusal):
        policy.check_host("140.82.121.6", 443)
    policy.record("API.github.com", ["140.82.121.6", "::ffff:140.82.121.7", "fe80::1%2"])
    for address in ("140.82.121.6", "140.82.121.7", "fe80::1"):
        policy.check_host(address, 443)
        with pytest.raises(SafeModeRefusal):
            policy.check_host(address, 80)


def test_what_a_name_that_is_not_allowed_resolves_to_stays_refused(policy: Policy) -> None:
    policy.record("example.com", ["93.184.216.34"])
    with pytest.raises(SafeModeRefusal):
        policy.check_host("93.184.216.34", 443)


def test_the_refusal_says_what_is_allowed_and_by_which_setting(policy: Policy) -> None:
    with pytest.raises(SafeModeRefusal) as caught:
        policy.check_host("example.com", 443)
    assert "example.com:443" in str(caught.value)
    assert "127.0.0.1:54321 ([app] url)" in (caught.value.next_step or "")
    with pytest.raises(SafeModeRefusal) as caught:
        Policy().check_host("example.com")
    assert "Allowed now: none." in (caught.value.next_step or "")


def test_an_event_log_that_is_no_web_address_is_left_to_its_own_check() -> None:
    for url in ("sqlite:///x", "postgresql://u@h/d", "x.db"):
        assert not build_policy({"[events] url": url}, {}).allowed


@pytest.mark.parametrize(
    "url",
    [
        "api.sendgrid.com",
        "//api.sendgrid.com",
        " https://api.sendgrid.com",
        "https:api.sendgrid.com",
        "ftp://api.sendgrid.com",
    ],
)
def test_a_setting_that_is_no_plain_web_address_is_refused_although_nothing_asks_for_it(url: str) -> None:
    with pytest.raises(SafeModeRefusal) as refused:
        build_policy({"[app] url": url}, {"sendgrid": ["sendgrid.com"]})
    assert refused.value.where == "[app] url"
    assert "api.sendgrid.com" in refused.value.what


def test_allowing_the_same_twice_is_allowing_it_once(policy: Policy) -> None:
    before = policy.allowed
    policy.admit("API.GITHUB.COM.", 443, "[github] url")
    assert policy.allowed == before
    assert before[1] == AllowedHost("api.github.com", 443, "[github] url")


@given(st.text(max_size=30), st.integers(0, 65535))
def test_no_text_is_allowed_that_is_not_a_spelling_of_what_is_configured(text: str, port: int) -> None:
    policy = build_policy(CONFIGURED, DENIED, INFRASTRUCTURE)
    with pytest.raises(SafeModeRefusal):
        policy.check_host(f"{text}x", port)
    with pytest.raises(SafeModeRefusal):
        policy.check_url(f"https://{text}x")
