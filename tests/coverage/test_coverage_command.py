"""The command: exit codes, formats, what cannot be read, waivers."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from releaseguard.report.coverage.fingerprints import line_fingerprints
from releaseguard.report.layout.sarif import sarif_run
from tests.coverage.snippets import HEAD, filled, searched
from tests.support.commands import Commands

GOOD = HEAD[".ts"] + filled("export async function f() { try { await sgMail.send({}); SENT } catch (e) { FAILED } }\n")
BAD = HEAD[".ts"] + "export const f = () => sgMail.send({});\n"
TEST = "import { f } from './mail';\nit('sends', () => f());\n"


@pytest.fixture
def cli(tmp_path: Path) -> Commands:
    return Commands(tmp_path, {})


NAMES_SENDGRID = "it('sends', () => expect(events).toContain('sendgrid_email_sent'));\n"


def write(folder: Path, **files: str) -> Path:
    for name, content in files.items():
        place = folder / name.replace("__", ".")
        place.parent.mkdir(exist_ok=True)
        place.write_text(content)
    return folder


def test_nothing_missing_is_exit_0_without_configuration_or_credentials(cli, tmp_path):
    write(tmp_path, mail__ts=GOOD, mail__test__ts=TEST)
    done = cli.run("coverage", ".")
    assert (done.code, done.err) == (0, "")
    assert "1 of 1 call log success and error, 1 of 1 provider tested; 1 file read." in done.out


@pytest.mark.parametrize(
    "url", ["${RELEASEGUARD_EVENTS_URL}", "postgresql://a:${RELEASEGUARD_EVENTS_PASSWORD}@db.example/x"]
)
def test_a_search_asks_for_no_variable_of_the_log_that_it_does_not_read(cli, tmp_path, url):
    (tmp_path / "releaseguard.toml").write_text(f'[events]\nurl = "{url}"\n')
    (tmp_path / "app.ts").write_text("export const x = 1;\n")
    assert cli.run("coverage", str(tmp_path)).code == 0
    held = cli.run("coverage", str(tmp_path), "--seen")
    assert held.code == 2
    assert "which is not set" in held.err


def test_a_gap_is_exit_1_with_place_and_line_to_add(cli, tmp_path):
    write(tmp_path, mail__ts=BAD, mail__test__ts=TEST)
    done = cli.run("coverage", ".")
    assert done.code == 1
    assert "mail.ts:3:24  not-logged sendgrid" in done.out
    assert "after it, add: logIntegrationEvent('sendgrid', 'sendgrid_email_sent', 'success');" in done.out
    assert "where it fails, add: logIntegrationEvent('sendgrid', 'sendgrid_error', 'error');" in done.out


def test_what_is_said_of_many_calls_is_said_once_with_the_client_that_they_share(cli, tmp_path):
    client = "import sgMail from '@sendgrid/mail';\nexport const mail = new sgMail.MailService();\n"
    users = {f"u{number}__ts": "import { mail } from './mail';\nmail.send({});\n" for number in range(6)}
    write(tmp_path, mail__ts=client, **users)
    done = cli.run("coverage", ".")
    assert [done.out.count(f"u{number}.ts:2:1  not-logged sendgrid") for number in range(6)] == [1] * 6
    assert done.out.count("its success and its error are not logged") == done.out.count("after it, add") == 1
    assert "In 6 places." in done.out
    assert "6 calls of SendGrid that lack a log go through the client made at mail.ts:2" in " ".join(done.out.split())
    clients = cli.run("coverage", ".", "--json").json["providers"][0]["clients"]
    assert clients == [{"file": "mail.ts", "line": 2, "calls": 6}]


def test_a_provider_without_a_test_is_a_gap(cli, tmp_path):
    write(tmp_path, mail__ts=GOOD)
    done = cli.run("coverage", ".", "--json")
    assert done.code == 1
    assert [(one["rule"], one["missing"]) for one in done.json["findings"]] == [("not-tested", ["test"])]


def test_json_has_its_documented_shape(cli, tmp_path):
    write(tmp_path, mail__ts=BAD)
    document = cli.run("coverage", ".", "--json").json
    assert set(document) == {
        "ok", "path", "summary", "findings", "unknown", "waived", "providers", "received",
        "counts", "seen", "files", "test_files",
    }  # fmt: skip
    assert set(document["findings"][0]) == {
        "rule", "provider", "file", "line", "column", "missing", "message", "fix",
    }  # fmt: skip
    (row,) = document["providers"]
    assert (row["provider"], row["calls"], row["covered"], row["tested"], document["ok"]) == (
        "sendgrid", 1, 0, False, False,
    )  # fmt: skip


def test_sarif_names_rules_places_and_levels(cli, tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "my app").mkdir()
    write(tmp_path / "my app", mail__ts=BAD, geo__ts="export const f = (u) => fetch(u);\n")
    cli.run("coverage", "my app", "--format", "sarif", "-o", "out.sarif")
    sarif = json.loads((tmp_path / "out.sarif").read_text())
    assert (sarif["version"], len(sarif["runs"])) == ("2.1.0", 1)
    run = sarif["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert all(rule["help"]["text"] and rule["shortDescription"]["text"] for rule in rules)
    places = set()
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        place = result["locations"][0]["physicalLocation"]
        assert place["region"]["startLine"] >= 1
        places.add((result["ruleId"], result["level"], place["artifactLocation"]["uri"]))
    assert ("not-logged", "error", "my%20app/mail.ts") in places
    assert ("unknown-address", "note", "my%20app/geo.ts") in places


def sarif(cli, *arguments):
    text = cli.run("coverage", *arguments, "--format", "sarif", "--no-cache").out
    results = json.loads(text)["runs"][0]["results"]
    return [
        (one["ruleId"], one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], one["partialFingerprints"])
        for one in results
    ]


def test_a_finding_has_its_place_in_the_repository_and_is_known_again_wherever_it_moves(cli, tmp_path):
    (tmp_path / ".git").mkdir()
    write(tmp_path, **{"app/mail__ts": BAD})
    whole = sarif(cli, "app")
    assert whole[0][1] == "app/mail.ts"
    assert sarif(cli, "app/mail.ts") == whole
    inside = Commands(tmp_path / "app", {})
    assert sarif(inside, ".") == whole
    (tmp_path / "app" / "mail.ts").write_bytes(b"// a line\r\n\r\n" + BAD.replace("\n", "\r\n").encode())
    assert sarif(inside, ".") == whole


def test_a_folder_is_told_and_no_place_for_code_scanning(cli, tmp_path):
    write(tmp_path, **{"app/mail__ts": BAD, "elsewhere/x__ts": BAD})
    (tmp_path / "app" / "up").symlink_to(tmp_path / "elsewhere")
    assert "is a link to a folder" in cli.run("coverage", "app").out
    assert {place for _, place, _ in sarif(cli, "app")} == {"mail.ts"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [  # github/codeql-action's own cases, src/fingerprints.test.ts
        ("", ["c129715d7a2bc9a3:1"]),
        (" a\nb\n  \t\tc\n d", ["271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1", "a23a3dc5e078b07b:1"]),
    ],
)
def test_a_line_is_told_from_others_as_code_scanning_does(text, wanted):
    found = line_fingerprints(text.encode(), range(9))
    assert [found[line] for line in sorted(found)] == wanted
    lines = line_fingerprints(b"go();\n" * 99, [1, 2, 60])
    assert lines == {1: lines[1], 2: lines[1][:-1] + "2", 60: lines[1][:-1] + "60"}


def test_code_scanning_gets_no_more_results_than_it_takes(monkeypatch):
    monkeypatch.setattr("releaseguard.report.layout.sarif.MOST_RESULTS", 2)
    [run] = json.loads(sarif_run([], [{"level": level} for level in "abc"], {"x": "y"}))["runs"]
    assert [one["level"] for one in run["results"]] == ["a", "b"]
    assert run["properties"] == {"x": "y", "results_left_out": 1}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "there is no such file or folder"),
        ([], "Missing argument 'PATH'"),
        ([".", "--provider", "sendgird"], "Did you mean 'sendgrid'?"),
        ([".", "--format", "html"], "'html' is not one of"),
    ],
)
def test_what_cannot_be_meant_is_exit_2(cli, arguments, words):
    done = cli.run("coverage", *arguments)
    assert done.code == 2
    assert words in done.err


def test_one_file_can_be_searched(cli, tmp_path):
    write(tmp_path, mail__ts=BAD)
    assert cli.run("coverage", "mail.ts").code == 1


def test_a_projects_own_card_counts(cli, tmp_path):
    (tmp_path / "checks").mkdir()
    shipped = Path(__file__).parents[2] / "checks" / "sendgrid.toml"
    own = shipped.read_text().replace("@sendgrid/mail", "@ours/mail")
    (tmp_path / "checks" / "sendgrid.toml").write_text(own)
    write(tmp_path, releaseguard__toml="", mail__ts="import m from '@ours/mail';\nm.send({});\n")
    assert cli.run("coverage", ".", "--json").json["providers"][0]["calls"] == 1


def test_a_gate_over_a_source_that_cannot_be_read_does_not_pass(cli, tmp_path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "made.js").write_text("x" * 1_000_001)
    assert cli.run("coverage", "app").code == 2
    assert cli.run("coverage", "app/made.js").code == 2


@pytest.mark.parametrize("name", ["notes.md", "a.test.ts", "node_modules/x/index.js", "dist/bundle.js"])
def test_a_gate_over_no_source_does_not_pass(cli, tmp_path, name):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("x();\n")
    done = cli.run("coverage", ".")
    assert (done.code, "no source was found" in done.err) == (2, True)


OWN = (
    '[coverage]\nlog = { function = "track", provider = "integrationName", outcome = "status", success = ["success"], '
    'error = ["failure", "timeout"], providers = { mail = "sendgrid" } }\n'
)
TRACKED = (
    "import sgMail from '@sendgrid/mail';\nimport { track } from './track';\n"
    "export async function send(m) {\n"
    "try { await sgMail.send(m); track({ integrationName: 'mail', status: 'success' }); }\n"
    "catch (e) { track({ integrationName: 'mail', status: FAILED }); } }\n"
)


@pytest.mark.parametrize(
    ("said", "rules"),
    [
        ("'failure'", []),
        ("e.late ? 'timeout' : 'failure'", []),
        ("'pending'", ["unknown-log"]),
        ("'success'", ["not-logged"]),
    ],
)
def test_the_apps_own_function_is_read_in_its_own_words(cli, tmp_path, said, rules):
    write(tmp_path, releaseguard__toml=OWN, mail__ts=TRACKED.replace("FAILED", said), mail__test__ts=NAMES_SENDGRID)
    document = cli.run("coverage", ".", "--json").json
    assert [row["rule"] for row in document["findings"]] == rules


def test_lines_to_add_are_in_the_apps_own_words(cli, tmp_path):
    code = "import sgMail from '@sendgrid/mail';\nexport const send = (m) => sgMail.send(m);\n"
    write(tmp_path, releaseguard__toml=OWN, mail__ts=code)
    rows = cli.run("coverage", ".", "--json").json["findings"]
    (fix,) = [row["fix"] for row in rows if row["rule"] == "not-logged"]
    assert fix.splitlines() == [
        "track({ integrationName: 'mail', status: 'success' });",
        "track({ integrationName: 'mail', status: 'failure' });",
    ]


@pytest.mark.parametrize(("setting", "code"), [("", 1), ('[coverage]\nunreadable = "tell"\n', 0)])
def test_a_log_that_cannot_be_read_fails_unless_the_project_says_otherwise(cli, tmp_path, setting, code):
    mail = (
        "import sgMail from '@sendgrid/mail';\nimport { logIntegrationEvent } from './log';\n"
        "export async function send(name, m) {\n"
        "try { await sgMail.send(m); logIntegrationEvent(name, `${name}_ok`, 'success'); }\n"
        "catch (e) { logIntegrationEvent(name, `${name}_error`, 'error'); } }\n"
    )
    write(tmp_path, releaseguard__toml=setting, mail__ts=mail, mail__test__ts=NAMES_SENDGRID)
    done = cli.run("coverage", ".", "--json")
    found = done.json["findings" if code else "unknown"]
    assert (done.code, [row["rule"] for row in found]) == (code, ["unknown-log"])


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ('log = { provider = "a", outcome = "b" }', "function"),
        ('log = { function = "a", provider = "b", outcome = "c", succes = ["x"] }', "success"),
        ('unreadable = "ignore"', "unreadable"),
    ],
)
def test_a_mistake_in_the_section_is_exit_2_with_its_key(cli, tmp_path, section, words):
    write(tmp_path, releaseguard__toml=f"[coverage]\n{section}\n", a__ts="x();\n")
    done = cli.run("coverage", ".")
    assert (done.code, words in done.err) == (2, True)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1254", "latin-1"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_source_is_read_in_whatever_encoding_it_was_written(tmp_path, encoding, end):
    text = "// g\u00fc\u00e7\nexport const send = () => fetch('https://api.sendgrid.com/v3/mail/send');\n"
    (tmp_path / "mail.ts").write_bytes(text.replace("\n", end).encode(encoding))
    report = searched(tmp_path, {})
    assert [row.places for row in report.providers] == [[("mail.ts", 2)]]
    assert not report.unknown


def test_what_was_not_read_is_counted_once_however_often_it_was_looked_at(tmp_path):
    (tmp_path / "video.ts").write_bytes(b"\x47\x40\0\xff")
    files = dict.fromkeys(("a.ts", "b.ts"), f"import './video';\n{BAD}")
    assert [one.file for one in searched(tmp_path, files).unknown] == ["video.ts"]


def test_the_summary_is_said_in_the_language_that_was_asked_for(cli, tmp_path):
    write(tmp_path, mail__ts=BAD)
    said = " ".join(cli.run("coverage", ".", "--lang", "tr").out.split())
    assert "1 dosya okundu." in said
    assert "log success" not in said


def test_what_cannot_be_read_is_told_and_does_not_stop_the_search(tmp_path):
    (tmp_path / "video.ts").write_bytes(b"\x47\x40\0\x10\xff\xfe")
    (tmp_path / "huge.js").write_text("// x\n" * 300_000)
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "self.ts").symlink_to(tmp_path / "self.ts")
    os.mkfifo(tmp_path / "pipe.ts")
    (tmp_path / "deep.js").write_text("fetch(" + "[" * 20_000)
    (tmp_path / "View.kt").write_text("class View")
    report = searched(tmp_path, {"mail.ts": BAD, "broken.ts": "fetch();\nexport const = ;;; {{{ (\n"})
    told = {one.file: one.message for one in report.findings if one.rule == "not-read"}
    assert set(told) == {"video.ts", "huge.js", "loop", "deep.js", "broken.ts", "."}
    assert [one.line for one in report.findings if (one.file, one.rule) == ("broken.ts", "not-read")] == [2]
    assert [row.calls for row in report.providers] == [1]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_told(tmp_path):
    (tmp_path / "secret.ts").write_text("x")
    (tmp_path / "secret.ts").chmod(0)
    assert [one.rule for one in searched(tmp_path, {}).findings] == ["not-read"]


def test_what_git_ignores_is_not_read(tmp_path):
    files = {".gitignore": "generated/\n*.gen.js\n", "generated/a.ts": BAD, "b.gen.js": BAD, "c.ts": GOOD}
    assert searched(tmp_path, files).files == 1


def test_the_repository_around_says_what_git_ignores(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("/app/private/\n")
    files = {"private/a.ts": BAD, "c.ts": GOOD}
    assert searched(tmp_path / "app", files).files == 1


def test_columns_count_characters(tmp_path):
    report = searched(tmp_path, {"a.ts": HEAD[".ts"] + "const ğüş = 'ışık'; sgMail.send({});\n"})
    assert [(one.line, one.column) for one in report.findings if one.rule == "not-logged"] == [(3, 21)]


def test_a_waiver_with_a_reason_waives_its_line_and_the_next(tmp_path):
    head = HEAD[".ts"]
    files = {
        "a.ts": head + "// releaseguard: not-logged -- ours\nsgMail.send({});\n",
        "b.ts": head + "sgMail.send({}); // releaseguard: not-logged sendgrid -- ours\n",
        "c.ts": "// releaseguard: not-tested sendgrid -- a person tries it\n",
    }
    report = searched(tmp_path, files)
    assert report.findings == []
    assert [one.reason for one in report.waived] == ["ours", "ours", "a person tries it"]


@pytest.mark.parametrize(
    ("comment", "words"),
    [
        ("not-logged", "gives its reason"),
        ("not-loged -- x", "Did you mean 'not-logged'?"),
        ("not-logged twilio -- of another", "Nothing of the kind"),
    ],
)
def test_a_waiver_that_waives_nothing_is_told(tmp_path, comment, words):
    report = searched(tmp_path, {"a.ts": HEAD[".ts"] + f"// releaseguard: {comment}\nsgMail.send({{}});\n"})
    assert words in next(one.message for one in report.findings if one.rule == "bad-waiver")
    assert "not-logged" in {one.rule for one in report.findings}


def test_a_narrow_terminal_and_a_name_that_steers_it(cli, tmp_path):
    (tmp_path / "a\x1b[2Jb.ts").write_text(BAD)
    done = cli.run("coverage", ".", COLUMNS="50")
    assert "\x1b" not in done.out
    assert done.code == 1


@pytest.mark.parametrize(
    ("test", "tested"),
    [
        ("jest.mock('@sendgrid/mail');\nit('x', () => {});\n", True),
        ("it('x', () => expect(e).toBe('sendgrid_email_sent'));\n", True),
        ("import { f } from './mail';\nit('x', () => f());\n", True),
        ("import { f } from './mail';\nit.skip('x', () => f());\n", False),
        ("// sendgrid_email_sent\nit('x', () => {});\n", False),
        ("import { other } from './mail';\nit('x', () => other());\n", False),
        ("jest.mock('./mail');\nit('x', () => {});\n", False),
        ("import { f } from './mail';\n", False),
    ],
)
def test_which_tests_name_a_provider(tmp_path, test, tested):
    report = searched(tmp_path, {"mail.ts": GOOD, "mail.test.ts": test})
    assert report.providers[0].tested is tested


def test_no_parser_is_loaded_by_the_command_line_itself(cli):
    code = "import sys, releaseguard.cli.judging.coverage; sys.exit(any('tree_sitter' in name for name in sys.modules))"
    import subprocess

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
