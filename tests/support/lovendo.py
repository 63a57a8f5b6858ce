"""The table of events that an app has already, and the configuration by which it is read: constants, words, JSON."""

from __future__ import annotations

COLUMNS = """
    id {id}, integration_name text NOT NULL, event_type text NOT NULL DEFAULT 'health_check', status text NOT NULL,
    response_time_ms int, status_code int, error_code text, error_message text, endpoint text, method text,
    created_at {time}, metadata {json}"""

TABLE = "integration_health_events"


def create(kind: str, *, id_: str | None = None, time: str | None = None) -> str:
    """The statement that makes the table; ``id_`` and ``time``: of another type than usual."""
    sqlite = kind == "sqlite"
    usual_id = "text PRIMARY KEY" if sqlite else "uuid PRIMARY KEY DEFAULT gen_random_uuid()"
    usual_time = "text" if sqlite else "timestamptz DEFAULT now()"
    json = "text DEFAULT '{}'" if sqlite else "jsonb DEFAULT '{}'"
    return f"CREATE TABLE {TABLE} ({COLUMNS.format(id=id_ or usual_id, time=time or usual_time, json=json)})"


CONFIGURATION = """\
[events]
table = "integration_health_events"
results_table = "releaseguard_events"

[events.columns]
occurred_at = "created_at"
recorded_at = false
provider = { column = "integration_name", values = { expo = "expo_push" } }
event = "metadata.event"
outcome = [{ column = "status_code", values = { 401 = "error", 403 = "error" }, others = false }, \
{ column = "status", values = { success = "success", degraded = "success", failure = "error", timeout = "error" } }]
error_code = ["error_code", "status_code"]
latency_ms = "response_time_ms"
environment = { constant = "production" }
release = "metadata.release"
source = "metadata.source"
correlation_id = "metadata.correlation_id"
synthetic = "metadata.synthetic"
detail = "metadata"

[events.names]
mapbox = [{ event = "mapbox_map_rendered", outcome = "success", when = { endpoint = "*/styles/*" } }]
"*" = [
  { event = "{provider}_health_check", outcome = "success", when = { event_type = "health_check" } },
  { event = "{provider}_webhook_received", outcome = "success", when = { event_type = "webhook" } },
]
"""
