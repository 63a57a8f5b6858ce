"""The text of a first ``releaseguard.toml``: every section, explained, with the answers filled in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from releaseguard.init.answers import Answers
from releaseguard.init.components import EXAMPLE
from releaseguard.init.parts import ServiceParts
from releaseguard.onboarding.lines import line, section, text

WIDEST = 120

_HEAD = """\
# releaseguard's configuration: where things are. Credentials never stand here, they come from the environment;
# `releaseguard doctor` says which ones this file asks for, and checks everything that it names.
# A credential goes to its service's own host, and to hosts that RELEASEGUARD_TRUSTED_HOSTS (in the environment) names:
# this file travels in pull requests, so it alone sends none anywhere.
# A line that begins with "# " and a key or section is a setting with its default, or an example.
"""

_EVENTS = """\
# The log of the app's integration events. Relative files are relative to this one; ${NAME} is the environment's.
#   sqlite:///releaseguard.db                           a file, for one machine (keep it out of git)
#   postgresql://USER:${RELEASEGUARD_EVENTS_PASSWORD}@HOST/DATABASE
#   ${RELEASEGUARD_EVENTS_URL}                          all of it, as the app's writers and the workflows have it
"""

_OWN_TABLE = """\
# An app that has such a table already: its name, its columns (false where it has none), and a table for our own rows.
# table = "integration_events"
# results_table = "releaseguard_events"
# [events.columns]
# occurred_at = "created_at"
# latency_ms = false
"""

_APP = """\
# The app's own base address, where synthetic flows run as a test user (SYNTHETIC_USER_EMAIL and
# SYNTHETIC_USER_PASSWORD in {vault}), and the variable that holds its database's address, for invariants (read-only).
[app]
"""

_RULES = """\
# How to reach all of them. `proxy` is the only proxy that is followed: the environment's variables are ignored.
[network]
timeout = "10s"
patience = "4m"         # for repeats and waiting for limits of one request together
# proxy = "http://proxy.internal:3128"

# `lease`: renewed by the run that holds a rotation; free again this long after the last renewal.
[rotation]
lease = "30s"
prove_within = "15m"
deploy_within = "15m"

# How long after a deployment it is judged, against how much history, and how often a good release may fail by chance.
# A pipeline marks a release after it has gone live: rows with its tag count for up to `lead` before the mark.
# `release_pattern` takes the release out of what the app writes, where that is more than a commit or NAME@RELEASE.
[verify]
window = "30m"
baseline = "28d"
false_alarm_rate = 0.01
lead = "2h"
# release_pattern = "^build-(.+)$"

# Parts of the app that are deployed each for itself: the sources (an event's `source`) of each. A deployment of one is
# marked with `events deployed --component web`, judged by its own rows, and ends no other's window. Phones
# (`source = "client"`) are a component of their own, called client. Without the section all is one.
# [components]
# web = ["web"]
# functions = ["sendgrid-email", "twilio-sms"]

# Days that are not like others of their weekday, so that nothing is compared with them.
# [calendar]
# "2026-10-29" = "holiday"

# One section for each provider whose secrets are rotated: where copies of them are.
FORMS
# `sources` says which of the app's processes (an event's `source`) use the secret from where; unsaid, any of them
# speaks for all.
"""

_STAGING = """\
# Any section again, where another environment differs; `--environment staging` picks it.
# [environments.staging]
"""


def render(
    answers: Answers, known: ServiceParts, examples: Sequence[str] = (), own_table: str = "", components: str = ""
) -> str:
    """The file's text; ``examples`` are destinations for the example of a provider, where none was named, ``own_table``
    the lines that read a table of the app's, ``components`` its section of parts, where they are known."""
    rules = _RULES.replace(EXAMPLE, components or EXAMPLE).replace("FORMS\n", _forms(known.forms))
    return "\n".join(
        part
        for part in (
            _HEAD,
            *_places(answers, known, own_table or _OWN_TABLE),
            rules + _providers(answers, known, examples),
            _STAGING + "".join(f"# {setting}\n" for setting in known.overrides),
        )
    )


def _places(answers: Answers, known: ServiceParts, own_table: str) -> Iterator[str]:
    yield section(
        "project",
        ("name", answers.name, ""),
        ("environment", answers.environment, "what the sections below describe"),
        ("language", answers.language, 'of playbooks: "en" or "tr"'),
    )
    by_rest = f"#   {known.log.example:<51} with {known.log.credential} in the environment\n"
    yield _EVENTS + by_rest + section("events", ("url", answers.events_url, "")) + own_table
    sections = known.sections(answers.services)
    yield from sections.values()
    head = _APP.format(vault=known.vault(sections))
    app_url = line("url", answers.app_url or known.backend, "", off=not answers.app_url)
    yield head + app_url + line("database_url_env", "APP_DATABASE_URL", "")


def _forms(forms: Sequence[str]) -> str:
    """As many in a line as there is room for."""
    lines = ["# "]
    for form in forms:
        if len(f"{lines[-1]}   {form}") > WIDEST:
            lines.append("# ")
        lines[-1] += f"{'   ' if lines[-1] != '# ' else '  '}{form}"
    return "\n".join(lines) + '    each may end with " as NAME"\n'


def _providers(answers: Answers, known: ServiceParts, examples: Sequence[str]) -> str:
    if answers.destinations:
        return "\n".join(_provider(provider, uris, known) for provider, uris in answers.destinations.items())
    lines = _provider("sendgrid", examples or known.examples, known).splitlines()
    return "".join(one + "\n" if one.startswith("#") else f"# {one}\n" for one in lines)


def _provider(provider: str, uris: Sequence[str], known: ServiceParts) -> str:
    listed = "".join(f"\n  {text(uri)}," for uri in uris)
    settings = f"[providers.{provider}]\ndestinations = [{listed}{chr(10) if uris else ''}]\n"
    runtime = [uri.partition(" as ")[0].partition("/")[0] for uri in uris if known.runs(uri)]
    if not runtime:
        return settings
    sources = "".join(f'# {text(base)} = ["web"]\n' for base in dict.fromkeys(runtime))
    return f"{settings}# [providers.{provider}.sources]\n{sources}"
