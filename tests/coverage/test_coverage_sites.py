"""What counts as a call of a provider, and what does not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.coverage.snippets import missing, searched
from tests.support.extent import examples

CALLS = {
    "default import": ("a.ts", "import m from '@sendgrid/mail'; m.send({});"),
    "namespace": ("a.ts", "import * as m from '@sendgrid/mail'; m.send({});"),
    "default of a namespace": ("a.ts", "import * as m from '@sendgrid/mail'; m.default.send({});"),
    "named": ("a.ts", "import { send as s } from '@sendgrid/mail'; s({});"),
    "require": ("a.js", "const m = require('@sendgrid/mail'); m.send({});"),
    "require taken apart": ("a.cjs", "const { send } = require('@sendgrid/mail'); send({});"),
    "dynamic import": ("a.mjs", "const m = await import('@sendgrid/mail'); await m.default.send({});"),
    "npm specifier": ("a.ts", "import m from 'npm:@sendgrid/mail@8.1.0'; m.send({});"),
    "esm.sh": ("a.ts", "import m from 'https://esm.sh/@sendgrid/mail@8?target=deno'; m.send({});"),
    "a new service": ("a.ts", "import { MailService } from '@sendgrid/mail'; const m = new MailService(); m.send({});"),
    "an alias": ("a.ts", "import m from '@sendgrid/mail'; const mail = m; const again = mail; again.send({});"),
    "a typed parameter": ("a.ts", "import { MailService } from '@sendgrid/mail'; export const f = (m: MailService) => m.send({});"),
    "fetch": ("a.ts", "fetch('https://api.sendgrid.com/v3/mail/send');"),
    "fetch with a template": ("a.ts", "const v = 3; fetch(`https://api.eu.sendgrid.com/v${v}/mail`);"),
    "upper case and a port": ("a.ts", "fetch('HTTPS://API.SendGrid.com:443/v3');"),
    "a URL": ("a.ts", "const u = new URL('/v3', 'https://api.sendgrid.com'); fetch(u.toString());"),
    "a Request": ("a.ts", "fetch(new Request('https://api.sendgrid.com/v3'));"),
    "a constant of an object": ("a.ts", "const U = { mail: 'https://api.sendgrid.com' } as const; fetch(U.mail + '/v3');"),
    "an enum": ("a.ts", "enum U { Mail = 'https://api.sendgrid.com' } fetch(`${U.Mail}/v3`);"),
    "an environment with a default": ("a.ts", "fetch((process.env.URL ?? 'https://api.sendgrid.com') + '/v3');"),
    "axios": ("a.ts", "import axios from 'axios'; axios.post('https://api.sendgrid.com/v3', {});"),
    "axios by object": ("a.ts", "import axios from 'axios'; axios({ url: 'https://api.sendgrid.com/v3', method: 'post' });"),
    "axios with a base": ("a.ts", "import axios from 'axios'; const a = axios.create({ baseURL: 'https://api.sendgrid.com' }); a.post('/v3', {});"),
    "node's https": ("a.ts", "import https from 'node:https'; https.request({ hostname: 'api.sendgrid.com', path: '/v3' });"),
    "a wrapper of fetch": ("a.ts", "const get = (path: string) => fetch(path); get('https://api.sendgrid.com/v3');"),
    "a wrapper that adds the base": ("a.ts", "const get = (path: string) => fetch(`https://api.sendgrid.com${path}`); get('/v3');"),
    "JSX": ("a.tsx", "import m from '@sendgrid/mail'; export const B = () => <Button onPress={() => m.send({})} />;"),
    "a field of a class": ("a.ts", "import m from '@sendgrid/mail'; class M { mail = m; f() { return this.mail.send({}); } }"),
    "a client that a function makes": ("a.ts", "import { MailService } from '@sendgrid/mail'; const c = () => new MailService(); c().send({});"),
    "requests": ("a.py", "import requests\nrequests.post('https://api.sendgrid.com/v3')\n"),
    "requests by method": ("a.py", "import requests\nrequests.request('POST', 'https://api.sendgrid.com/v3')\n"),
    "a session": ("a.py", "import requests as r\ns = r.Session()\ns.post(url='https://api.sendgrid.com/v3')\n"),
    "an f-string": ("a.py", "import httpx\nB = 'https://api.sendgrid.com'\nhttpx.post(f'{B}/v{3}')\n"),
    "a session without a type": ("a.py", "def f(session):\n    session.post('https://api.sendgrid.com/v3')\n"),
    "an unknown package's fetch": ("a.ts", "import { fetchJson } from 'x'; fetchJson('https://api.sendgrid.com/v3');"),
    "urllib": ("a.py", "import urllib.request\nurllib.request.urlopen('https://api.sendgrid.com')\n"),
    "a base of httpx": ("a.py", "import httpx\nasync def f():\n    async with httpx.AsyncClient(base_url='https://api.sendgrid.com') as c:\n        await c.post('/v3')\n"),
    "python's package": ("a.py", "import sendgrid\nsg = sendgrid.SendGridAPIClient('k')\nsg.client.mail.send.post(request_body={})\n"),
    "python, from": ("a.py", "from sendgrid import SendGridAPIClient as C\nC('k').send({})\n"),
}  # fmt: skip
NO_CALLS = {
    "set up": ("a.ts", "import m from '@sendgrid/mail'; m.setApiKey('k');"),
    "a text": ("a.ts", "const link = 'https://api.sendgrid.com/v3'; console.log(link);"),
    "a host that only looks alike": ("a.ts", "fetch('https://api.sendgrid.com.evil.example/'); fetch('https://notsendgrid.com/');"),
    "userinfo": ("a.ts", "fetch('https://api.sendgrid.com@example.com/');"),
    "a host in the path": ("a.ts", "fetch('https://example.com/api.sendgrid.com');"),
    "another package's send": ("a.ts", "import m from '@other/mail'; m.send({});"),
    "a local send": ("a.ts", "const m = { send: (x) => x }; m.send({});"),
    "a comment": ("a.ts", "// fetch('https://api.sendgrid.com')\n/* sgMail.send({}) */\n"),
    "a type alone": ("a.ts", "import type { MailDataRequired } from '@sendgrid/mail'; export type A = MailDataRequired;"),
    "installed": ("node_modules/a/a.js", "fetch('https://api.sendgrid.com');"),
    "built": ("dist/a.js", "fetch('https://api.sendgrid.com');"),
    "declared": ("a.d.ts", "declare const a: 'https://api.sendgrid.com';"),
    "minified": ("a.min.js", "fetch('https://api.sendgrid.com');"),
    "a test": ("a.test.ts", "it('x', () => fetch('https://api.sendgrid.com'));"),
    "the log itself": ("a.ts", "export function logIntegrationEvent(e) { fetch('https://api.sendgrid.com'); }"),
    "a package's name as a text": ("a.ts", "label('@sendgrid/mail').send({});"),
    "a module whose name is not known": ("a.ts", "import '@sendgrid/mail'; const m = await import(name); m.send({});"),
    "boto3 for something else": ("a.py", "import boto3\nboto3.client('s3').put_object(Bucket='b')\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_this_is_a_call(tmp_path, name):
    file, code = CALLS[name]
    report = searched(tmp_path, {file: code})
    assert [(row.provider, row.calls) for row in report.providers] == [("sendgrid", 1)]


@pytest.mark.parametrize("name", NO_CALLS)
def test_this_is_no_call(tmp_path, name):
    file, code = NO_CALLS[name]
    assert searched(tmp_path, {file: code}).providers == []


def test_a_constant_of_another_file_is_followed(tmp_path):
    files = {
        "lib/hosts.ts": "export const MAIL = 'https://api.sendgrid.com';\n",
        "lib/index.ts": "export * from './hosts';\n",
        "tsconfig.json": '{ "compilerOptions": { "paths": { "#/*": ["lib/*"] } } } // ours',
        "a.ts": "import { MAIL } from '#/index'; fetch(`${MAIL}/v3`);",
        "b.ts": "import { MAIL as M } from './lib'; fetch(M);",
    }
    assert [row.calls for row in searched(tmp_path, files).providers] == [2]


def test_a_python_constant_of_another_file_is_followed(tmp_path):
    files = {
        "app/settings.py": "MAIL = 'https://api.sendgrid.com'\n",
        "app/mail.py": "import httpx\nfrom app import settings\nfrom app.settings import MAIL as m\nhttpx.get(m)\n"
        "httpx.get(settings.MAIL + '/v3')\n",
    }
    assert [row.calls for row in searched(tmp_path, files).providers] == [2]


def test_an_address_made_at_run_time_is_told_and_fails_nothing(tmp_path):
    report = searched(tmp_path, {"a.ts": "export const f = (host) => fetch(`https://${host}/v3`);"})
    assert [one.rule for one in report.findings] == ["unknown-address"]
    assert report.gaps == []


def test_an_address_that_several_callers_leave_unknown_is_told_once_at_the_request(tmp_path):
    files = {
        "src/client.ts": "const BASE = process.env.API;\nexport const ask = (path: string) =>\n  fetch(`${BASE}${path}`);\n"
        "export const mail = () => ask('/mail');\nexport const user = (id: string) => ask(`/users/${id}`);\n",
        "src/page.ts": "import { ask } from './client';\nexport const page = () => ask('/page');\n",
    }
    (told,) = searched(tmp_path, files).unknown
    assert (told.file, told.line, told.rule) == ("src/client.ts", 3, "unknown-address")
    assert "3 calls lead here (the first at src/client.ts:4)" in told.message


def test_an_address_that_one_caller_leaves_unknown_is_told_at_that_caller(tmp_path):
    code = "const ask = (u) => fetch(u);\nask('/own');\nask('https://api.sendgrid.com/v3');\nask(process.env.API);\n"
    assert [one.line for one in searched(tmp_path, {"a.ts": code}).unknown] == [4]


def test_rows_fetched_from_a_database_are_no_requests(tmp_path):
    code = "import sqlite3\nc = sqlite3.connect('x').execute('select 1')\nc.fetchone()\nc.fetchmany(5)\n"
    assert searched(tmp_path, {"a.py": code}).findings == []


@pytest.mark.parametrize(
    "address",
    [
        "user && `/api/send?of=${user}`",
        "user && team && '/api/send'",
        "user ? '/api/send' : null",
        "user ? '/api/send' : undefined",
        "(user || undefined) && '/api/send'",
    ],
)
def test_what_an_address_may_be_is_not_what_it_depends_on(tmp_path, address):
    hook = "export const read = (url) => fetch(url);\n"
    code = f"import {{ read }} from './read';\nuseSWR({address}, read);\nread({address});\n"
    assert searched(tmp_path, {"read.ts": hook, "a.ts": code}).findings == []


def test_an_address_that_is_nothing_or_unknown_is_still_told(tmp_path):
    code = "const f = (a, host) => { fetch(a ? null : undefined); fetch(a && host); fetch(a || host); };"
    assert [one.rule for one in searched(tmp_path, {"a.ts": code}).findings] == ["unknown-address"] * 3


def test_options_that_are_unknown_make_no_address_unknown(tmp_path):
    code = "export const a = (o) => fetch('https://example.com/x', o);\nexport const b = (o) => fetch('/api/x', o);\n"
    assert searched(tmp_path, {"a.ts": code}).findings == []


def test_an_address_whose_host_is_set_to_an_unknown_one_is_told(tmp_path):
    code = "export const f = (u) => {\n  const to = new URL(u);\n  to.host = process.env.H;\n  return fetch(to);\n};\n"
    assert [one.line for one in searched(tmp_path, {"a.ts": code}).findings] == [4]


def test_the_apps_own_address_is_no_unknown_one(tmp_path):
    assert searched(tmp_path, {"a.ts": "fetch('/api/send'); fetch('https://example.com/' + x);"}).findings == []


NAMES = st.from_regex(r"[a-z]{1,8}_x", fullmatch=True)


@settings(max_examples=examples(30))
@given(NAMES, NAMES, st.sampled_from(["\n", "\n\n  ", " /* between */ ", "\t"]), st.booleans())
def test_names_and_layout_change_nothing(tmp_path_factory, mail, function, space, logs):
    log = "logIntegrationEvent('sendgrid', 'sendgrid_error', 'error');" if logs else ""
    parts = [
        f"import {mail} from '@sendgrid/mail';", f"export async function {function}_f() {{", "try {",
        f"await {mail}", f".send({{ to: '{function}' }});", "} catch (failed) {", log, "}", "}",
    ]  # fmt: skip
    report = searched(tmp_path_factory.mktemp("app"), {"a.ts": space.join(parts)})
    assert missing(report) == [("success",) if logs else ("success", "error")]


def test_a_button_that_logs_does_not_cover_what_the_screen_does_before(tmp_path):
    code = (
        "import m from '@sendgrid/mail';\nimport { logIntegrationEvent } from './log';\n"
        "export function Screen() {\n  const load = async () => { await m.send({}); };\n"
        "  useEffect(() => { load(); }, []);\n"
        "  return <Button onPress={() => logIntegrationEvent('sendgrid', 'sendgrid_email_sent', 'success')} />;\n}\n"
    )
    assert missing(searched(tmp_path, {"a.tsx": code})) == [("success", "error")]


def test_a_call_in_a_buttons_own_handler_is_covered_there(tmp_path):
    code = (
        "import m from '@sendgrid/mail';\nimport { logIntegrationEvent } from './log';\n"
        "export const B = () => <Button onPress={async () => { try { await m.send({});\n"
        "logIntegrationEvent('sendgrid', 'sendgrid_email_sent', 'success'); } catch (e) {\n"
        "logIntegrationEvent('sendgrid', 'sendgrid_error', 'error'); } }} />;\n"
    )
    assert missing(searched(tmp_path, {"a.tsx": code})) == []
