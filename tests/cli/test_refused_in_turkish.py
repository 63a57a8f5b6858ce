"""A call that is refused before its command begins is refused in the language that was asked for, or is configured."""

from __future__ import annotations

import re

import pytest

from tests.support.commands import Commands

CONFIGURED = '[project]\nlanguage = "tr"\n\n[events]\nurl = "sqlite:///log.db"\n'
REFUSED = {
    "verfy": "'verfy' diye bir komut yok. 'verify' mi demek istediniz?",
    "events lst": "'lst' diye bir komut yok.",
    "verify --fromat json": "'--fromat' diye bir seçenek yok. '--format' mi demek istediniz?",
    "verify --format jso": "'jso' şunlardan biri değil: 'text'",
    "verify --window abc": "'abc' bir süre değil; şöyle yazın: 90s",
    "verify --as-of yesterday": "'yesterday' bir zaman değil; şöyle yazın: 2026-11-24T10:15:00Z, ya da ne kadar önce",
    "verify --as-of 2026-11-24T10:15": "saat farkını söylemiyor",
    "verify --as-of 1800-01-01T00:00:00Z": "1970 ile 2199 yılları arasında değil",
    "verify extra": "Fazladan bir argüman var (extra)",
    "verify --window": "'--window' seçeneği bir değer ister.",
    "verify --json=1": "'--json' seçeneği değer almaz.",
    "incident": "'PROVIDER' argümanı eksik.",
    "events list --limit many": "'many' bir tam sayı değil.",
    "events list --limit 0": "0 şu aralıkta değil",
    "completion xsh": "'xsh' şunlardan biri değil: 'bash', 'zsh', 'fish'.",
}
ENGLISH = re.compile(r"\b(?:Error|Usage|Try|Invalid|No such|Did you|Missing|requires|not one of|and|or)\b")


@pytest.fixture(params=["configured", "asked for"])
def turkish(request, tmp_path):
    """How a call becomes one in Turkish."""
    configured = request.param == "configured"
    (tmp_path / "releaseguard.toml").write_text(CONFIGURED if configured else CONFIGURED.replace('"tr"', '"en"'))
    cli = Commands(tmp_path, {})
    return lambda typed: cli.run(*([] if configured else ["--lang", "tr"]), *typed.split())


@pytest.mark.parametrize("typed", REFUSED)
def test_a_call_that_cannot_be_read_is_refused_in_turkish(turkish, typed):
    said = turkish(typed)
    assert said.code == 2
    assert REFUSED[typed] in said.err
    assert not ENGLISH.search(said.err)


def test_what_is_asked_for_is_said_whatever_is_configured(tmp_path):
    (tmp_path / "releaseguard.toml").write_text(CONFIGURED)
    said = Commands(tmp_path, {}).run("--lang", "en", "verify", "--window", "abc")
    assert "Error: Invalid value" in said.err


@pytest.mark.parametrize("text", ["[project", "project = 3", '[project]\nlanguage = "xx"', "[project]\nlanguage = 7"])
def test_where_no_language_can_be_told_it_is_english(tmp_path, text):
    (tmp_path / "releaseguard.toml").write_text(text)
    assert "Error: there is no command" in Commands(tmp_path, {}).run("verfy").err


def test_programs_read_the_same_words_in_every_language(tmp_path):
    (tmp_path / "releaseguard.toml").write_text(CONFIGURED)
    said = Commands(tmp_path, {}).run("--json", "verify", "--format", "jso")
    assert said.json["error"]["what"].startswith("Invalid value for '--format'")


def test_what_a_command_refuses_before_it_reads_the_configuration_is_turkish_too(tmp_path):
    (tmp_path / "releaseguard.toml").write_text(CONFIGURED)
    said = Commands(tmp_path, {}).run("verify", "--accept", "sendgrid.errors")
    assert "--accept CHECK ile --reason TEXT birlikte verilir" in said.err


def test_a_job_is_told_in_its_language_how_a_command_ended(tmp_path):
    (tmp_path / "releaseguard.toml").write_text(CONFIGURED)
    Commands(tmp_path, {}).run("verify", "--window", "abc", GITHUB_STEP_SUMMARY=str(tmp_path / "summary.md"))
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert "kullanım ya da yapılandırma (çıkış kodu 2)" in summary
