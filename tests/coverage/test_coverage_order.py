"""Adding, renaming and reordering files loses no call, and the work grows with the calls, not with the ways to them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releaseguard.coverage.flow import following, walk
from releaseguard.coverage.judging.around import OUTWARD, WIDEST
from tests.coverage.snippets import HEAD, filled, missing, searched
from tests.support.extent import examples

PROGRAM = {
    "client": "import twilio from 'twilio';\nexport function make() { return twilio('a', 'b'); }\n",
    "lazy": "import { make } from './client';\nlet one;\nexport const load = async () => (one ??= make());\n",
    "barrel": "export * from './lazy';\nexport { make as again } from './client';\n",
    "send": "import { load } from './barrel';\nexport async function send(to) { const c = await load(); await c.messages.create({ to }); }\n",
    "other": "import { again } from './barrel';\nconst c = again();\nexport const call = (to) => c.calls.create({ to });\n",
    "kept": "import { load } from './lazy';\nexport class Kept { async go(to) { this.c = await load(); return this.c.messages.create({ to }); } }\n",
    "circle": "import { round } from './circle2';\nexport const first = () => round();\n",
    "circle2": "import { first } from './circle';\nimport { make } from './client';\nexport const round = () => first() ?? make();\n",
    "starter": "import { first } from './circle';\nexport const start = (to) => first().messages.create({ to });\n",
    "user": "import { round } from './circle2';\nexport const go = (to) => round().messages.create({ to });\n",
}


@settings(max_examples=examples(60))
@given(st.permutations([f"{one}{number}" for number, one in enumerate("abcdefghij")]), st.integers(0, 3))
def test_no_name_of_a_file_hides_a_call(tmp_path_factory, names, more):
    renamed = dict(zip(PROGRAM, names, strict=True))
    files = {f"{renamed[name]}.ts": _imports(code, renamed) for name, code in PROGRAM.items()}
    files |= {f"{letter}x.ts": "export const x = 1;\n" for letter in "amz"[:more]}
    (row,) = searched(tmp_path_factory.mktemp("app"), files).providers
    assert (row.provider, row.calls) == ("twilio", 5)


HANDED_ON = {
    "a client": (
        "import twilio from 'twilio';\nexport function n0() { return twilio('a', 'b'); }\n",
        "import { nBEFORE } from './BEFORE';\nexport function nHERE() { return nBEFORE(); }\n",
        "import { nLAST } from './LAST';\nexport const go = (to) => nLAST().messages.create({ to });\n",
    ),
    "an address": (
        "export const n0 = 'https://api.sendgrid.com';\n",
        "export { nBEFORE as nHERE } from './BEFORE';\n",
        "import { nLAST } from './LAST';\nexport const go = async () => { await fetch(`${nLAST}/v3/mail/send`); };\n",
    ),
    "a request of the app's own": (
        "export const n0 = async (url, body) => fetch(url, { method: 'POST', body });\n",
        "export { nBEFORE as nHERE } from './BEFORE';\n",
        "import { nLAST } from './LAST';\nexport const go = (b) => nLAST('https://api.sendgrid.com/v3/mail/send', b);\n",
    ),
}
"""A file where something begins, one that hands it on, and the one that uses it."""


@pytest.mark.parametrize("between", [1, 4, 9, 20])
@pytest.mark.parametrize("kind", HANDED_ON)
def test_no_number_of_files_in_between_hides_a_call(tmp_path, kind, between):
    first, link, last = HANDED_ON[kind]
    files = {"0.ts": first, "user.ts": last.replace("LAST", str(between))}
    for here in range(1, between + 1):
        files[f"{here}.ts"] = link.replace("BEFORE", str(here - 1)).replace("HERE", str(here))
    assert [row.calls for row in searched(tmp_path, files).providers] == [1]


def _imports(code: str, renamed: dict[str, str]) -> str:
    return re.sub(r"'\./(\w+)'", lambda match: f"'./{renamed[match[1]]}'", code)


@pytest.mark.parametrize("consumer", ["a.ts", "zz.ts"])
def test_a_loader_may_sort_before_or_after_what_uses_it(tmp_path, consumer):
    files = {
        "z.ts": "import twilio from 'twilio';\nexport async function load() { return twilio('a', 'b'); }\n",
        consumer: "import { load } from './z';\nexport async function f(to) { const c = await load(); await c.messages.create({ to }); }\n",
    }
    assert [row.calls for row in searched(tmp_path, files).providers] == [1]


def _layers(width: int, depth: int, top: str) -> str:
    lines = [f"function l0_{n}(m) {{ return {'sgMail.send(m)' if n == 0 else 'l0_0(m)'}; }}" for n in range(width)]
    for layer in range(1, depth):
        calls = " ".join(f"if (m.a{n}) l{layer - 1}_{n}(m);" for n in range(width))
        lines += [f"function l{layer}_{n}(m) {{ {calls} }}" for n in range(width)]
    calls = " ".join(f"await l{depth - 1}_{n}(m);" for n in range(width))
    return (
        HEAD[".ts"] + "\n".join(lines) + filled(f"\nexport async function top(m) {{ {top.replace('CALLS', calls)} }}\n")
    )


def test_layers_of_functions_that_all_call_each_other_are_walked_once_each(tmp_path, monkeypatch):
    walked: list[str] = []
    root = walk.Walk.root
    monkeypatch.setattr(walk.Walk, "root", lambda self, one: (walked.append(one.name), root(self, one))[1])
    report = searched(tmp_path, {"mail.ts": _layers(8, OUTWARD, "try { CALLS } catch (e) { throw e; }")})
    assert missing(report) == [("success", "error")]
    assert len(walked) == len(set(walked)) <= 1


def test_more_callers_than_are_followed_are_not_judged_and_counted(tmp_path):
    code = HEAD[".ts"] + "export const send = (m) => sgMail.send(m);\n"
    code += "".join(
        filled(f"export async function f{n}(m) {{ try {{ await send(m); SENT }} catch (e) {{ FAILED }} }}\n")
        for n in range(WIDEST + 1)
    )
    report = searched(tmp_path, {"mail.ts": code})
    assert [one.rule for one in report.findings if one.file == "mail.ts" and one.rule != "not-tested"] == ["too-wide"]


def test_a_walk_that_is_cut_off_is_not_judged(tmp_path, monkeypatch):
    monkeypatch.setattr(following, "STEPS", 50)
    report = searched(tmp_path, {"mail.ts": _layers(6, 3, "try { CALLS SENT } catch (e) { FAILED }")})
    assert {one.rule for one in report.findings if one.rule != "not-tested"} == {"too-wide"}


def test_recursion_alone_promises_nothing(tmp_path):
    code = (
        HEAD[".ts"] + "async function send(m, n) { await sgMail.send(m); if (n) await other(m, n - 1); }\n"
        "async function other(m, n) { await send(m, n); }\n"
    )
    assert missing(searched(tmp_path, {"mail.ts": code})) == [("success", "error")]


def test_recursion_that_is_entered_where_it_is_logged_is_covered(tmp_path):
    code = (
        HEAD[".ts"]
        + "async function send(m, n) { try { await sgMail.send(m); } catch (e) { if (n) return other(m, n - 1); throw e; } }\n"
        "const other = (m, n) => send(m, n);\n"
        + filled("export async function go(m) { try { await send(m, 3); SENT } catch (e) { FAILED } }\n")
    )
    assert missing(searched(tmp_path, {"mail.ts": code})) == []
