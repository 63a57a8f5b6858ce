"""The text of a first ``releaseguard.toml``: every section, explained, with the answers filled in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from releaseguard.init.answers import Answers
from releaseguard.init.components import EXAMPLE

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
#   https://REF.supabase.co                             with SUPABASE_SERVICE_ROLE_KEY in the environment
"""

_OWN_TABLE = """\
# An app that has such a table already: its name, its columns (false where it has none), and a table for our own rows.
# table = "integration_events"
# results_table = "releaseguard_events"
# [events.columns]
# occurred_at = "created_at"
# latency_ms = false
"""

_INFISICAL = """\
# Where the secrets are kept, and rotated from. Credentials: INFISICAL_TOKEN, or INFISICAL_CLIENT_ID and
# INFISICAL_CLIENT_SECRET, or in GitHub Actions INFISICAL_IDENTITY_ID with `permissions: id-token: write` (the
# audience of that identity is `oidc_audience`, or the url where that is not set).
"""

_GITHUB = """\
# Credentials: RELEASEGUARD_GITHUB_TOKEN, or a GitHub App's RELEASEGUARD_GITHUB_APP_ID and
# RELEASEGUARD_GITHUB_APP_PRIVATE_KEY. The token that Actions gives to a job cannot write secrets.
[github]
url = "https://api.github.com"
"""

_VERCEL = """\
# Credential: VERCEL_TOKEN. `sensitive = true` has `drift` report variables that can be read back.
[vercel]
url = "https://api.vercel.com"
"""

_SUPABASE = """\
# The management API, for edge function secrets. Credential: SUPABASE_ACCESS_TOKEN.
[supabase]
url = "https://api.supabase.com"
"""

_APP = """\
# The app's own base address, where synthetic flows run as a test user (SYNTHETIC_USER_EMAIL and
# SYNTHETIC_USER_PASSWORD in Infisical), and the variable that holds its database's address, for invariants (read-only).
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
#   github:OWNER/REPO   github:OWNER/REPO@ENVIRONMENT   github:OWNER   github-dependabot:OWNER/REPO
#   vercel:PROJECT/production,preview   supabase:REF    each may end with " as NAME"
# `sources` says which of the app's processes (an event's `source`) use the secret from where; unsaid, any of them
# speaks for all.
"""

_STAGING = """\
# Any section again, where another environment differs; `--environment staging` picks it.
# [environments.staging]
# infisical.environment = "staging"
"""


def render(answers: Answers, examples: Sequence[str] = (), own_table: str = "", components: str = "") -> str:
    """The file's text; ``examples`` are destinations for the example of a provider, where none was named, ``own_table``
    the lines that read a table of the app's, ``components`` its section of parts, where they are known."""
    return "\n".join(
        part
        for part in (
            _HEAD,
            *_places(answers, own_table or _OWN_TABLE),
            _RULES.replace(EXAMPLE, components or EXAMPLE) + _providers(answers, examples),
            _STAGING,
        )
    )


def _places(answers: Answers, own_table: str) -> Iterator[str]:
    yield _section(
        "project",
        ("name", answers.name, ""),
        ("environment", answers.environment, "what the sections below describe"),
        ("language", answers.language, 'of playbooks: "en" or "tr"'),
    )
    yield _EVENTS + _section("events", ("url", answers.events_url, "")) + own_table
    yield _INFISICAL + _infisical(answers)
    yield _GITHUB
    yield _VERCEL + _line("team_id", answers.vercel_team or "", "a team's projects", off=not answers.vercel_team)
    yield _SUPABASE
    app_url = answers.app_url or "https://REF.supabase.co"
    yield _APP + _line("url", app_url, "", off=not answers.app_url) + _line("database_url_env", "APP_DATABASE_URL", "")


def _infisical(answers: Answers) -> str:
    section = _section(
        "infisical",
        ("url", answers.infisical_url, ""),
        _project(answers),
        ("environment", answers.infisical_environment, "its slug"),
        ("path", answers.infisical_path, "a provider's own folder: [providers.NAME] path"),
    )
    return section + _folders(answers) + _line("oidc_audience", answers.infisical_url, "", off=True)


def _folders(answers: Answers) -> str:
    """What else the workflows read, where one folder is not all: a rotation looks where it is told."""
    if not answers.infisical_folders:
        return ""
    named = ", ".join(_text(folder) for folder in answers.infisical_folders)
    return f"# The workflows read {named} too: a provider whose secrets stand there says so by its `path`.\n"


def _project(answers: Answers) -> tuple[str, str, str]:
    if answers.infisical_slug and not answers.infisical_project:
        return "project_slug", answers.infisical_slug, "as the workflows name it; or project_id"
    return "project_id", answers.infisical_project, "" if answers.infisical_project else "its id; or project_slug"


def _providers(answers: Answers, examples: Sequence[str]) -> str:
    if answers.destinations:
        return "\n".join(_provider(provider, uris) for provider, uris in answers.destinations.items())
    uris = examples or ["github:OWNER/REPO", "vercel:prj_123/production", "supabase:abcdefghijklmnopqrst"]
    lines = _provider("sendgrid", uris).splitlines()
    return "".join(line + "\n" if line.startswith("#") else f"# {line}\n" for line in lines)


def _provider(provider: str, uris: Sequence[str]) -> str:
    listed = "".join(f"\n  {_text(uri)}," for uri in uris)
    section = f"[providers.{provider}]\ndestinations = [{listed}{chr(10) if uris else ''}]\n"
    runtime = [uri.partition(" as ")[0].partition("/")[0] for uri in uris if uri.startswith(("vercel:", "supabase:"))]
    if not runtime:
        return section
    sources = "".join(f'# {_text(base)} = ["web"]\n' for base in dict.fromkeys(runtime))
    return f"{section}# [providers.{provider}.sources]\n{sources}"


def _section(name: str, *settings: tuple[str, str, str]) -> str:
    return f"[{name}]\n" + "".join(_line(*setting) for setting in settings)


def _line(key: str, value: str, remark: str, *, off: bool = False) -> str:
    line = f"{'# ' if off else ''}{key} = {_text(value)}"
    return f"{line:<26} # {remark}\n" if remark else f"{line}\n"


def _text(value: str) -> str:
    """A basic string: JSON's is one, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
