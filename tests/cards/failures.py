"""One seeded failure for every check that ships: what goes wrong in the world so that this check alone sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from releaseguard.cards.load import shipped_folder
from releaseguard.model import Event, Outcome
from tests.cards import world
from tests.cards.world import DEPLOYED, RELEASE, USUAL, World

Failure = Callable[[World], World]


def more_errors(provider: str, share: float = 0.12) -> Failure:
    """That share of the calls fails, while people go on using the provider."""
    return more_of(provider, f"{provider}_error", int(USUAL * share / (1 - share)), Outcome.ERROR)


def slower(provider: str) -> Failure:
    """All its calls take four seconds; they are as many and as well as before."""

    def fail(healthy: World) -> World:
        after = (replace(row, latency_ms=4000) if row.provider == provider else row for row in healthy.after)
        return replace(healthy, after=tuple(after))

    return fail


def more_of(provider: str, event: str, count: int, outcome: Outcome = Outcome.SUCCESS) -> Failure:
    """``count`` further events. Each has its user action, so that a failure of AI stays one that blocks nobody."""

    def fail(healthy: World) -> World:
        start = DEPLOYED + timedelta(seconds=1)
        rows = [
            replace(row, id=world.deterministic_id("more", row.id), correlation_id=f"aws_rekognition_error-0-{RELEASE}")
            for row in world.events(provider, event, count, start, RELEASE, outcome)
        ]
        return replace(healthy, after=(*healthy.after, *rows))

    return fail


def fewer_of(provider: str, event: str, kept: float = 0.3) -> Failure:
    """The event goes quiet, and the provider's errors with it: people no longer get that far."""

    def fail(healthy: World) -> World:
        after = healthy.after
        for name in (event, f"{provider}_error"):
            mine = [row for row in after if row.provider == provider and row.event == name]
            lost = set(map(id, mine[round(len(mine) * kept) :]))
            after = tuple(row for row in after if id(row) not in lost)
        return replace(healthy, after=after)

    return fail


def flow_fails(flow: str) -> Failure:
    """The test user's event does not arrive, while real traffic looks well."""
    return lambda healthy: replace(healthy, failed_flows=frozenset({flow}))


def secret_missing(name: str) -> Failure:
    """The secret is gone from a destination; nothing has been deployed since that would need it."""
    return lambda healthy: replace(healthy, missing_secrets=frozenset({name}))


def database(statement: str) -> Failure:
    """A migration leaves the app's tables in a state that no event shows."""
    return lambda healthy: replace(healthy, tables=f"{healthy.tables}\n{statement};")


def changed(provider: str, event: str, change: Callable[[Event], Event]) -> Failure:
    """The events are all there and successful, but written wrongly."""

    def fail(healthy: World) -> World:
        return replace(
            healthy,
            after=tuple(
                change(row) if (row.provider, row.event) == (provider, event) else row for row in healthy.after
            ),
        )

    return fail


def without_release(row: Event) -> Event:
    return replace(row, release=None)


def with_address(row: Event) -> Event:
    return replace(row, detail={**row.detail, "to": "ayse@example.com"})


def blocked(healthy: World) -> World:
    """One failed scan stops its publish."""
    stopped = {row.correlation_id for row in healthy.after if row.event == "aws_rekognition_error"}
    first = min(text for text in stopped if text)
    lost = [row for row in healthy.after if row.event == "moment_published" and row.correlation_id == first]
    return replace(healthy, after=tuple(row for row in healthy.after if row not in lost))


FAILURES: Mapping[str, Failure] = {
    **{f"{path.stem}.latency": slower(path.stem) for path in shipped_folder().glob("*.toml")},
    "supabase.errors": more_errors("supabase"),
    "supabase.volume": fewer_of("supabase", "supabase_rpc_ok"),
    "supabase.discover": flow_fails("supabase.discover"),
    "supabase.secrets": secret_missing("SUPABASE_SERVICE_ROLE_KEY"),
    "mapbox.errors": more_errors("mapbox", 0.2),
    "mapbox.autocomplete": fewer_of("mapbox", "mapbox_geocode_ok"),
    "mapbox.map_render": fewer_of("mapbox", "mapbox_map_rendered"),
    "mapbox.secrets": secret_missing("MAPBOX_ACCESS_TOKEN"),
    "paytr.errors": more_errors("paytr"),
    "paytr.volume": fewer_of("paytr", "paytr_withdraw_initiated"),
    "paytr.withdraw": flow_fails("paytr.withdraw"),
    "paytr.commission_plans": database("update subscription_plans set is_active = false where id = 'premium'"),
    "paytr.wallets": database("update wallets set coins_balance = 71 where user_id = 'u1' and currency = 'TRY'"),
    "paytr.secrets": secret_missing("PAYTR_MERCHANT_SALT"),
    "idenfy.errors": more_errors("idenfy"),
    "idenfy.volume": fewer_of("idenfy", "idenfy_token_issued"),
    "idenfy.webhooks": fewer_of("idenfy", "idenfy_webhook_received"),
    "idenfy.token": flow_fails("idenfy.kyc_token"),
    "idenfy.secrets": secret_missing("IDENFY_API_SECRET"),
    "idenfy.privacy": changed("idenfy", "idenfy_webhook_received", with_address),
    "twilio.errors": more_errors("twilio"),
    "twilio.volume": fewer_of("twilio", "twilio_sms_sent"),
    "twilio.loop": more_of("twilio", "twilio_sms_sent", 12 * USUAL),
    "twilio.send": flow_fails("twilio.sms"),
    "twilio.secrets": secret_missing("TWILIO_ACCOUNT_SID"),
    "twilio.privacy": changed("twilio", "twilio_error", with_address),
    "sendgrid.errors": more_errors("sendgrid"),
    "sendgrid.volume": fewer_of("sendgrid", "sendgrid_email_sent"),
    "sendgrid.loop": more_of("sendgrid", "sendgrid_email_sent", 12 * USUAL),
    "sendgrid.webhooks": fewer_of("sendgrid", "sendgrid_webhook_received"),
    "sendgrid.send": flow_fails("sendgrid.email"),
    "sendgrid.secrets": secret_missing("SENDGRID_API_KEY"),
    "sendgrid.privacy": changed("sendgrid", "sendgrid_email_sent", with_address),
    "sentry.error_rate": more_of("sentry", "sentry_event_captured", 3 * USUAL),
    "sentry.delivery": more_errors("sentry", 0.2),
    "sentry.release_tag": changed("sentry", "sentry_event_captured", without_release),
    "sentry.privacy": changed("sentry", "sentry_event_captured", with_address),
    "sentry.secrets": secret_missing("SENTRY_AUTH_TOKEN"),
    "posthog.volume": fewer_of("posthog", "posthog_event_captured"),
    "posthog.errors": more_errors("posthog"),
    "posthog.release_tag": changed("posthog", "posthog_event_captured", without_release),
    "posthog.privacy": changed("posthog", "posthog_event_captured", with_address),
    "posthog.secrets": secret_missing("POSTHOG_API_KEY"),
    "openai.errors": more_errors("openai"),
    "openai.volume": more_of("openai", "openai_completion_ok", 5 * USUAL),
    "openai.secrets": secret_missing("OPENAI_API_KEY"),
    "openai.privacy": changed("openai", "openai_completion_ok", with_address),
    "anthropic.errors": more_errors("anthropic"),
    "anthropic.volume": more_of("anthropic", "anthropic_completion_ok", 5 * USUAL),
    "anthropic.secrets": secret_missing("ANTHROPIC_API_KEY"),
    "anthropic.privacy": changed("anthropic", "anthropic_error", with_address),
    "revenuecat.errors": more_errors("revenuecat"),
    "revenuecat.purchases": fewer_of("revenuecat", "revenuecat_purchase_ok"),
    "revenuecat.webhooks": fewer_of("revenuecat", "revenuecat_webhook_received"),
    "revenuecat.secrets": secret_missing("REVENUECAT_WEBHOOK_SECRET"),
    "revenuecat.privacy": changed("revenuecat", "revenuecat_purchase_ok", with_address),
    "upstash.errors": more_errors("upstash", 0.2),
    "upstash.volume": fewer_of("upstash", "upstash_command_ok"),
    "upstash.secrets": secret_missing("UPSTASH_REDIS_REST_TOKEN"),
    "mailgun.errors": more_errors("mailgun"),
    "mailgun.volume": fewer_of("mailgun", "mailgun_email_sent"),
    "mailgun.loop": more_of("mailgun", "mailgun_email_sent", 12 * USUAL),
    "mailgun.webhooks": fewer_of("mailgun", "mailgun_webhook_received"),
    "mailgun.secrets": secret_missing("MAILGUN_API_KEY"),
    "mailgun.privacy": changed("mailgun", "mailgun_webhook_received", with_address),
    "mapbox.geocode": flow_fails("mapbox.geocode"),
    "cloudflare.errors": more_errors("cloudflare"),
    "cloudflare.volume": fewer_of("cloudflare", "cloudflare_request_ok"),
    "cloudflare.secrets": secret_missing("CLOUDFLARE_API_TOKEN"),
    "vercel.errors": more_errors("vercel", 0.2),
    "vercel.secrets": secret_missing("VERCEL_TOKEN"),
    "expo_push.errors": more_errors("expo_push"),
    "expo_push.volume": fewer_of("expo_push", "expo_push_sent"),
    "expo_push.secrets": secret_missing("EXPO_ACCESS_TOKEN"),
    "apple_push.errors": more_errors("apple_push"),
    "apple_push.volume": fewer_of("apple_push", "apple_push_sent"),
    "google_push.errors": more_errors("google_push"),
    "google_push.volume": fewer_of("google_push", "google_push_sent"),
    "aws_rekognition.non_blocking": blocked,
    "aws_rekognition.errors": more_errors("aws_rekognition", 0.2),
    "aws_rekognition.volume": fewer_of("aws_rekognition", "aws_rekognition_scan_ok", 0.45),
    "aws_rekognition.flag_rate": more_of("aws_rekognition", "aws_rekognition_flag_created", 40),
    "aws_rekognition.false_positives": more_of("aws_rekognition", "aws_rekognition_flag_overturned", 6),
    "aws_rekognition.secrets": secret_missing("AWS_SECRET_ACCESS_KEY"),
}
