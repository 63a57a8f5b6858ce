"""Which files are read, by whom, and what is remembered of them."""

from __future__ import annotations

import os
import pickle
import sqlite3

import pytest

from releaseguard.coverage.languages import sources
from releaseguard.coverage.reading import parsing
from releaseguard.coverage.reading.cache import opened, packed, unpacked
from releaseguard.coverage.reading.tree import UnreadPath, survey
from releaseguard.coverage.run import Asked, search
from tests.coverage.snippets import CARDS, searched

SEND = "import { mail } from './b';\nexport const send = (m) => mail.send(m);\n"
FILES = {
    "a.ts": SEND,
    "b.ts": "export * from './c';\n",
    "c.ts": "export { mail } from './d';\n",
    "d.ts": "import m from '@sendgrid/mail';\nexport const mail = m;\n",
    "far.ts": "export const x = 1;\n",
    "py.py": "import twilio.rest\nc = twilio.rest.Client('a', 'b')\ndef go(to):\n    c.messages.create(to=to)\n",
}


@pytest.fixture
def app(tmp_path):
    for name, code in FILES.items():
        (tmp_path / "app").mkdir(exist_ok=True)
        (tmp_path / "app" / name).write_text(code)
    return tmp_path / "app"


@pytest.fixture
def read_files(monkeypatch):
    read: list[str] = []
    own = sources.read_source
    monkeypatch.setattr(parsing, "read_source", lambda name, content: (read.append(name), own(name, content))[1])
    return read


def told(report):
    return [(one.file, one.line, one.rule, one.missing) for one in report.findings]


def test_a_file_that_leads_to_no_provider_is_counted_and_not_parsed(app, read_files):
    report = search(app, CARDS)
    assert sorted(read_files) == ["a.ts", "b.ts", "c.ts", "d.ts", "py.py"]
    assert (report.files, [row.calls for row in report.providers]) == (6, [1, 1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process")
@pytest.mark.parametrize("dies", [False, True])
def test_workers_find_what_one_process_finds_and_one_that_dies_loses_nothing(app, monkeypatch, dies):
    alone = told(search(app, CARDS))
    monkeypatch.setattr(parsing, "WORTH_IT", 0)
    monkeypatch.setattr(parsing, "_cores", lambda: 3)
    if dies:
        parent, own = os.getpid(), parsing._packed_one
        monkeypatch.setattr(
            parsing, "_packed_one", lambda *given: own(*given) if os.getpid() == parent else os._exit(9)
        )
    assert told(search(app, CARDS)) == alone


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process")
def test_a_worker_waits_for_nobody_however_much_it_has_to_tell(app, monkeypatch):
    monkeypatch.setattr(parsing, "_packed_one", lambda _one, name: name.encode() * 500_000)
    [file] = parsing._nameless_files(1)
    worker = parsing._Worker.start(lambda _: None, ["a.ts", "b.ts"], file)
    os.waitid(os.P_PID, worker.process, os.WEXITED | os.WNOWAIT)  # nothing of what it wrote has been read
    assert [(name, len(body)) for name, body in worker.bodies()] == [("a.ts", 2_000_000), ("b.ts", 2_000_000)]


def test_where_nothing_can_be_written_one_process_reads_all(app, monkeypatch):
    def refused() -> None:
        raise FileNotFoundError("no usable temporary directory")

    alone = told(search(app, CARDS))
    monkeypatch.setattr(parsing, "WORTH_IT", 0)
    monkeypatch.setattr(parsing, "_cores", lambda: 3)
    monkeypatch.setattr("tempfile.TemporaryFile", refused)
    assert told(search(app, CARDS)) == alone


def test_what_did_not_change_is_not_parsed_again(app, tmp_path, read_files):
    asked = Asked(cache=tmp_path / "cache")
    first = told(search(app, CARDS, asked=asked))
    read_files.clear()
    assert told(search(app, CARDS, asked=asked)) == first
    assert read_files == []
    (app / "a.ts").write_text(SEND + "export const twice = (m) => mail.send(m);\n")
    assert len(told(search(app, CARDS, asked=asked))) > len(first)
    assert read_files == ["a.ts"]


@pytest.mark.parametrize("body", [b"", b"no pickle", pickle.dumps(os.system), pickle.dumps({"a": 1})])
def test_a_cache_that_was_tampered_with_runs_nothing_and_is_not_believed(app, tmp_path, read_files, body):
    asked = Asked(cache=tmp_path / "cache")
    first = told(search(app, CARDS, asked=asked))
    with sqlite3.connect(tmp_path / "cache" / "trees.db") as database:
        database.execute("UPDATE trees SET body = ?", (body,))
    read_files.clear()
    assert told(search(app, CARDS, asked=asked)) == first
    assert len(read_files) == 5


def test_a_cache_that_cannot_be_opened_costs_time_alone(app, tmp_path):
    (tmp_path / "cache").write_text("a file where a folder should be")
    assert told(search(app, CARDS, asked=Asked(cache=tmp_path / "cache"))) == told(search(app, CARDS))
    assert opened(None).get("a.ts", b"") is None


def test_a_tree_comes_back_as_it_was(app):
    file = sources.read_source("d.ts", FILES["d.ts"].encode())
    again = unpacked(packed(file))
    assert again is not None
    assert [call.last_name for call, _ in again.calls] == [call.last_name for call, _ in file.calls]


def test_a_folder_that_belongs_to_somebody_else_is_told_and_the_rest_is_read(app, monkeypatch):
    (app / "locked").mkdir()

    def refusing(own, where):
        def refuse(path, *rest, **options):
            if str(path).startswith(where):
                raise PermissionError(13, "Permission denied", str(path))
            return own(path, *rest, **options)

        return refuse

    monkeypatch.setattr(os, "stat", refusing(os.stat, f"{app}/locked/"))
    monkeypatch.setattr(os, "scandir", refusing(os.scandir, f"{app}/locked"))
    tree = survey(app)
    assert UnreadPath("locked", "cannot be read: Permission denied") in tree.unread
    assert "a.ts" in tree.sources


def test_places_words_and_imports_are_kept_once_over_all_files():
    code = b"import { log } from './log';\nexport const far = () => log('a word of many files', 1);\n" * 300
    one, two = (unpacked(packed(sources.read_source(name, code))) for name in ("a.ts", "b.ts"))
    assert one is not None
    assert two is not None
    for mine, other in zip(one.texts, two.texts, strict=True):
        assert mine is not other
        assert (mine.at, mine.pieces) == (other.at, other.pieces)
        assert mine.at is other.at
        assert mine.pieces is other.pieces
    mine, other = (file.main.scope.names["log"] for file in (one, two))
    assert mine[0] is other[0]
    assert mine is not other  # names are told apart by what they are bound to


@pytest.mark.parametrize(
    ("name", "code", "lines"),
    [
        ("a.vue", "<template><p @click='x'/></template>\n<script setup>\nfetch(u)\n</script>\n", [3]),
        ("a.svelte", "<script lang='ts'>\nconst a: string = await fetch(u)\n</script>\n<p>{fetch}</p>\n", [2]),
        ("a.astro", "---\nconst a = await fetch(u);\n---\n<p>{a}</p>\n<script>fetch(v)</script>\n", [2, 5]),
        ("a.tsx", "const P = () => <p>a & b Q&A &amp; c</p>;\nfetch(u && v);\n", [2]),
        ("a.ts", "type T = A & B;\nconst m = a & b;\nfetch(u);\n", [3]),
        ("a.ts", "const rows = await db.sql<Row[]>`select ${a < b}`;\nfetch(u);\n", [2]),
        ("a.ts", "const r = sql<\n  { day: string; by: Map<string, Array<number>> }[]\n>`select`;\nfetch(u);\n", [4]),
        ("a.ts", 'const m = await original<typeof import("@/utils/mail")>();\nfetch(u);\n', [2]),
        ("a.ts", "export type * from './t';\nexport type * as s from './t';\nfetch(u);\n", [3]),
        ("a.ts", "async function f(): Promise<\n  import(\n'm').Row<{ a: 1 }>\n> {\n  fetch(u);\n}\n", [5]),
        ("a.ts", "mock(async (o) => ({ ...(await o<typeof import('x')>()), a: 1 }));\nfetch(u);\n", [2]),
        ("a.ts", "interface T {\n  a?: string\n  in_reply?: string\n  in: 'q' | 'h'\n}\nfetch(u);\n", [6]),
        ("a.ts", "interface F {\n  (a: string): void\n  <A extends T>(b: A): void\n}\nfetch(u);\n", [5]),
        ("a.ts", "const override: any = {}\noverride['a'] = 1\nclass B extends A { override c() {} }\nfetch(u)", [4]),
        ("a.tsx", "const B = styled.div<{ $wide?: boolean }>`x`;\nconst P = () => <p>a & b</p>;\nfetch(u);\n", [3]),
    ],
)
def test_scripts_of_components_and_text_of_jsx_are_read_where_they_stand(name, code, lines):
    file = sources.read_source(name, code.encode())
    assert file.broken_at is None
    assert [call.at[0] for call, _ in file.calls if call.last_name == "fetch"] == lines


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("src/build/a.js", True),
        ("out/a.ts", True),
        ("dist/a.py", True),
        ("dist/a.js", False),
        ("packages/x/dist/a.js", False),
    ],
)
def test_a_folder_of_source_is_read_whatever_it_is_called_and_what_is_not_is_told(tmp_path, name, read):
    (tmp_path / "packages" / "x").mkdir(parents=True)
    (tmp_path / "packages" / "x" / "package.json").write_text("{}")
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("x()\n")
    report = search(tmp_path, CARDS)
    assert (report.files, [one.rule for one in report.findings]) == ((1, []) if read else (0, ["not-read"]))


def test_a_file_whose_name_is_no_text_is_told_and_breaks_nothing(tmp_path):
    (tmp_path / os.fsdecode(b"\xff.ts")).write_text("await fetch('https://api.sendgrid.com/v3/mail/send')\n")
    (tmp_path / "a.ts").write_text("const here = 1\n")
    tree = survey(tmp_path)
    assert tree.sources == ["a.ts"]
    assert tree.unread == [UnreadPath("\N{REPLACEMENT CHARACTER}.ts", "has a name that is not UTF-8, and is not read")]


def test_of_a_test_only_what_it_mentions_is_kept_unless_the_app_imports_it(app):
    (app / "tests").mkdir()
    (app / "tests" / "a.test.ts").write_text(
        "import { send } from '../a';\nit('sends', () => send('sendgrid_email_sent'));\n"
    )
    (app / "tests" / "made.ts").write_text("import m from '@sendgrid/mail';\nexport const given = m;\n")
    (app / "e.ts").write_text("import { given } from './tests/made';\nexport const late = (m) => given.send(m);\n")
    report = search(app, CARDS)
    assert ("e.ts", 2) in [(one.file, one.line) for one in report.findings if one.rule == "not-logged"]
    assert [row.tests for row in report.providers if row.provider == "sendgrid"] == [["tests/a.test.ts"]]
    assert report.test_files == 2


def test_what_a_test_stands_in_for_says_nothing_of_the_app(tmp_path):
    files = {
        "mail.ts": "// sendgrid\nexport class Mail {\n  client: unknown;\n  go(m) { return this.client.send(m); }\n}\n",
        "tests/mail.test.ts": "import sg from '@sendgrid/mail';\nimport { Mail } from '../mail';\n"
        "class Real extends Mail { client = sg; own() {} }\nit('goes', () => new Real().go({}));\n",
    }
    assert [row.calls for row in searched(tmp_path, files).providers] == []


def test_what_a_test_mentions_is_remembered_apart_from_its_tree(tmp_path):
    test, cache = "import m from '@sendgrid/mail';\nexport const given = m;\n", tmp_path / "cache"
    app = tmp_path / "app"
    searched(app, {"a.ts": SEND, "b.ts": FILES["d.ts"], "tests/m.ts": test})
    search(app, CARDS, asked=Asked(cache=cache))
    (app / "z.ts").write_text("import { given } from './tests/m';\nexport const z = () => given.send({});\n")
    assert ("z.ts", 2) in [row[:2] for row in told(search(app, CARDS, asked=Asked(cache=cache)))]
