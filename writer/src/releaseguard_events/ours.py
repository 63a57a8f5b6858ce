"""The names of the events that only releaseguard itself writes: an app's writer refuses them. Values only."""

from __future__ import annotations

from typing import Final

DROPPED: Final = "events_dropped"
"""Written by an app's writer about itself: how many events it lost. It changes no verdict and is never signed."""
SIGNING_BEGAN: Final = "signing_began"
"""From its row on, rows of ours that are not signed are not believed."""

STEPS: Final = frozenset({
    "rotation_lease_taken",
    "rotation_lease_renewed",
    "rotation_lease_released",
    "chain_rows_disowned",
    "rotation_planned",
    "rotation_destinations_skipped",
    "rotation_staged",
    "rotation_waiting_approval",
    "rotation_waiting_console",
    "rotation_console_confirmed",
    "destination_push_started",
    "destination_push_finished",
    "destination_push_failed",
    "rotation_pushed",
    "deployment_requested",
    "deployment_created",
    "deployment_ready",
    "deployment_failed",
    "rotation_deployed",
    "rotation_proven",
    "rotation_unproven",
    "rotation_retired",
    "rotation_rolling_back",
    "rotation_rolled_back",
    "rotation_failed",
    "rotation_aborted",
    "rotation_continued",
    "rotation_stored_in_vault",
    "leak_exposure",
    "leak_reported",
    "leak_withdrawn",
})  # fmt: skip
"""The steps of a rotation's chain; :mod:`releaseguard.rotation.history.events` has their types."""
RESULTS: Final = frozenset({
    "release_deployed",
    "release_verified",
    "release_check",
    "release_outcome",
    "release_accepted",
    "gate_measured",
    "notification_failed",
    "notification_sent",
    "flow_started",
    "flow_step",
    "flow_finished",
    "flow_cleaned",
})  # fmt: skip
"""Marks, decisions and results."""
OUR_EVENTS: Final = STEPS | RESULTS | {DROPPED, SIGNING_BEGAN}
