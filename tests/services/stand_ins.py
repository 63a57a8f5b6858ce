"""Stand-ins of the two services that the recipe adds, and a place for their rooms beside ours.

What stands in ``examples/`` is not shipped: it is made importable as ``releaseguard.services.NAME``.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import releaseguard.services
from releaseguard.model import to_text, utc_now
from releaseguard.sandbox.serving.exchange import Clock, Reject, Request, Response
from releaseguard.sandbox.serving.stand_in import StandIn, route

EXAMPLES = Path(__file__).parent / "examples"

if str(EXAMPLES) not in releaseguard.services.__path__:
    releaseguard.services.__path__.append(str(EXAMPLES))


class NetlifyStandIn(StandIn):
    """Sites and their variables; a secret one's value is not shown."""

    name: ClassVar[str] = "netlify"

    def __init__(self, clock: Clock = utc_now) -> None:
        super().__init__(clock)
        self.token = f"nfp_{secrets.token_hex(20)}"
        self.account = "team"
        self.sites: dict[str, dict[str, dict[str, Any]]] = {}

    def put(self, site: str, name: str, value: str) -> None:
        """Set a variable as a person would."""
        self._set(site, {"key": name, "is_secret": True, "values": [{"context": "all", "value": value}]})

    def environment(self, site: str) -> dict[str, str]:
        """What the functions of a deployment find."""
        return {name: one["values"][0]["value"] for name, one in self.sites[site].items()}

    def authorize(self, request: Request) -> None:
        if request.bearer != self.token:
            raise Reject(Response(401, {"message": "Access Denied"}))

    def _site(self, request: Request) -> str:
        site = request.query["site_id"]
        if site not in self.sites or request.params["account"] != self.account:
            raise Reject(Response(404, {"message": "Not Found"}))
        return site

    def _set(self, site: str, variable: dict[str, Any]) -> None:
        self.sites[site][variable["key"]] = {**variable, "updated_at": to_text(self.clock())}

    @route("GET", "/api/v1/sites")
    def list_sites(self, _request: Request) -> Response:
        return Response(200, [{"id": site} for site in self.sites])

    @route("GET", "/api/v1/accounts/{account}/env")
    def listed(self, request: Request) -> Response:
        return Response(200, [_shown(one) for one in self.sites[self._site(request)].values()])

    @route("POST", "/api/v1/accounts/{account}/env")
    def create(self, request: Request) -> Response:
        site, made = self._site(request), request.json()
        if any(one["key"] in self.sites[site] for one in made):
            return Response(409, {"message": "already exists"})
        for one in made:
            self._set(site, one)
        return Response(201, [_shown(one) for one in made])

    @route("PUT", "/api/v1/accounts/{account}/env/{key}")
    def update(self, request: Request) -> Response:
        site = self._site(request)
        if request.params["key"] not in self.sites[site]:
            return Response(404, {"message": "Not Found"})
        self._set(site, request.json())
        return Response(200, _shown(request.json()))


def _shown(variable: dict[str, Any]) -> dict[str, Any]:
    values = [{"context": "all"}] if variable["is_secret"] else variable["values"]
    return {**variable, "values": values}


class OpenBaoStandIn(StandIn):
    """One mount of a key-value store, version 2."""

    name: ClassVar[str] = "openbao"

    def __init__(self, clock: Clock = utc_now) -> None:
        super().__init__(clock)
        self.token = f"s.{secrets.token_hex(12)}"
        self.kept: dict[str, list[tuple[str, datetime]]] = {}

    def put(self, name: str, value: str) -> None:
        """Store a version as a person would."""
        self.kept.setdefault(name, []).append((value, self.clock()))

    def authorize(self, request: Request) -> None:
        if request.headers.get("x-vault-token") != self.token:
            raise Reject(Response(403, {"errors": ["permission denied"]}))

    def _versions(self, request: Request) -> list[tuple[str, datetime]]:
        versions = self.kept.get(request.params["name"])
        if not versions:
            raise Reject(Response(404, {"errors": []}))
        return versions

    @route("GET", "/v1/kv/data/{name}")
    def read(self, request: Request) -> Response:
        versions = self._versions(request)
        number = int(request.query.get("version", len(versions)))
        if not 1 <= number <= len(versions):
            return Response(404, {"errors": []})
        value, at = versions[number - 1]
        about = {"version": number, "created_time": to_text(at)}
        return Response(200, {"data": {"data": {"value": value}, "metadata": about}})

    @route("POST", "/v1/kv/data/{name}")
    def write(self, request: Request) -> Response:
        self.put(request.params["name"], request.json()["data"]["value"])
        versions = self.kept[request.params["name"]]
        return Response(200, {"data": {"version": len(versions), "created_time": to_text(versions[-1][1])}})

    @route("GET", "/v1/kv/metadata/{name}")
    def about(self, request: Request) -> Response:
        return Response(200, {"data": {"created_time": to_text(self._versions(request)[0][1])}})

    @route("GET", "/v1/kv/metadata")
    def listed(self, _request: Request) -> Response:
        return Response(200, {"data": {"keys": list(self.kept)}})
