"""Where one judgement ends and the next begins: what is a look, a request, a ping, a minute after the release."""

from __future__ import annotations

import pytest

from releaseguard.coverage.program import names
from releaseguard.coverage.sites.addresses import known_elsewhere
from tests.coverage.snippets import FAILED, SENT, missing, searched

MAIL = "https://api.sendgrid.com/v3/mail/send"
LOG = "import { logIntegrationEvent } from './log';\n"


def rules(report) -> list[str]:
    return [one.rule for one in report.findings if one.rule != "not-tested"]


@pytest.mark.parametrize(
    ("look", "lacking"),
    [
        ("r.ok", []),
        ("r.status < 300", []),
        ("r.status <= 299", []),
        ("r.status < 400", []),
        ("r.status === 202", []),
        ("r.status !== 401", []),
        ("r && r.ok", []),
        ("r && r.status !== 500 && r.status < 300", []),
        ("r.status < 500", [("success",)]),
        ("r.status >= 200 && r.status < 300", []),
        ("r.status < 200", [("success",)]),
        ("r.status >= 200", [("success",)]),
        ("r.status > 0", [("success",)]),
        ("r.status !== 500", [("success",)]),
        ("r", [("success",)]),
    ],
)
def test_a_look_at_a_status_counts_where_a_refusal_does_not_pass_it(tmp_path, look, lacking):
    code = f"""{LOG}export async function send() {{
  try {{
    const r = await fetch('{MAIL}', {{ method: 'POST' }});
    if ({look}) {{ {SENT} }} else {{ {FAILED} }}
  }} catch (error) {{ {FAILED} }}
}}
"""
    assert missing(searched(tmp_path, {"mail.ts": code})) == lacking


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("window.fetch(u);", ["unknown-address"]),
        ("axios.get(u);", ["unknown-address"]),
        ("navigator.sendBeacon(u);", ["unknown-address"]),
        ("window.open(u);", []),
        ("window.get(u);", []),
        ("navigator.share(u);", []),
        ("player.fetch(u);", []),
        ("loader.sendBeacon(u);", []),
    ],
)
def test_what_a_global_sends_is_a_request_and_what_it_does_else_is_none(tmp_path, code, found):
    head = "import axios from 'axios';\n" if "axios" in code else ""
    assert rules(searched(tmp_path, {"a.ts": f"{head}export const f = (u) => {{ {code} }};\n"})) == found


@pytest.mark.parametrize("name", ["trim", "format", "replace"])
def test_a_function_that_is_called_as_a_texts_method_is_followed(tmp_path, name):
    code = f"const {name} = (path) => `https://api.sendgrid.com${{path}}`;\nfetch({name}('/v3/mail/send'));\n"
    assert [row.provider for row in searched(tmp_path, {"a.ts": code}).providers] == ["sendgrid"]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (f"const r = await fetch('{MAIL}'); return r.ok ? 'healthy' : 'down';", ["status-ping"]),
        (f"return (await fetch('{MAIL}')).status;", ["status-ping"]),
        (f"await fetch('{MAIL}', {{ method: 'HEAD' }}); return 'healthy';", ["status-ping"]),
        (f"const r = await fetch('{MAIL}'); return r.ok && r.json();", ["not-logged"]),
        (f"return (await fetch('{MAIL}')).json();", ["not-logged"]),
        (f"note('a'); const r = await fetch('{MAIL}'); return await r.json();", ["not-logged"]),
        (f"note('a'); await fetch('{MAIL}'); return 'healthy';", ["status-ping"]),
        (f"await fetch('{MAIL}', {{ method: 'POST' }});", ["not-logged"]),
        (f"const r = await fetch('{MAIL}', {{ body: '{{}}' }}); return r.ok;", ["not-logged"]),
    ],
)
def test_a_request_whose_state_alone_is_read_is_a_ping_and_no_other(tmp_path, body, found):
    report = searched(tmp_path, {"a.ts": f"export async function checkSendgrid() {{ {body} }}\n"})
    assert rules(report) == found


def test_a_success_that_a_refused_key_passes_is_told_as_that_and_one_that_is_not_there_is_not(tmp_path):
    blind = f"{LOG}export async function send() {{ await fetch('{MAIL}', {{ method: 'POST' }}); {SENT} }}\n"
    without = f"export async function send() {{ await fetch('{MAIL}', {{ method: 'POST' }}); }}\n"
    told = [searched(tmp_path / name, {"a.ts": code}).findings for name, code in (("a", blind), ("b", without))]
    assert ["which a refused key passes too" in " ".join(one.message for one in found) for found in told] == [
        True,
        False,
    ]


def test_an_address_and_a_client_that_are_not_known_are_told_apart(tmp_path):
    code = "export const f = (u) => fetch(u);\nexport const g = (c) => c.storage.from('a').upload('b', c);\n"
    told = [
        (one.rule, one.message.partition(",")[0].partition(":")[0])
        for one in searched(tmp_path, {"a.ts": code}).unknown
    ]
    assert told == [
        ("unknown-address", "The address of this request is known at run time only"),
        ("unknown-client", "This looks like a call of Supabase"),
    ]


@pytest.mark.parametrize(
    ("address", "known"),
    [("https://a.example/v1", True), ("https://\0/v1", False), ("https://\0.example", False), ("/v1", False)],
)
def test_a_host_is_known_where_all_of_it_is(address: str, known: bool):
    assert known_elsewhere({address.replace("\0", names.HOLE)}) is known


@pytest.mark.parametrize("appended", [1, 14, 40])
@pytest.mark.parametrize(
    ("begin", "grow", "send"),
    [
        ("let u = '{mail}';", "if (q.a{n}) u = `${{u}}&a{n}=${{q.a{n}}}`;", "axios.post(u, q);"),
        ("let u = '{mail}';", "if (q.a{n}) u += '&a{n}=' + q.a{n};", "axios.post(u, q);"),
        ("const o = {{ url: '{mail}' }};", "if (q.a{n}) o.url = `${{o.url}}&a{n}`;", "axios.post(o.url, q);"),
        ("let u = '{mail}'; let v = '';", "if (q.a{n}) u = `${{u}}${{v}}`; else v = `${{v}}{n}`;", "axios.post(u, q);"),
    ],
)
def test_an_address_to_which_parameters_are_appended_one_by_one_is_known(tmp_path, begin, grow, send, appended):
    lines = [begin.format(mail=MAIL), *(grow.format(n=n) for n in range(appended)), send]
    code = "import axios from 'axios';\nexport async function send(q) {\n" + "\n".join(lines) + "\n}\n"
    assert [row.provider for row in searched(tmp_path, {"mail.ts": code}).providers] == ["sendgrid"]


def test_texts_that_are_each_made_of_all_the_others_are_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(names, "LONGEST", 200)
    every = [f"v{number}" for number in range(9)]
    made = "".join(f"{one} = `${{{other}}}/{other}`;\n" for one in every for other in every)
    code = f"let {', '.join(every)};\n{made}export const f = () => fetch(v3);\n"
    assert rules(searched(tmp_path, {"a.ts": code})) == ["unknown-address"]


def test_who_reads_a_state_under_no_such_name_uses_the_provider(tmp_path):
    code = f"export async function send() {{ const r = await fetch('{MAIL}'); return r.ok; }}\n"
    assert rules(searched(tmp_path, {"a.ts": code})) == ["not-logged"]


TWO = """import sgMail from '@sendgrid/mail';
import { logIntegrationEvent } from './log';
export async function send(to) {
  try { await sgMail.send({ to }); DONE } catch (error) { BAD }
}
"""


@pytest.mark.parametrize(
    ("done", "bad", "told"),
    [("TWILIO", "", True), ("", "TWILIO", True), ("", "", False)],
    ids=["after it", "where it fails", "nowhere"],
)
def test_a_log_of_another_provider_in_its_place_is_told(tmp_path, done, bad, told):
    other = "logIntegrationEvent('twilio', 'twilio_error', 'error');"
    code = TWO.replace("DONE", done).replace("BAD", bad).replace("TWILIO", other)
    (found,) = [one for one in searched(tmp_path, {"a.ts": code}).findings if one.rule == "not-logged"]
    assert ("what is logged here is of twilio" in found.message) == told


@pytest.mark.parametrize(("key", "received"), [("beforeSend", True), ("beforeSend2", False), ("integrations", False)])
def test_a_capturing_library_is_covered_by_the_hook_that_it_gives_each_event(tmp_path, key, received):
    code = f"""import * as Sentry from '@sentry/node';
{LOG}Sentry.init({{ dsn: 'x', {key}: (event) => {{
  logIntegrationEvent('sentry', 'sentry_event_captured', 'success');
  return event;
}} }});
"""
    assert ("not-received" in rules(searched(tmp_path, {"a.ts": code}))) == (not received)


REACT = "import OpenAI from 'openai';\nimport { useMemo, useRef, useState } from 'react';\n"
R2 = "https://account.r2.cloudflarestorage.com"


@pytest.mark.parametrize(
    "made",
    [
        "const c = useMemo(() => new OpenAI(), []);",
        "const [c] = useState(() => new OpenAI());",
        "const [c] = useState(new OpenAI());",
        "const { current: c } = useRef(new OpenAI());",
    ],
)
def test_a_client_that_a_hook_holds_is_followed(tmp_path, made):
    code = f"{REACT}export function C() {{ {made} c.chat.completions.create({{}}); }}\n"
    assert [(row.provider, row.calls) for row in searched(tmp_path, {"a.tsx": code}).providers] == [("openai", 1)]


@pytest.mark.parametrize(
    ("name", "code", "calls"),
    [
        ("a.py", f"import boto3\ns = boto3.client('s3', endpoint_url='{R2}')\ns.put_object(Bucket='a')\n", 1),
        ("a.py", f"import boto3\ns = boto3.client('s3', endpoint_url='{R2}')\np = s.get_paginator('x')\n", 0),
        ("a.py", "import boto3\ns = boto3.client('s3')\ns.put_object(Bucket='a')\n", 0),
        (
            "a.ts",
            "import { S3Client, PutObjectCommand } from '@aws-sdk/client-s3';\n"
            f"const s = new S3Client({{ endpoint: '{R2}' }});\ns.send(new PutObjectCommand({{}}));\ns.destroy();\n",
            1,
        ),
    ],
)
def test_a_store_that_speaks_s3_is_whose_its_address_is(tmp_path, name, code, calls):
    rows = searched(tmp_path, {name: code}).providers
    assert [(row.provider, row.calls) for row in rows] == ([("cloudflare", calls)] if calls else [])


def test_an_unknown_provider_is_told_under_the_one_that_was_probably_meant(tmp_path):
    code = f"{LOG}logIntegrationEvent('sendgird', 'x', 'success');\nlogIntegrationEvent('zzqqxx', 'x', 'success');\n"
    found = [(one.rule, one.provider) for one in searched(tmp_path, {"a.ts": code}).findings]
    assert found == [("unknown-provider", "sendgrid"), ("unknown-provider", None)]
