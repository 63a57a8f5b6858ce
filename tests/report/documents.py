"""Documents of every kind, with a text in each of their fields that a person or a service wrote."""

from __future__ import annotations

from releaseguard.harmless import visible
from releaseguard.report.coverage.document import CoveragePage
from releaseguard.report.findings.document import FindingsPage, FoundRow
from releaseguard.report.incident.document import IncidentPage

NASTY = "<script>alert(1)</script> |x| [a](https://b.example) ``` \x1b[31m \n# heading"
TIME = "2026-11-24T11:40:00.000000Z"
START = "2026-11-24T11:00:00.000000Z"
LATER = "2026-11-24T12:00:00.000000Z"


def labels() -> dict[str, str]:
    keys = [
        *("from_events", "heading_changes", "heading_symptoms", "heading_controls", "heading_actions", "heading_rules"),
        *(
            "heading_open",
            "heading_others",
            "heading_writers",
            "no_changes",
            "not_looked",
            "next",
            "likely_mark",
            "open",
            "run",
        ),
        *("began_here", "title", "as_of", "undone", "heading_course", "chart"),
        *(f"state.{one}" for one in ("down", "degraded", "silent", "healthy", "idle", "unknown")),
        *(f"status.{one}" for one in ("bad", "ok", "unclear", "not_done", "person")),
        *(f"match.{one}" for one in ("yes", "some", "no", "unknown")),
    ]
    return {key: key.replace("_", " ").replace(".", " ") for key in keys}


def change(at="2026-11-24T11:40:00.000000Z", before=0, **more):
    given = {"at": at, "kind": "release", "what": "release r1 was deployed", "where": "", "url": None}
    return {**given, "went_wrong": False, "before_s": before, "likely": False, **more}


def incident_document(text="x", **more):
    return {
        "provider": "mapbox",
        "name": "Mapbox",
        "environment": "production",
        "language": "en",
        "as_of": "2026-11-24T12:00:00.000000Z",
        "window": ["2026-11-24T11:00:00.000000Z", "2026-11-24T12:00:00.000000Z"],
        "headline": f"Mapbox has been down since about 11:40Z: {text}",
        "state": "down",
        "reason": text,
        "began": "2026-11-24T11:40:00.000000Z",
        "began_before_window": False,
        "recovered_since": None,
        "health": {
            "events": 3,
            "successes": 1,
            "errors": 2,
            "error_rate": 0.6667,
            "usual_error_rate": None,
            "expected_events": None,
            "last_success": None,
            "last_error": None,
            "course": [{"successes": 1, "errors": 2}],
            "expected_course": [2.0],
        },
        "compared": {
            "before": {"since": START, "until": TIME, "successes": 0, "errors": 0, "error_rate": None},
            "after": {"since": TIME, "until": LATER, "successes": 1, "errors": 2, "error_rate": 0.6667},
        },
        "writers": [{"release": text, "source": text, "events": 2, "errors": 1, "text": text}],
        "others": [{"provider": text, "state": "down", "since": None, "reason": text}],
        "changes": [change(what=text, where=text, url="https://x.example/1", likely=True)],
        "unread": [text],
        "symptoms": [{"text": text, "match": "yes", "since": None, "evidence": [text]}],
        "controls": [
            {
                "text": text,
                "kind": "function_logs",
                "target": None,
                "status": "bad",
                "finding": [text],
                "lines": [text, "second"],
                "next_step": text,
                "command": "releaseguard rotate mapbox",
                "url": "javascript:alert(1)",
            }
        ],
        "actions": [{"number": 1, "text": text, "command": "releaseguard rotate mapbox"}],
        "rules": [text],
        "open": [{"text": text, "next_step": text}],
        **more,
    }


def incident_page(text="x"):
    return IncidentPage(incident_document(text), labels())


def verdict_document(text="x"):
    return {
        "verdict": "fail",
        "release": text,
        "environment": text,
        "component": None,
        "deployed_at": TIME,
        "live_since": None,
        "record": None,
        "shown_by_this_traffic": [],
        "decides_sooner": [{"check": text, "by": "flow", "words": text}],
        "decisions": {
            "accepted": [{"check": text, "reason": text, "at": TIME, "by": text}],
            "removes": [text],
            "expect_traffic": 2.0,
            "rolls_back": True,
        },
        "remarks": [text],
        "as_of": LATER,
        "summary": text,
        "next_step": text,
        "log": {},
        "checks": [
            {
                "id": text,
                "provider": text,
                "kind": "signal",
                "verdict": verdict,
                "blocking": True,
                "reason": text,
                "evidence": {"codes": [text], text: None, "events": 3, "errors": 1},
            }
            for verdict in ("pass", "warn", "fail", "inconclusive", "error")
        ],
        "skipped": [{"id": text, "provider": text, "kind": "flow", "reason": text}],
    }


def health_document(text="x"):
    leak = {"since": TIME, "reason": text, "next_step": text}
    row = {
        "provider": text,
        "name": text,
        "state": "down",
        "reason": text,
        "since": TIME,
        "events": 3,
        "successes": 1,
        "errors": 2,
        "error_rate": 0.6667,
        "usual_error_rate": 0.01,
        "expected_events": 2.6,
        "latency_ms": {"p50": 12, "p95": 340},
        "last_success": TIME,
        "last_error": LATER,
        "error_codes": [{"code": text, "count": 2}],
        "course": [{"successes": 1, "errors": 2}, {"successes": 0, "errors": 0}],
        "expected_course": [2.0, 4.0],
        "history": [{"hours": 24, "parts": [None, {"successes": 1, "errors": 2}]}],
        "open_leaks": [leak],
        "rotations": [{"rotation_id": text, "state": text, "changed_at": TIME}],
        "due": [{"provider": text, "secret": text, "since": TIME, "age_s": 9000, "max_age_s": 60, "next_step": text}],
    }
    quiet = {**row, "state": "idle", "events": 0, "open_leaks": [], "rotations": [], "due": []}
    recent = {"occurred_at": TIME, "provider": text, "event": text, "outcome": "error", "error_code": text}
    return {
        "environment": text,
        "language": "en",
        "as_of": LATER,
        "window": [TIME, LATER],
        "summary": text,
        "marks": [{"at": TIME, "kind": kind, "what": text} for kind in ("release", "rotation")],
        "recent": [{**recent, "latency_ms": 7, "release": text, "source": text, "synthetic": True}],
        "log": {"down": False, "newest": TIME},
        "set_aside": {"rows": 1, "by_provider": {}, "named": [], "sentence": text},
        "providers": [row, quiet],
        "foreign": [{"event": text, "lane": text, "id": text, "recorded_at": TIME, "problem": text}] * 12,
        "broken": [{"lane": text, "step": 3, "problem": text, "next_step": text}],
    }


def status_document(text="x"):
    release = {"release": text, "component": text, "deployed_at": TIME, "verdict": None, "judged_at": None}
    leak = {"unit": text, "since": TIME, "reason": text, "next_step": text}
    return {
        "environment": text,
        "as_of": LATER,
        "log": {"down": True, "newest": TIME},
        "judged": 1,
        "open_leaks": [leak],
        "still_used": [
            {
                "provider": text,
                "environment": text,
                "rotation_id": text,
                "unit": text,
                "confirmed_at": TIME,
                "successes": 2,
                "last_at": LATER,
                "source": text,
                "next_step": text,
            }
        ],
        "rotations": [
            {
                "rotation_id": text,
                "provider": text,
                "environment": text,
                "secrets": [],
                "state": text,
                "changed_at": TIME,
            }
        ],
        "failing": [{**release, "verdict": "fail", "next_step": text}],
        "unjudged": [{**release, "next_step": text}],
        "troubled": [{"provider": text, "state": "down", "reason": text, "since": TIME}],
        "broken": [{"lane": text, "step": 3, "problem": text, "next_step": text}],
    }


def coverage_page(text="x"):
    finding = {
        "rule": "not-logged",
        "provider": text,
        "file": text,
        "line": 3,
        "column": 7,
        "missing": ["success", "error"],
        "message": text,
        "fix": f"{text}\n{text}",
    }
    document = {
        "ok": False,
        "path": ".",
        "summary": text,
        "findings": [finding, {**finding, "rule": "not-tested"}, {**finding, "rule": "unknown-event"}],
        "unknown": [{**finding, "rule": "not-read", "fix": None}, {**finding, "rule": "unknown-log", "fix": None}],
        "waived": [{"finding": finding, "reason": text}],
        "providers": [
            {
                "provider": text,
                "name": text,
                "calls": 2,
                "covered": 1,
                "waived": 1,
                "tested": False,
                "tests": [],
                "clients": [{"file": text, "line": 5, "calls": 6}],
            }
        ],
        "received": [{"provider": text, "kind": "webhook", "file": text, "line": 4, "logged": False}],
        "seen": {
            "environment": text,
            "release": text,
            "deployed_at": TIME,
            "calls": [
                {
                    "provider": text,
                    "file": text,
                    "line": 3,
                    "source": text,
                    "state": "never",
                    "since_release": 0,
                    "within_30_days": 0,
                    "last": None,
                }
            ],
            "consumers": [{"provider": text, "source": text, "state": "never", "calls": 1, "last": None}],
            "silent_sources": [text],
            "without_source": 2,
        },
        "counts": {"calls": 2, "logged": 1, "not_judged": 2, "waived": 1, "gaps": 3},
        "files": 4,
        "test_files": 1,
    }
    return CoveragePage(document, "app/")


def diagnosis_document(text="x"):
    row = {"id": text, "group": "github", "what": text, "where": text, "fix": text}
    rows = [{**row, "status": status} for status in ("fail", "warn", "ok", "skipped")]
    because = {**row, "status": "skipped", "what": f"{text}: not looked at, because of {text}"}
    return {"ok": False, "checks": [*rows, because]}


def certificate_document(text="x"):
    consumer = {
        "destination": text,
        "component": text,
        "source": text,
        "new_successes": 3,
        "new_since": TIME,
        "new_last": LATER,
        "old_successes": 1,
        "old_last": TIME,
        "unlabelled_successes": 1,
        "unlabelled_last": TIME,
        "failures": 0,
        "refused": 0,
        "seen": True,
        "shows": text,
    }
    return {"as_of": LATER, "since": TIME, "consumers": [consumer], "not_seen": [text], "in_doubt": [text]}


def postmortem_document(text="x"):
    times = {
        "in_use_since": TIME,
        "began_at": TIME,
        "pushed_at": TIME,
        "deployed_at": TIME,
        "proven_at": LATER,
        "revoked_at": None,
        "to_contain_s": 1204,
        "to_revoke_s": None,
    }
    return {
        "title": text,
        "summary": text,
        "rotation": {
            "rotation_id": text,
            "state": "PROVEN",
            "provider": text,
            "environment": text,
            "reason": text,
            "proof": {"grade": "strong", "events": [text], "missing": []},
        },
        "times": times,
        "timeline": [
            {"at": TIME, "what": text, "bad": True, "step": 1},
            {"at": LATER, "what": text, "bad": False, "step": None},
        ],
        "traffic": {
            "window": [START, LATER],
            "course": [{"successes": 1, "errors": 2}, {"successes": 0, "errors": 0}],
            "marks": [{"at": TIME, "kind": "reported", "what": ""}, {"at": TIME, "kind": "release", "what": text}],
            "compared": {
                "before": {"since": START, "until": TIME, "successes": 0, "errors": 0, "error_rate": None},
                "after": {"since": TIME, "until": LATER, "successes": 1, "errors": 2, "error_rate": 0.6667},
            },
        },
        "by": [text],
        "destinations": [{"uri": text, "status": text, "problem": text}],
        "exposure": {"holders": [text], "use": {text: {"success": 1}}},
        "exposure_lines": [text],
        "open": [text],
        "certificate": certificate_document(text),
        "head": text,
        "findings": [text],
    }


def findings_page(text="x"):
    rows = [
        FoundRow(
            rule="behind",
            level=level,
            subject=text,
            place=text,
            reason=text,
            next_step=text,
            file="src/mail.ts" if level == "warning" else None,
            line=3,
        )
        for level in ("error", "warning", "note", "ok")
    ]
    flat = visible(text.replace("\n", " "))
    return FindingsPage(title="drift", document={"findings": [text]}, text=flat, rows=rows, rules={"behind": text})
