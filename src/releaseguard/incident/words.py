"""Every sentence of an incident in English and in Turkish, and how facts are written in each.

A fact in a sentence is written by its kind; after a colon stands how: ``{count:call}`` is a number with its noun
(Turkish leaves the noun as it is), ``{share:%}`` a percentage, ``{at:since}`` a time. Turkish sentences put no suffix
on a number or a time: which one it takes depends on how it is read aloud.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from releaseguard.functions.interface import Calls
from releaseguard.health.interface import HealthCondition, HealthState, Why
from releaseguard.incident.values import ChangeKind, Match, Message, Status

LANGUAGES = ("en", "tr")

PHRASES: Mapping[str, tuple[str, str]] = {
    # --- how the provider is; the key ends with what it rests on
    "health_no_history": ("no event of it is in the log", "log'da bu provider'a ait event yok"),
    "health_log_stopped": (
        "nothing of any provider arrives: the log has stopped, or nobody writes to it",
        "hiçbir provider'dan event gelmiyor: log durmuş ya da kimse yazmıyor",
    ),
    "health_failed": (
        "{errors} of {events:call} failed since {since}; usually {usual:%}",
        "{events} çağrıdan {errors} tanesi hata verdi (başlangıç: {since}; olağan hata oranı: {usual:%})",
    ),
    "health_failed_no_history": (
        "{errors} of {events:call} failed since {since}; there is no history to compare with",
        "{events} çağrıdan {errors} tanesi hata verdi (başlangıç: {since}; karşılaştıracak geçmiş yok)",
    ),
    "health_volume": (
        "{events:event} since {since}, where {expected:about} were to be expected",
        "{events} event geldi (başlangıç: {since}); beklenen: {expected:about}",
    ),
    "health_silent": (
        "no event since {since}, where {expected:about} were to be expected; others go on",
        "son event'in saati: {since}; o zamandan beri {expected:about} event beklenirdi, diğer provider'lar çalışıyor",
    ),
    "health_all_of_few_failed": (
        "{events:call}, all failed: too few to tell trouble from chance",
        "{events} çağrının tümü hata verdi; sorun mu tesadüf mü, karar vermek için çok az",
    ),
    "health_calls": (
        "{errors} of {events:call} failed, as usual",
        "{events} çağrıdan {errors} tanesi hata verdi; olağan",
    ),
    "health_calls_clean": ("{events:call}, none failed", "{events} çağrı, hiç hata yok"),
    "health_none_expected": ("no event, and hardly any was to be expected", "event yok; zaten beklenmiyordu"),
    "health_others_quiet": (
        "no event; the other providers see {usual:%} of their usual traffic too",
        "event yok; diğer provider'ların trafiği de olağanın {usual:%} düzeyinde",
    ),
    "health_by_chance": (
        "no event, where {expected:about} were to be expected: chance can do that",
        "event yok, beklenen: {expected:about}; bu tesadüf de olabilir",
    ),
    "health_broken": (
        "not judged: releaseguard has a bug there ({problem}); its trace is in {trace}",
        "değerlendirilemedi: releaseguard hata verdi ({problem}); kaydı: {trace}",
    ),
    # --- the first line, which has told the time already
    "brief_failed": (
        "{errors} of {events:call} failed, usually {usual:%}",
        "{events} çağrıdan {errors} tanesi hata verdi, olağan hata oranı {usual:%}",
    ),
    "brief_failed_no_history": (
        "{errors} of {events:call} failed",
        "{events} çağrıdan {errors} tanesi hata verdi",
    ),
    "brief_volume": (
        "{events:event}, where {expected:about} were to be expected",
        "{events} event geldi, beklenen {expected:about}",
    ),
    "brief_silent": (
        "{expected:about} events were to be expected since, and others go on",
        "o zamandan beri {expected:about} event beklenirdi, diğer provider'lar çalışıyor",
    ),
    "head_down": ("{name} has been down since about {since}", "{name} çalışmıyor (başlangıç: yaklaşık {since})"),
    "head_silent": ("{name} has been silent since {since}", "{name} sessiz (son event: {since})"),
    "head_degraded": ("{name} has been degraded since about {since}", "{name} aksıyor (başlangıç: yaklaşık {since})"),
    "head_before": (
        "{name} has been {state} since before {since}",
        "{name}: {state} (başlangıç {since} öncesinde)",
    ),
    "head_symptom": (
        "{name}: {symptom} (since {since})",
        "{name}: {symptom} (başlangıç: {since})",
    ),
    "head_healthy": ("Nothing is wrong with {name}", "{name} tarafında sorun yok"),
    "head_idle": ("Nothing is wrong with {name} as far as can be seen", "{name} tarafında görünen bir sorun yok"),
    "head_unknown": ("How {name} is cannot be told", "{name} durumu bilinmiyor"),
    "head_found": (
        "The events of {name} show no trouble, but {count:control} found some",
        "{name} event'lerinde sorun görünmüyor, ama {count} kontrol sorun buldu",
    ),
    "likely": ("likely cause: {change}, {before} before", "olası neden: {change} (başlangıçtan {before} önce)"),
    "likely_around": ("likely cause: {change}, about then", "olası neden: {change} (aynı sıralarda)"),
    "likely_failed": (
        "likely cause: {change}, which failed {before} before",
        "olası neden: {change}; hata ile bitti (başlangıçtan {before} önce)",
    ),
    "likely_everyone": (
        "{count:other provider} in trouble too, so look at what they share first: {names}",
        "{count} provider daha sorunlu, önce ortak olana bak: {names}",
    ),
    "nothing_changed": (
        "nothing that can be seen changed in the hour before",
        "önceki bir saat içinde görünen bir değişiklik yok",
    ),
    # --- changes
    "change_release": ("release {release} was deployed", "{release} sürümü yayına alındı"),
    "change_served": ("Vercel began to serve {release}", "Vercel {release} sürümünü sunmaya başladı"),
    "change_rotation_pushed": (
        "rotation of {provider} ({unit}) wrote the new value",
        "{provider} rotasyonu ({unit}) yeni değeri yazdı",
    ),
    "change_rotation_deployed": (
        "rotation of {provider} ({unit}) was deployed",
        "{provider} rotasyonu ({unit}) yayına alındı",
    ),
    "change_rotation_pushed_back": (
        "rotation of {provider} ({unit}) was rolled back: the old value was written",
        "{provider} rotasyonu ({unit}) geri alındı: eski değer yazıldı",
    ),
    "change_rotation_deployed_back": (
        "rotation of {provider} ({unit}) was rolled back and deployed",
        "{provider} rotasyonu ({unit}) geri alındı ve yayına alındı",
    ),
    "change_workflow_ran": (
        "workflow {workflow} run {number} ended: {conclusion} (commit {commit})",
        "{workflow} workflow'unun {number} numaralı çalıştırması bitti: {conclusion} (commit {commit})",
    ),
    "change_workflow_runs": (
        "workflow {workflow} run {number} goes on: {conclusion} (commit {commit})",
        "{workflow} workflow'unun {number} numaralı çalıştırması sürüyor: {conclusion} (commit {commit})",
    ),
    "change_function": ("deployed {count:function}: {functions}", "{count} fonksiyon deploy edildi: {functions}"),
    "change_written": ("written: {names}", "yazıldı: {names}"),
    # --- symptoms
    "symptom_errors": (
        "{count} of {total:error}: {events} with {codes}",
        "{total} hatadan {count} tanesi: {events}, kodlar {codes}",
    ),
    "symptom_silent": (
        "no {event} since {since}, where {expected:about} were to be expected",
        "{event} gelmiyor (sonuncusu: {since}); o zamandan beri beklenen: {expected:about}",
    ),
    "symptom_fewer": (
        "{seen} {event} since {since}, where {expected:about} were to be expected",
        "{event} azaldı: {seen} geldi, beklenen {expected:about} (başlangıç: {since})",
    ),
    "symptom_spike": (
        "{seen} {event} since {since}, where {expected:about} were to be expected",
        "{event} arttı: {seen} geldi, beklenen {expected:about} (başlangıç: {since})",
    ),
    "symptom_never_seen": ("{event} has never been logged", "{event} hiç loglanmamış"),
    "symptom_too_few": ("too few {event} are usual to tell", "{event} karar verilemeyecek kadar seyrek"),
    "symptom_log_stopped": ("the log has stopped", "log durmuş"),
    "symptom_no_history": ("no event of the provider is in the log", "log'da bu provider'a ait event yok"),
    "symptom_nothing": ("the events do not show it", "event'lerde görünmüyor"),
    # --- controls: the log
    "source_failed": (
        "{source:source}: {failed} of {calls:event} failed",
        "{source:source}: {calls} event'ten {failed} tanesi hata",
    ),
    "source_ok": ("{source:source}: {calls:event}, no error", "{source:source}: {calls} event, hata yok"),
    "error_codes": ("error codes: {codes}", "hata kodları: {codes}"),
    "last_success": ("last success {at}", "son başarılı event: {at}"),
    # --- controls: functions
    "function_state": ("{function} at {place}, version {version}", "{function}, {place}, versiyon {version}"),
    "function_deployed": (
        "{function} at {place}, version {version}, deployed {at}",
        "{function}, {place}, versiyon {version}, deploy zamanı {at}",
    ),
    "function_inactive": ("it is not active: {state}", "aktif değil: {state}"),
    "function_no_calls": ("nobody has called it since {since}", "{since} sonrasında çağrı yok"),
    "function_calls": (
        "{calls:calls} failed with a status of 500 or more, since {since}",
        "{since} sonrasında {calls:calls} 500 ve üzeri bir durum koduyla bitti",
    ),
    "function_statuses": ("answers of 400 or more: {statuses}", "400 ve üzeri yanıtlar: {statuses}"),
    "function_statistics": (
        "by Supabase's own count {calls:calls} failed in the last hour",
        "Supabase'in sayımına göre son bir saatte {calls:calls} hata verdi",
    ),
    "function_lines": ("its newest {count:error and warning line}:", "en yeni {count} hata ve uyarı satırı:"),
    "function_absent": (
        "no function {function} is deployed at {places}",
        "{function} adlı fonksiyon yayında değil: {places}",
    ),
    "function_nearest": ("the nearest name there is {function}", "oradaki en yakın ad: {function}"),
    "remedy_function": (
        "Deploy it: supabase functions deploy {function}. Where the app calls it otherwise, name it so in "
        "checks/{card}.toml.",
        "Deploy et: supabase functions deploy {function}. Uygulamada adı farklıysa o adı checks/{card}.toml içine yaz.",
    ),
    # --- controls: workflows
    "run_ended": (
        "run {number} ended {at}: {conclusion} ({place})",
        "{number} numaralı çalıştırma bitti ({at}): {conclusion} ({place})",
    ),
    "run_ended_before": (
        "run {number} ended {at}, {before} before the trouble: {conclusion} ({place})",
        "{number} numaralı çalıştırma bitti ({at}, sorundan {before} önce): {conclusion} ({place})",
    ),
    "run_failed": (
        "run {number} FAILED {at}: {conclusion} ({place})",
        "{number} numaralı çalıştırma HATA ile bitti ({at}): {conclusion} ({place})",
    ),
    "run_failed_before": (
        "run {number} FAILED {at}, {before} before the trouble: {conclusion} ({place})",
        "{number} numaralı çalıştırma HATA ile bitti ({at}, sorundan {before} önce): {conclusion} ({place})",
    ),
    "run_goes_on": (
        "run {number} has been going on since {at}: {status} ({place})",
        "{number} numaralı çalıştırma sürüyor (başlangıç: {at}): {status} ({place})",
    ),
    "workflow_never_ran": ("the workflow {workflow} has never run", "{workflow} workflow'u hiç çalışmamış"),
    "workflow_absent": ("there is no workflow {workflow} in {places}", "{workflow} adlı workflow yok: {places}"),
    "remedy_workflow": (
        "Name the app's migration workflow in checks/{card}.toml, or look at its runs at GitHub.",
        "Uygulamanın migration workflow'unun adını checks/{card}.toml içine yaz ya da çalıştırmalarına GitHub'da bak.",
    ),
    # --- controls: secrets
    "secret_in_step": (
        "{name} is at {place} in its newest version ({newest})",
        "{name} en yeni versiyonuyla ({newest}) yerinde: {place}",
    ),
    "secret_behind": (
        "{name} at {place} is older than the vault's version {newest}",
        "{name} eski kalmış, kasadaki versiyon {newest}: {place}",
    ),
    "secret_behind_version": (
        "{name} at {place} is version {version}, the vault has {newest}",
        "{name} eski kalmış (versiyon {version}, kasadaki {newest}): {place}",
    ),
    "secret_missing": ("{name} is not at {place}", "{name} yok: {place}"),
    "secret_changed": (
        "{name} at {place} holds another value than the vault's version {newest}",
        "{name} kasadaki versiyondan ({newest}) farklı bir değer tutuyor: {place}",
    ),
    "secret_shadowed": (
        "{name} at {place} is hidden by a narrower scope ({reason})",
        "{name} daha dar kapsamlı bir kayıtla gölgelenmiş ({reason}): {place}",
    ),
    "secret_not_sensitive": (
        "{name} at {place} can be read back there",
        "{name} orada geri okunabiliyor: {place}",
    ),
    "secret_unmanaged": ("{name} has an unmanaged copy at {place}", "{name} için yönetilmeyen bir kopya var: {place}"),
    "secret_unknown": (
        "{name} is at {place}; whether it is the newest version, {newest}, cannot be seen there",
        "{name} yerinde, en yeni versiyon ({newest}) olup olmadığı orada görünmüyor: {place}",
    ),
    "secret_there": ("{name} is at {place}", "{name} yerinde: {place}"),
    "vault_not_compared": (
        "whether these are the newest versions was not compared: {problem}",
        "en yeni versiyon olup olmadıkları karşılaştırılamadı: {problem}",
    ),
    "place_unread": ("{problem} ({place})", "{problem} ({place})"),
    "steps": ("{steps}", "{steps}"),
    # --- controls: the rest
    "invariant_holds": ("it holds: {title}", "sağlanıyor: {title}"),
    "invariant_off": ("off until the project names it", "proje adını yazana kadar kapalı"),
    "invariant_broken": ("{rows:rows} must not be there: {meaning}", "olmaması gereken {rows:rows} var: {meaning}"),
    "coverage_run": (
        "no checkout of the app is at hand; run this in one",
        "uygulamanın checkout'u burada değil; bunu orada çalıştır",
    ),
    "no_test": (
        "no test file here names {provider}; this says more",
        "buradaki test dosyalarında {provider} geçmiyor; ayrıntı için bu komut",
    ),
    "tests": ("{provider} is named in {count:test file} here", "{provider} adı {count} test dosyasında geçiyor"),
    "as_it_is_now": ("this is how it is now, not how it was then", "bu şu anki durum, o zamanki değil"),
    "page": ("for a person: open it", "bir kişinin bakması gerekir: sayfayı aç"),
    # --- what could not be done, and what to do about it
    "problem_credential": ("no credential: {variable} is not set", "kimlik bilgisi yok: {variable} tanımlı değil"),
    "problem_setting": ("{what}", "ayar hatalı ya da eksik ({where}: {what})"),
    "problem_denied": ("{service} refuses access ({what})", "{service} erişimi reddetti ({what})"),
    "problem_absent": ("{service} knows no such thing ({what})", "{service} böyle bir şey bulamadı ({what})"),
    "problem_limited": ("{service} is at its limit ({what})", "{service} istek sınırı doldu ({what})"),
    "problem_dead": ("{service} does not answer ({what})", "{service} yanıt vermiyor ({what})"),
    "broken": ("releaseguard has a bug there ({problem})", "releaseguard hata verdi ({problem})"),
    "remedy_broken": ("Report it; its trace is in {trace}.", "Bildir; kaydı: {trace}."),
    "problem_other": ("{service} could not do it ({what})", "{service} isteği yerine getirmedi ({what})"),
    "remedy_credential": (
        "Set {variable} in the environment and run this again.",
        "{variable} ortam değişkenini tanımla ve komutu yeniden çalıştır.",
    ),
    "remedy_invariant": (
        "Name it in releaseguard.toml: {setting}",
        "releaseguard.toml dosyasında adını yaz: {setting}",
    ),
    "remedy_setting": (
        "Correct releaseguard.toml and run this again.",
        "releaseguard.toml dosyasını düzelt ve komutu yeniden çalıştır.",
    ),
    "remedy_configure": (
        "Write it into releaseguard.toml: {setting}",
        "releaseguard.toml içine yaz: {setting}",
    ),
    "remedy_denied": (
        "Check {variable} and what it may read.",
        "{variable} değerini ve okuma yetkilerini kontrol et.",
    ),
    "remedy_absent": (
        "Check the names in releaseguard.toml, and what {variable} may see.",
        "releaseguard.toml içindeki adları ve {variable} yetkilerini kontrol et.",
    ),
    "remedy_limited": ("Wait a minute and run this again.", "Bir dakika bekle ve komutu yeniden çalıştır."),
    "remedy_dead": (
        "Look whether {service} is up and its address is right; then run this again.",
        "{service} ayakta mı ve adresi doğru mu, kontrol et; sonra komutu yeniden çalıştır.",
    ),
    "remedy_other": (
        "Run this again; if it stays so, look at {service}'s status.",
        "Komutu yeniden çalıştır; düzelmezse {service} durumuna bak.",
    ),
    "not_configured_project": ("no Supabase project is configured", "yapılandırılmış bir Supabase projesi yok"),
    "not_configured_repository": ("no GitHub repository is configured", "yapılandırılmış bir GitHub deposu yok"),
    "not_configured_destinations": (
        "no destinations of its secrets are configured",
        "secret'larının hedefleri yapılandırılmamış",
    ),
    # --- fixed words of the page
    "title": ("Incident: {name} in {environment}", "Incident: {name}, {environment}"),
    "from_events": (
        "From the app's own events; no provider was called.",
        "Uygulamanın kendi event'lerinden; hiçbir provider çağrılmadı.",
    ),
    "as_of": ("as of {at}, looking back to {since}", "{at} itibarıyla; geriye bakış: {since}"),
    "heading_changes": ("What changed", "Ne değişti"),
    "heading_symptoms": ("Symptoms", "Belirti"),
    "heading_controls": ("Controls", "Kontrol"),
    "heading_actions": ("Actions, in this order", "Aksiyon (bu sırayla)"),
    "heading_rules": ("Rules", "Kural"),
    "heading_open": ("Open leaks and rotations", "Açık sızıntılar ve rotasyonlar"),
    "heading_others": ("Others in trouble", "Sorunlu diğer provider'lar"),
    "no_changes": (
        "Nothing changed in the day before, as far as could be looked.",
        "Bakılabilen yerlerde, önceki bir gün içinde bir değişiklik yok.",
    ),
    "not_looked": ("not looked at", "bakılamadı"),
    "began_here": ("about here the trouble began", "sorun yaklaşık burada başladı"),
    "next": ("next", "sonraki adım"),
    "likely_mark": ("likely cause", "olası neden"),
    "open": ("open", "aç"),
    "run": ("run", "çalıştır"),
    "open_leak": ("open leak since {at}: {reason}", "açık sızıntı (başlangıç: {at}): {reason}"),
    "close_leak": (
        "Revoke the old key at {provider}, then: {confirm}",
        "Eski key'i {provider} tarafında iptal et, sonra: {confirm}",
    ),
    "close_leak_by_rotation": (
        "Rotate to a new value: {rotate}. Revoke the old key at {provider}, then: {confirm}",
        "Yeni bir değere rotate et: {rotate}. Sonra eski key'i {provider} tarafında iptal et ve çalıştır: {confirm}",
    ),
    "open_rotation": (
        "rotation {rotation} is {state} since {at}",
        "{rotation} rotasyonu {state} durumunda (başlangıç: {at})",
    ),
    "undone": ("{count:control} could not be carried out", "{count} kontrol yapılamadı"),
}

_TIMED = frozenset({Why.FAILED, Why.VOLUME, Why.SILENT})
"""Grounds whose sentence holds the time of the beginning."""
STATES: Mapping[HealthState, tuple[str, str]] = {
    HealthState.DOWN: ("down", "çalışmıyor"),
    HealthState.SILENT: ("silent", "sessiz"),
    HealthState.DEGRADED: ("degraded", "aksıyor"),
    HealthState.UNKNOWN: ("unknown", "bilinmiyor"),
    HealthState.IDLE: ("idle", "boşta"),
    HealthState.HEALTHY: ("healthy", "sağlıklı"),
}
STATUSES: Mapping[Status, tuple[str, str]] = {
    Status.BAD: ("bad", "sorun"),
    Status.OK: ("ok", "tamam"),
    Status.UNCLEAR: ("unclear", "belirsiz"),
    Status.NOT_DONE: ("not done", "yapılamadı"),
    Status.PERSON: ("for you", "sende"),
}
MATCHES: Mapping[Match, tuple[str, str]] = {
    Match.YES: ("yes", "var"),
    Match.SOME: ("some", "biraz"),
    Match.NO: ("no", "yok"),
    Match.UNKNOWN: ("unknown", "bilinmiyor"),
}
KINDS: Mapping[ChangeKind, tuple[str, str]] = {
    ChangeKind.RELEASE: ("release", "sürüm"),
    ChangeKind.DEPLOYMENT: ("deployment", "deploy"),
    ChangeKind.ROTATION: ("rotation", "rotasyon"),
    ChangeKind.MIGRATION: ("migration", "migration"),
    ChangeKind.FUNCTION: ("function", "fonksiyon"),
    ChangeKind.SECRET: ("secret", "secret"),
}


@dataclass(frozen=True, slots=True)
class Words:
    """Speaks one language, as of one moment: a time of another day is written with its date."""

    language: str
    as_of: datetime

    def pick(self, pair: Sequence[str]) -> str:
        """The language's own of (English, Turkish)."""
        return pair[LANGUAGES.index(self.language)]

    def say(self, sentence: Message) -> str:
        """The sentence with its facts."""
        condition = sentence.facts.get("condition")
        if sentence.key == "health" and isinstance(condition, HealthCondition):
            return self.health(condition)
        step = sentence.facts.get("step")
        if step and self.language == "en":
            return str(step)  # whoever raised the error knows best, and speaks English
        template = self.pick(PHRASES[sentence.key])
        return _Writer(self).vformat(template, (), sentence.facts)

    def phrase(self, key: str, /, **facts: Any) -> str:
        """A sentence by its key."""
        return self.say(Message(key, facts))

    def health(self, condition: HealthCondition, *, brief: bool = False) -> str:
        """What a condition rests on; ``brief``: for a reader who knows since when."""
        grounds, why = condition.grounds, condition.grounds.why
        key = f"{'brief' if brief and why in _TIMED else 'health'}_{why.value}"
        if grounds.why is Why.FAILED and grounds.usual is None:
            key += "_no_history"
        if grounds.why is Why.CALLS and not grounds.errors:
            key += "_clean"
        return self.phrase(
            key,
            events=grounds.events,
            errors=grounds.errors,
            expected=grounds.expected,
            usual=grounds.usual or 0.0,
            since=condition.since,
            problem=grounds.problem,
            trace=grounds.trace or "-",
        )

    def clock(self, moment: datetime) -> str:
        """A time in UTC, with its date where it is not today's."""
        return f"{moment:%H:%MZ}" if moment.date() == self.as_of.date() else f"{moment:%Y-%m-%d %H:%MZ}"

    def span(self, time: timedelta) -> str:
        """``3 min``, ``2 h 5 min``."""
        minutes = max(round(time / timedelta(minutes=1)), 0)
        hours, rest = divmod(minutes, 60)
        hour, minute = self.pick(("h", "sa")), self.pick(("min", "dk"))
        return f"{hours} {hour} {rest} {minute}" if hours else f"{rest} {minute}"

    def percent(self, share: float) -> str:
        """``4.2%``, in Turkish ``%4,2``."""
        number = f"{100 * share:.1f}"
        return f"%{number.replace('.', ',')}" if self.language == "tr" else f"{number}%"

    def count(self, number: int, noun: str) -> str:
        """``1 call``, ``2 calls``; the noun of a Turkish sentence stands in the sentence itself."""
        return f"{number} {noun}" + ("s" if number != 1 else "")

    def pairs(self, pairs: Sequence[tuple[Any, int]]) -> str:
        """``401 x38, timeout x2``."""
        nameless = self.pick(("no code", "kodsuz"))
        return ", ".join(f"{name or nameless} x{count}" for name, count in pairs)


_COMMIT = re.compile(r"[0-9a-f]{40}")
"""A whole commit's name says no more to a person than its beginning."""


class _Writer(string.Formatter):
    """Writes facts into sentences."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def format_field(self, value: Any, format_spec: str) -> str:
        words = self._words
        if format_spec in _BY_SPEC:
            return _BY_SPEC[format_spec](words, value)
        if format_spec:
            return words.count(int(value), format_spec)
        return self._plain(value)

    def _plain(self, value: Any) -> str:
        words = self._words
        match value:
            case Message():
                return words.say(value)
            case datetime():
                return words.clock(value)
            case timedelta():
                return words.span(value)
            case Mapping():
                return str(value[words.language])
            case [(_, int()), *_]:
                return words.pairs(value)
            case [Message(), *_]:
                return " ".join(words.say(one) for one in value)
            case list() | tuple():
                return ", ".join(map(str, value)) or "-"
            case str():
                return value[:12] if _COMMIT.fullmatch(value) else value
            case None:
                return "?"
            case _:
                return str(value)


def _about(words: Words, value: float) -> str:
    number = f"{value:.0f}" if value >= 1 else "1"
    return words.pick((f"about {number}", f"yaklaşık {number}"))


def _source(words: Words, value: str) -> str:
    if value == "client":
        return words.pick(("phones (client)", "telefonlar (client)"))
    return value or words.pick(("no source given", "kaynağı belirtilmemiş"))


def _calls(words: Words, value: Calls) -> str:
    if words.language == "tr":
        return f"{value.total} çağrıdan {value.failed} tanesi"
    return f"{value.failed} of {words.count(value.total, 'call')}"


def _rows(words: Words, value: int) -> str:
    more = value >= 1000
    if words.language == "tr":
        return f"{value} satır" + (" ya da daha fazlası" if more else "")
    return words.count(value, "row") + (" or more" if more else "")


_BY_SPEC: Mapping[str, Callable[[Words, Any], str]] = {
    "%": lambda words, value: words.percent(value),
    "about": _about,
    "source": _source,
    "calls": _calls,
    "rows": _rows,
}
