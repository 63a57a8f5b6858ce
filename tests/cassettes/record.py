"""Records the cassettes anew, against the stand-ins: ``python -m tests.cassettes.record``.

No account, no network, and no secret: what is pushed is a placeholder, and credentials are left out.
"""

from __future__ import annotations

from releaseguard.sandbox.github.stand_in import GitHubStandIn
from releaseguard.sandbox.infisical.stand_in import InfisicalStandIn
from releaseguard.sandbox.serving.stand_in import StandIn
from releaseguard.sandbox.supabase import SupabaseProject, SupabaseStandIn
from releaseguard.sandbox.vercel.stand_in import VercelStandIn
from tests.support import exchanges
from tests.support.adapters import StepClock


def github() -> tuple[StandIn, str | None]:
    stand_in = GitHubStandIn(StepClock())
    stand_in.add_organization("lovendo")
    stand_in.add_repository("lovendo/app", ["production"])
    stand_in.put("lovendo/app", "SENDGRID_API_KEY", "old")
    return stand_in, stand_in.token


def vercel() -> tuple[StandIn, str | None]:
    stand_in = VercelStandIn(StepClock())
    stand_in.team_id = exchanges.TEAM
    project = stand_in.add_project("web")
    stand_in.put(project, "SENDGRID_API_KEY", "old", ["production"])
    stand_in.deploy(project, "0123456789abcdef0123456789abcdef01234567")
    return stand_in, stand_in.token


def supabase() -> tuple[StandIn, str | None]:
    stand_in = SupabaseStandIn(StepClock())
    stand_in.projects[exchanges.REF] = SupabaseProject(exchanges.REF, "app")
    stand_in.put(exchanges.REF, "SENDGRID_API_KEY", "old")
    return stand_in, stand_in.token


def infisical() -> tuple[StandIn, str | None]:
    stand_in = InfisicalStandIn(StepClock())
    stand_in.project_id, stand_in.client_id = exchanges.PROJECT_ID, exchanges.CLIENT_ID
    stand_in.client_secret = exchanges.CLIENT_SECRET
    stand_in.put("SENDGRID_API_KEY", "old")
    return stand_in, None


SERVICES = {"github": github, "vercel": vercel, "supabase": supabase, "infisical": infisical}


def main() -> None:
    for name, (service, play) in exchanges.PLAYED.items():
        stand_in, token = SERVICES[service]()
        (exchanges.CASSETTES / f"{name}.yaml").unlink(missing_ok=True)
        with (
            stand_in,
            exchanges.connected(stand_in.url, token) as connect,
            exchanges.cassette(name, "all", stand_in.url),
        ):
            play(connect)


if __name__ == "__main__":
    main()
