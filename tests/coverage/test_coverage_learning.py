"""How an app logs, learnt from its source."""

from __future__ import annotations

import tomllib

import pytest

from releaseguard.coverage.learning import completed, learnt, log_section
from releaseguard.coverage.run import Asked, search
from releaseguard.coverage.signature import Signature
from tests.coverage.snippets import CARDS
from tests.support.commands import Commands

PANEL = """export type IntegrationStatus = 'success' | 'failure' | 'timeout' | 'degraded';
export interface IntegrationHealthEvent {
  integrationName: string;
  eventType?: 'api_call' | 'webhook';
  status: IntegrationStatus;
  responseTimeMs?: number;
}
export async function logIntegrationEvent(event: IntegrationHealthEvent): Promise<void> {}
"""
LEARNT = Signature(
    "logIntegrationEvent", "integrationName", "status", None, ("success",), ("failure", "timeout", "degraded")
)
CASES = {
    "a type of an object": (
        "export type IntegrationEvent = {\n  integrationName: string;\n  detail?: { status: string; more: { a: 1 } };\n"
        "  status: 'success' | 'failure' | 'timeout' | 'degraded';\n};\n"
        "export async function logIntegrationEvent(event: IntegrationEvent): Promise<void> {}\n",
        LEARNT,
    ),
    "a type that goes on from another": (
        "type E = Base & { integrationName: string; status: 'success' | 'failure' | 'timeout' | 'degraded' };\n"
        "const logIntegrationEvent = async ({ integrationName, status }: E) => {};\n",
        LEARNT,
    ),
    "an object that is written out": (
        "function logIntegrationEvent(event: { integrationName: string; detail?: { a: string };"
        " status: 'success' | 'failure' | 'timeout' | 'degraded' }) {}\n",
        LEARNT,
    ),
    "an object that is taken apart": (
        "function logIntegrationEvent({ integrationName, status }: { integrationName: string;"
        " status: 'success' | 'failure' | 'timeout' | 'degraded' }) {}\n",
        LEARNT,
    ),
    "an object with a type": (PANEL, LEARNT),
    "words in the type itself": (
        "interface E { provider: string; event: string;\n status: 'ok' | 'failed'; }\n"
        "export const trackProviderCall = async (e: E) => {};\n",
        Signature("trackProviderCall", "provider", "status", "event", ("ok",), ("failed",)),
    ),
    "parameters": (
        "export function recordIntegration(service: string, result: 'ok' | 'error') {}\n",
        Signature("recordIntegration", "service", "result", None, ("ok",), ("error",)),
    ),
    "as ours is": ("function logIntegrationEvent(e: { provider: string; outcome: 'success' | 'error' }) {}\n", None),
    "words that are not said": (
        "interface E { provider: string; status: string }\nfunction logIntegration(e: E) {}\n",
        None,
    ),
    "another function": ("function logUser(e: { provider: string; status: 'ok' | 'failed' }) {}\n", None),
    "none": ("export const a = 1;\n", None),
}


@pytest.mark.parametrize("name", CASES)
def test_the_function_is_learnt_from_its_definition(tmp_path, name):
    code, expected = CASES[name]
    (tmp_path / "log.ts").write_text(code)
    assert learnt(tmp_path) == expected


def test_the_type_may_stand_in_another_file(tmp_path):
    kind, _, function = PANEL.partition("export async")
    (tmp_path / "types.ts").write_text(kind)
    (tmp_path / "log.ts").write_text("import type { IntegrationHealthEvent } from './types';\nexport async" + function)
    assert learnt(tmp_path) == LEARNT


def test_a_type_of_the_same_name_in_another_file_is_not_meant(tmp_path):
    (tmp_path / "log.ts").write_text(PANEL)
    (tmp_path / "monitor.ts").write_text("export type IntegrationStatus = 'healthy' | 'warning' | 'unknown';\n")
    assert learnt(tmp_path) == LEARNT
    (tmp_path / "log.ts").write_text(PANEL.partition("export interface")[2].join(["export interface", ""]))
    (tmp_path / "types.ts").write_text(PANEL.partition("export interface")[0])
    assert learnt(tmp_path) is None  # two are called so, and neither is the file's own


def test_python_by_its_parameters(tmp_path):
    code = "def record_provider_call(provider: str, status: Literal['ok', 'failed']) -> None: ...\n"
    (tmp_path / "log.py").write_text(code)
    assert learnt(tmp_path) is None  # a type with a comma in it is not read, and nothing is guessed


def test_two_that_differ_are_not_chosen_between(tmp_path):
    (tmp_path / "a.ts").write_text(PANEL)
    (tmp_path / "b.ts").write_text(PANEL.replace("logIntegrationEvent", "trackIntegration"))
    assert learnt(tmp_path) is None


def test_init_writes_what_coverage_then_reads(tmp_path):
    (tmp_path / "log.ts").write_text(PANEL)
    assert tomllib.loads(log_section(tmp_path))["coverage"]["log"]["error"] == ["failure", "timeout", "degraded"]
    cli = Commands(tmp_path, {})
    assert cli.run("init", "--yes").code == 0
    (tmp_path / "mail.ts").write_text(
        "import m from '@sendgrid/mail';\nimport { logIntegrationEvent } from './log';\n"
        "export async function send(x) {\n  try { await m.send(x); } catch (e) {\n"
        "    logIntegrationEvent({ integrationName: 'sendgrid', status: 'failure' }); throw e;\n  }\n"
        "  logIntegrationEvent({ integrationName: 'sendgrid', status: 'success' });\n}\n"
    )
    rows = cli.run("coverage", ".", "--json", "--no-cache").json["findings"]
    assert [row["rule"] for row in rows] == ["not-tested"]


NEEDED = {
    "words, of which one is a call": ("'health_check' | 'api_call' | 'webhook'", "'api_call'"),
    "words without one": ("'webhook' | 'poll'", "'webhook'"),
    "words by their type's name": ("IntegrationStatus", "'success'"),
    "any text": ("string", "''"),
    "a number": ("number", "0"),
    "a truth value": ("boolean", "false"),
    "nothing": ("string | null", "null"),
    "an object": ("Record<string, unknown>", "{}"),
}


@pytest.mark.parametrize("name", NEEDED)
def test_a_suggested_line_gives_what_the_functions_type_requires(tmp_path, name):
    kind, value = NEEDED[name]
    (tmp_path / "log.ts").write_text(PANEL.replace("eventType?: 'api_call' | 'webhook'", f"eventType: {kind}"))
    (tmp_path / "mail.ts").write_text("import m from '@sendgrid/mail';\nexport const send = (x) => m.send(x);\n")
    found = search(tmp_path, CARDS, asked=Asked(LEARNT)).findings
    assert next(one.fix for one in found if one.rule == "not-logged").splitlines() == [
        f"logIntegrationEvent({{ integrationName: 'sendgrid', status: 'success', eventType: {value} }});",
        f"logIntegrationEvent({{ integrationName: 'sendgrid', status: 'failure', eventType: {value} }});",
    ]


BY_PLACE = {
    "two words": ("service: string, result: 'ok' | 'error'", "note('sendgrid', 'ok');"),
    "one between them": ("service: string, path: string, result: 'ok' | 'error'", "note('sendgrid', '', 'ok');"),
    "one that may be left out between them": (
        "service: string, ms?: number, result?: 'ok' | 'error', more: { a: string } = { a: '' }",
        "note('sendgrid', undefined, 'ok');",
    ),
    "one that is needed after them": (
        "service: string, result: 'ok' | 'error', tries: number",
        "note('sendgrid', 'ok', 0);",
    ),
    "options with a type of their own": (
        "service: string, result: 'ok' | 'error', more?: Options",
        "note('sendgrid', 'ok');",
    ),
}


@pytest.mark.parametrize("name", BY_PLACE)
def test_a_suggested_line_gives_its_values_by_place_where_the_function_takes_them_so(tmp_path, name):
    taken, line = BY_PLACE[name]
    code = f"interface Options {{ service: string; a: string }}\nexport function note({taken}) {{}}\n"
    (tmp_path / "log.ts").write_text(code)
    (tmp_path / "mail.ts").write_text("import m from '@sendgrid/mail';\nexport const send = (x) => m.send(x);\n")
    own = Signature("note", "service", "result", None, ("ok",), ("error",))
    found = next(one.fix for one in search(tmp_path, CARDS, asked=Asked(own)).findings if one.rule == "not-logged")
    assert (found or "").splitlines() == [line, line.replace("'ok'", "'error'")]
    assert not [one for one in _after(tmp_path, found or "", own) if one.rule == "unknown-log"]


def _after(folder, lines, own):
    (folder / "mail.ts").write_text(
        "import m from '@sendgrid/mail';\nimport { note } from './log';\nexport async function send(x) {\n  try {\n"
        f"    await m.send(x);\n    {lines.splitlines()[0]}\n  }} catch (e) {{\n    {lines.splitlines()[1]}\n  }}\n}}\n"
    )
    found = search(folder, CARDS, asked=Asked(own)).findings
    assert "not-logged" not in {one.rule for one in found}
    return found


def test_what_may_be_left_out_is_left_out(tmp_path):
    (tmp_path / "log.ts").write_text(PANEL)
    assert completed(tmp_path, LEARNT).also == {"integrationName": "''", "status": "'success'"}
    own = Signature("track_provider", "service", "status")
    code = "def track_provider(service: str, status: str, kind: str, tries: int = 1, note: str | None = None): ...\n"
    (tmp_path / "log.py").write_text(code)
    (tmp_path / "log.ts").unlink()
    assert completed(tmp_path, own).also == {"service": '""', "status": '""', "kind": '""'}


def test_nothing_is_written_where_nothing_is_learnt(tmp_path):
    assert log_section(tmp_path) == ""
