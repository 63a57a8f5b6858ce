"""Where a log has to stand to count for a call, in programs of many shapes."""

from __future__ import annotations

import pytest

from tests.coverage.snippets import verdict

LOGGED = {
    "try and catch": "export async function f() { try { await sgMail.send({}); SENT } catch (e) { FAILED throw e; } }",
    "catch without a name": "export async function f() { try { await sgMail.send({}); SENT } catch { FAILED } }",
    "promises": "export const f = () => sgMail.send({}).then(() => { SENT }).catch((e) => { FAILED });",
    "then with two": "export const f = () => sgMail.send({}).then((r) => { SENT }, (e) => { FAILED });",
    "answer looked at": "export async function f() { const r = await sgMail.send({}); if (!r.ok) { FAILED return; } SENT }",
    "answer, the other way": "export async function f() { const r = await sgMail.send({}); if (r.ok) { SENT } else { FAILED } }",
    "error taken out": "export async function f() { const { error } = await sgMail.send({}); if (error) { FAILED return; } SENT }",
    "error under another name": "export async function f() { const { error: bad } = await sgMail.send({}); if (bad) { FAILED return; } SENT }",
    "an answer kept as a name": "export async function f() { const r = await sgMail.send({}); const declined = !r.ok; if (declined) { FAILED return; } SENT }",
    "status": "export async function f() { const [r] = await sgMail.send({}); if (r.statusCode >= 400) { FAILED return; } SENT }",
    "tried again until it goes": "export async function f() { for (let n = 0; n < 3; n++) { try { await sgMail.send({}); break; } catch (e) { if (n === 2) { FAILED throw e; } } } SENT }",
    "tried again while it was not sent": "export async function f() { let sent = false; while (!sent) { try { await sgMail.send({}); sent = true; } catch (e) { FAILED } } SENT }",
    "tried again, given up after": "export async function f() { for (const wait of [1, 2]) { try { await sgMail.send({}); SENT return; } catch (e) { await wait; } } FAILED throw new Error('x'); }",
    "swallowed and told by a result": "export async function f() { let r; try { r = await sgMail.send({}); } catch (e) { FAILED } if (r) { SENT } }",
    "swallowed and told by a flag": "export async function f() { let failed = false; try { await sgMail.send({}); } catch (e) { failed = true; FAILED } if (!failed) { SENT } }",
    "a helper that says how it went": "const raw = async () => { try { await sgMail.send({}); return true; } catch (e) { return false; } }; export async function f() { if (await raw()) { SENT } else { FAILED } }",
    "a helper whose answer is left on": "const raw = async () => { try { await sgMail.send({}); return true; } catch (e) { FAILED return false; } }; export async function f() { const sent = await raw(); if (!sent) return; SENT }",
    "status by cases": "export async function f() { const r = await sgMail.send({}); switch (r.status) { case 202: SENT break; default: FAILED } }",
    "one log for both": "export async function f() { const r = await sgMail.send({}); const ok = r.ok; "
    "logIntegrationEvent('sendgrid', ok ? 'sendgrid_email_sent' : 'sendgrid_error', ok ? 'success' : 'error'); }",
    "a throw that is caught": "export async function f() { try { const r = await sgMail.send({}); if (!r.ok) throw new Error('x'); SENT } catch (e) { FAILED } }",
    "in the body of an if": "export async function f(a) { if (a) { try { await sgMail.send({}); SENT } catch (e) { FAILED } } }",
    "short circuits": "export async function f() { const r = await sgMail.send({}); r.ok && SENT_X; !r.ok && FAILED_X; }",
    "a callback": "export function f() { sgMail.send({}, (err, r) => { if (err) { FAILED } else { SENT } }); }",
    "a retry loop": "export async function f() { for (let i = 0; i < 3; i++) { try { await sgMail.send({}); SENT return; } catch (e) { if (i > 1) { FAILED } } } }",
    "an endless retry": "export async function f() { while (true) { try { await sgMail.send({}); break; } catch (e) { FAILED } } SENT }",
    "a flag": "export async function f() { let ok = false; try { await sgMail.send({}); ok = true; } catch (e) {} if (ok) { SENT } else { FAILED } }",
    "finally": "export async function f() { let o = 'error'; try { await sgMail.send({}); o = 'success'; } finally { "
    "logIntegrationEvent({ provider: 'sendgrid', event: o === 'success' ? 'sendgrid_email_sent' : 'sendgrid_error', outcome: o }); } }",
    "helpers": "const fine = () => { SENT }; function bad(e) { FAILED } export async function f() { try { await sgMail.send({}); fine(); } catch (e) { bad(e); } }",
    "one helper told the event": "const track = (event) => logIntegrationEvent('sendgrid', event); "
    "export async function f() { try { await sgMail.send({}); track('sendgrid_email_sent'); } catch (e) { track('sendgrid_error'); } }",
    "a wrapper around": "async function logged(p, e, work) { try { const r = await work(); logIntegrationEvent(p, e, 'success'); return r; } "
    "catch (x) { logIntegrationEvent(p, `${p}_error`, 'error'); throw x; } } "
    "export const f = () => logged('sendgrid', 'sendgrid_email_sent', () => sgMail.send({}));",
    "a wrapper that makes functions": "const logged = (p, e, work) => async (...all) => { try { const r = await work(...all); logIntegrationEvent(p, e, 'success'); return r; } "
    "catch (x) { logIntegrationEvent(p, p + '_error', 'error'); throw x; } }; "
    "export const f = logged('sendgrid', 'sendgrid_email_sent', async () => sgMail.send({}));",
    "the caller": "async function raw() { return sgMail.send({}); } export async function f() { try { await raw(); SENT } catch (e) { FAILED } }",
    "the caller's caller": "const one = () => sgMail.send({}); const two = () => one(); export async function f() { try { await two(); SENT } catch (e) { FAILED } }",
    "the error here, the success in the caller": "async function raw() { try { return await sgMail.send({}); } catch (e) { FAILED throw e; } } export async function f() { await raw(); SENT }",
    "methods": "export class M { async raw() { return sgMail.send({}); } async f() { try { await this.raw(); this.ok(); } catch (e) { FAILED } } ok() { SENT } }",
    "through an unknown function": "import retry from 'p-retry'; export async function f() { try { await retry(() => sgMail.send({}), { retries: 3 }); SENT } catch (e) { FAILED } }",
    "side by side": "export async function f() { try { await Promise.all([sgMail.send({}), other()]); SENT } catch (e) { FAILED } }",
    "by object": "export async function f() { try { await sgMail.send({}); logIntegrationEvent({ provider: 'sendgrid', event: 'sendgrid_email_sent', outcome: 'success' }); } "
    "catch (e) { logIntegrationEvent({ provider: 'sendgrid', event: 'sendgrid_error', outcome: 'error' }); } }",
    "by outcome, the event made at run time": "export async function f(e) { try { await sgMail.send({}); logIntegrationEvent('sendgrid', e, 'success'); } catch (x) { logIntegrationEvent('sendgrid', e, 'error'); } }",
    "at the top of a file": "try { await sgMail.send({}); SENT } catch (e) { FAILED }",
    "a labelled loop": "export async function f() { out: for (const a of b) { try { await sgMail.send(a); SENT continue out; } catch (e) { FAILED break out; } } }",
    "the event alone": "export async function f() { try { await sgMail.send({}); logIntegrationEvent('sendgrid_email_sent', { latency: 1 }); } catch (e) { logIntegrationEvent('sendgrid_error', { code: e }); } }",
    "void and optional": "export async function f() { try { await sgMail.send({}); void logIntegrationEvent?.('sendgrid', 'sendgrid_email_sent', 'success'); } catch (e) { FAILED } }",
    "a worker": "export default { async fetch(request) { try { await sgMail.send({}); SENT } catch (e) { FAILED } return new Response(); } };",
    "taken apart in then": "export const f = () => sgMail.send({}).then(({ data, error }) => { if (error || !data) { FAILED return null; } SENT return data; });",
    "a stream": "export async function f() { try { for await (const one of await sgMail.send({})) { use(one); } SENT } catch (e) { FAILED } }",
    "null checked": "export async function f() { const { data, error } = await sgMail.send({}); if (error !== null) { FAILED return; } SENT }",
    "an async callback of a list": "export const f = (all) => Promise.all(all.map(async (one) => { try { await sgMail.send(one); SENT } catch (e) { FAILED } }));",
    "an immediate function": "(async () => { try { await sgMail.send({}); SENT } catch (e) { FAILED } })();",
    "late work": "export async function f() { try { await sgMail.send({}); EdgeRuntime.waitUntil(Promise.resolve().then(() => { SENT })); } catch (e) { setTimeout(() => { FAILED }, 0); } }",
}  # fmt: skip
LACKING = {
    "nothing": ("export const f = () => sgMail.send({});", "success+error"),
    "in another function": ("export const f = () => sgMail.send({}); export function g() { SENT FAILED }", "success+error"),
    "in another method": ("export class M { f() { return sgMail.send({}); } g() { SENT FAILED } }", "success+error"),
    "a local function that nobody calls": ("export async function f() { const g = () => { SENT FAILED }; await sgMail.send({}); }", "success+error"),
    "after a return": ("export async function f() { try { return await sgMail.send({}); SENT } catch (e) { FAILED } }", "success"),
    "after a throw": ("export async function f() { try { await sgMail.send({}); SENT } catch (e) { throw e; FAILED } }", "error"),
    "after the end of the process": ("export async function f() { try { await sgMail.send({}); SENT } catch (e) { process.exit(1); FAILED } }", "error"),
    "if false": ("export async function f() { try { await sgMail.send({}); if (false) { SENT } } catch (e) { FAILED } }", "success"),
    "while false": ("export async function f() { try { await sgMail.send({}); while (false) { SENT } } catch (e) { FAILED } }", "success"),
    "false and": ("export async function f() { await sgMail.send({}); false && logIntegrationEvent('sendgrid', 'sendgrid_email_sent'); }", "success+error"),
    "after an endless loop": ("export async function f() { try { await sgMail.send({}); for (;;) { wait(); } SENT } catch (e) { FAILED } }", "success"),
    "before the call": ("export async function f() { SENT try { await sgMail.send({}); } catch (e) { FAILED } }", "success"),
    "before the call in a loop": ("export async function f() { for (const a of b) { SENT try { await sgMail.send({}); } catch (e) { FAILED } } }", "success"),
    "in the other branch": ("export async function f(a) { try { if (a) { await sgMail.send({}); } else { SENT } } catch (e) { FAILED } }", "success"),
    "success in the catch": ("export async function f() { try { await sgMail.send({}); } catch (e) { SENT FAILED } }", "success"),
    "success where the answer is bad": ("export async function f() { const r = await sgMail.send({}); if (!r.ok) { SENT FAILED return; } }", "success"),
    "error where all is well": ("export async function f() { await sgMail.send({}); SENT FAILED }", "error"),
    "error where the answer is good": ("export async function f() { const r = await sgMail.send({}); if (r.ok) { SENT FAILED } }", "error"),
    "another try": ("export async function f() { await sgMail.send({}); SENT try { other(); } catch (e) { FAILED } }", "error"),
    "a catch that does not log": ("export async function f() { try { await sgMail.send({}); SENT } catch (e) { console.error(e); } }", "error"),
    "another provider's events": ("export async function f() { try { await sgMail.send({}); logIntegrationEvent('twilio', 'twilio_sms_sent', 'success'); } catch (e) { FAILED } }", "success"),
    "only in a comment": ("export async function f() { await sgMail.send({}); /* SENT FAILED */ }", "success+error"),
    "one of two callers": ("const raw = () => sgMail.send({}); export async function f() { try { await raw(); SENT } catch (e) { FAILED } } export const g = () => raw();", "success+error"),
    "handed on": ("const raw = () => sgMail.send({}); export const jobs = run(raw); export function g() { SENT FAILED }", "success+error"),
    "a helper that does not log": ("const track = (e) => console.log(e); export async function f() { try { await sgMail.send({}); track('sendgrid_email_sent'); } catch (e) { FAILED } }", "success"),
    "a name that looks alike": ("export async function f() { try { await sgMail.send({}); logIntegrationEvents('sendgrid', 'sendgrid_email_sent', 'success'); } catch (e) { FAILED } }", "success"),
    "finally logs success whatever happened": ("export async function f() { try { await sgMail.send({}); } finally { SENT } }", "success+error"),
    "a failure is swallowed before the success": ("export async function f() { try { await sgMail.send({}); } catch (e) { FAILED } SENT }", "success"),
    "a failure of one of many is swallowed": ("export async function f(all) { for (const m of all) { try { await sgMail.send(m); } catch (e) { FAILED } } SENT }", "success"),
    "a refusal is logged and gone on from": ("export async function f() { const r = await fetch('https://api.sendgrid.com/v3'); if (!r.ok) { FAILED } SENT }", "success"),
    "a helper swallows the failure": ("const raw = async () => { try { await sgMail.send({}); } catch (e) { FAILED } }; export async function f() { await raw(); SENT }", "success"),
    "a request nobody waits for": ("export function f() { try { fetch('https://api.sendgrid.com/v3'); SENT } catch (e) { FAILED } }", "success+error"),
    "a handler of another thing": ("export function S() { const load = async () => { await sgMail.send({}); }; useEffect(() => { load(); }, []); return h(A.on('x', () => { SENT FAILED })); }", "success+error"),
    "a listener": ("export async function f() { try { await sgMail.send({}); bus.on('other', () => { SENT }); } catch (e) { FAILED } }", "success"),
    "the function itself": ("export async function f() { await sgMail.send({}); const a = logIntegrationEvent; }", "success+error"),
    "the caller logs before": ("const raw = () => sgMail.send({}); export async function f() { SENT try { await raw(); } catch (e) { FAILED } }", "success"),
    "a return in finally": ("export async function f() { try { await sgMail.send({}); } catch (e) { FAILED } finally { return 1; } SENT }", "success"),
}  # fmt: skip


@pytest.mark.parametrize("name", LOGGED)
def test_both_outcomes_are_logged(tmp_path, name):
    code = LOGGED[name].replace("SENT_X", "logIntegrationEvent('sendgrid', 'sendgrid_email_sent', 'success')")
    code = code.replace("FAILED_X", "logIntegrationEvent('sendgrid', 'sendgrid_error', 'error')")
    assert verdict(tmp_path, code) == "none"


@pytest.mark.parametrize("name", LACKING)
def test_what_does_not_count_as_a_log(tmp_path, name):
    code, lacking = LACKING[name]
    assert verdict(tmp_path, code) == lacking


PYTHON = {
    "try, except": ("def f():\n    try:\n        client.send({})\n        PY_SENT\n    except Exception:\n        PY_FAILED\n        raise\n", "none"),
    "try, except, else": ("def f():\n    try:\n        client.send({})\n    except Exception:\n        PY_FAILED\n    else:\n        PY_SENT\n", "none"),
    "status": ("def f():\n    r = client.send({})\n    if r.status_code != 202:\n        PY_FAILED\n        return\n    PY_SENT\n", "none"),
    "status above": ("def f():\n    r = client.send({})\n    if r.status_code >= 400:\n        PY_FAILED\n    elif r.body:\n        PY_SENT\n", "none"),
    "is None": ("def f():\n    r = client.send({})\n    if r is None:\n        PY_FAILED\n        return\n    PY_SENT\n", "none"),
    "raise_for_status": ("def f():\n    r = client.send({})\n    try:\n        r.raise_for_status()\n        PY_SENT\n    except Exception:\n        PY_FAILED\n", "none"),
    "names": ("def f():\n    try:\n        client.send({})\n        log_integration_event(outcome='success', event='sendgrid_email_sent', provider='sendgrid')\n    except Exception as e:\n        log_integration_event(provider='sendgrid', event='sendgrid_error', outcome='error', error_code=str(e))\n", "none"),
    "another function": ("def f():\n    client.send({})\n\ndef g():\n    PY_SENT\n    PY_FAILED\n", "success+error"),
    "after a raise": ("def f():\n    try:\n        client.send({})\n        PY_SENT\n    except Exception:\n        raise\n        PY_FAILED\n", "error"),
    "after a return": ("def f():\n    try:\n        return client.send({})\n        PY_SENT\n    except Exception:\n        PY_FAILED\n", "success"),
    "in a docstring": ("def f():\n    'PY'\n    client.send({})\n", "success+error"),
    "a context": ("def f():\n    with lock:\n        try:\n            client.send({})\n            PY_SENT\n        except Exception:\n            PY_FAILED\n", "none"),
    "a method of its own": ("class M:\n    def __init__(self):\n        self.mail = SendGridAPIClient('k')\n    def raw(self):\n        return self.mail.send({})\n    def f(self):\n        try:\n            self.raw()\n            PY_SENT\n        except Exception:\n            PY_FAILED\n", "none"),
    "match": ("def f():\n    r = client.send({})\n    match r.status_code:\n        case 202:\n            PY_SENT\n        case _:\n            PY_FAILED\n", "none"),
    "a walrus": ("def f():\n    if (r := client.send({})).ok:\n        PY_SENT\n    else:\n        PY_FAILED\n", "none"),
    "a decorator": ("def logged(work):\n    def inner(*a):\n        try:\n            r = work(*a)\n            PY_SENT\n            return r\n        except Exception:\n            PY_FAILED\n            raise\n    return inner\n\n@logged\ndef f():\n    return client.send({})\n", "none"),
    "if False": ("def f():\n    try:\n        client.send({})\n        if False:\n            PY_SENT\n    except Exception:\n        PY_FAILED\n", "success"),
    "sys.exit": ("import sys\ndef f():\n    try:\n        client.send({})\n        PY_SENT\n    except Exception:\n        sys.exit(1)\n        PY_FAILED\n", "error"),
}  # fmt: skip


@pytest.mark.parametrize("name", PYTHON)
def test_python(tmp_path, name):
    code, lacking = PYTHON[name]
    assert verdict(tmp_path, code, ".py") == lacking
