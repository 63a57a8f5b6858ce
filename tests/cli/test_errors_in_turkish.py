"""What goes wrong is told in Turkish as a whole: what happened, and what to do next."""

from __future__ import annotations

import re

import pytest

from tests.support.commands import Commands

TURKISH = '[project]\nname = "lovendo"\nlanguage = "tr"\n'
LOG = '[events]\nurl = "sqlite:///log.db"\n'
MANAGED = '[providers.sendgrid]\ndestinations = ["github:lovendo/app"]\n'
VAULT = '[infisical]\nproject_id = "p"\n'
DEAD = '[infisical]\nurl = "http://127.0.0.1:1"\nproject_id = "p"\n'
TOKENS = {"INFISICAL_TOKEN": "t", "RELEASEGUARD_GITHUB_TOKEN": "g"}

ENGLISH = re.compile(
    r"(?<![\w-])(?:the|is|are|of|and|or|with|was|not|no|has|its|it|that|by|from|which|than|when|where|cannot|does|been|since|this"
    r"|there|to|for|could|set|write|check|correct)\b"
)
TYPED = re.compile(
    r"`[^`]*`|\[[\w.]+\] \w+(?: \w+)?|\breleaseguard [\w ]+|\S*[/=_]\S*|\b\w+\.(?:toml|db)\b|\S+ = \S+|id-token: write"
)

WRONG = {
    "a service that is dead": (DEAD + MANAGED + LOG, "drift", "servise bağlanılamadı (3 kez)"),
    "no credential": (
        VAULT + MANAGED + LOG,
        "rotate sendgrid --dry-run",
        "bir kimlik bilgisi ister, hiçbiri ayarlı değil",
    ),
    "a provider's host": ('[app]\nurl = "https://api.sendgrid.com"\n' + LOG, "verify", "SAFE MODE reddediyor"),
    "plain text to another machine": (
        '[app]\nurl = "http://vault.example.com"\n' + LOG,
        "verify",
        "SAFE MODE reddediyor",
    ),
    "an unknown section": ("[evnts]\n" + LOG, "health", "bilinen bir ayar değil"),
    "no time at all": (LOG + '[verify]\nwindow = "0s"\n', "verify", "bir süre değil"),
    "a credential in the file": (
        '[events]\nurl = "postgresql://u:pw@db.example.com/d"\n',
        "health",
        "kimlik bilgisi duruyor",
    ),
    "another store": ('[events]\nurl = "mysql://h/d"\n', "health", "bilinen bir event log yok"),
    "a variable that is not set": ('[events]\nurl = "${RELEASEGUARD_EVENTS_URL}"\n', "health", "o ise ayarlı değil"),
    "no such folder": ('[events]\nurl = "sqlite:///gone/log.db"\n', "events migrate", "klasörü yok"),
    "a folder in place of a file": ('[events]\nurl = "sqlite:///checks"\n', "events migrate", "bir klasör"),
    "no such card": (LOG + "[providers.sendgrd]\n", "status", "böyle bir provider yok"),
    "an address of nothing": (
        LOG + VAULT + '[providers.sendgrid]\ndestinations = ["gitlab:a/b"]\n',
        "rotate sendgrid --dry-run",
        "hedef türü yok",
    ),
    "no such zone": ('[project]\ntimezone = "Mars/Base"\n', "status", "bir saat dilimi değil"),
    "no such release": (LOG, "verify --release r1", "yayın işareti yok"),
    "flags that cannot be used together": (LOG, "verify --watch --as-of 1h", "birini kullanın"),
    "what needs a reason": (LOG + MANAGED, "rotate sendgrid --leak", "--reason ister"),
}
"""What is configured, what is typed, and a part of what is said."""


@pytest.mark.parametrize("wrong", WRONG)
def test_an_error_and_what_to_do_about_it_are_turkish(tmp_path, wrong):
    configured, typed, said = WRONG[wrong]
    (tmp_path / "checks").mkdir()
    language = 'language = "tr"\n'
    joined = (
        configured.replace("[project]\n", f"[project]\n{language}")
        if "[project]" in configured
        else TURKISH + configured
    )
    (tmp_path / "releaseguard.toml").write_text(joined)
    done = Commands(tmp_path, TOKENS if "dead" in wrong else {}).run(*typed.split())
    assert done.code not in {0, 70}
    assert said in done.err
    assert not ENGLISH.findall(TYPED.sub(" ", done.err)), done.err
