"""The stand-in app, as strict as the one that the shipped flows were written for: paths, bodies, answers, refusals."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from releaseguard.model import Outcome
from releaseguard.sandbox.app import AppStandIn, Use
from releaseguard.sandbox.serving.exchange import Reject, Request, Response

Body = Mapping[str, Any]
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NEAR = {
    "p_lat", "p_lng", "p_radius_km", "p_limit", "p_cursor", "p_min_age", "p_max_age", "p_gender", "p_viewer_id",
}  # fmt: skip
_NEAR_ONCE = {"lat", "lng", "radius_meters", "limit_count", "offset_count"}


def _addressed(to: Any) -> bool:
    several = to if isinstance(to, list) else [to]
    return all(isinstance(one, dict) and "@" in str(one.get("email")) for one in several) and bool(several)


def _mail(body: Body) -> bool:
    return _addressed(body.get("to")) and bool(body.get("subject")) and bool(body.get("text") or body.get("html"))


def _message(body: Body) -> bool:
    return str(body.get("to", "")).startswith("+") and bool(body.get("message"))


def _withdrawal(body: Body) -> bool:
    amount = body.get("amount")
    enough = isinstance(amount, int | float) and not isinstance(amount, bool) and amount >= 50
    return enough and bool(_UUID.fullmatch(str(body.get("bankAccountId"))))


def _place(body: Body) -> bool:
    backwards = body.get("type") == "reverse" and {"lat", "lng"} <= set(body)
    return backwards or bool(body.get("address"))


TAKES: Mapping[str, Callable[[Body], bool]] = {
    "/rest/v1/rpc/discover_nearby_moments": lambda body: any(set(body) <= known for known in (_NEAR, _NEAR_ONCE)),
    "/functions/v1/sendgrid-email/send": _mail,
    "/functions/v1/twilio-sms/send-sms": _message,
    "/functions/v1/paytr-withdraw": _withdrawal,
    "/functions/v1/get-idenfy-token": lambda body: not body,
    "/functions/v1/geocode": _place,
}
"""Everything a test user may ask for, and which bodies are taken."""

ANSWERS: Mapping[str, Any] = {
    "discover": [],
    "paytr-withdraw": {"success": True, "data": {"settlementId": "s-1"}},
    "get-idenfy-token": {"authToken": "t", "scanRef": "r"},
}


class TheApp(AppStandIn):
    """No function knows idempotency keys, PostgREST answers without a line of the app's, and bodies are looked at."""

    def authorize(self, request: Request) -> None:
        super().authorize(request)
        if request.path.startswith("/auth/"):
            return
        takes = TAKES.get(request.path)
        if takes is None:
            raise Reject(Response(404, {"code": "NOT_FOUND", "message": "Requested function was not found"}))
        if not takes(request.json() if request.body else {}):
            raise Reject(Response(400, {"success": False, "error": "Invalid request"}))

    def _carry_out(self, use: Use, request: Request) -> Response:
        if use.provider == "supabase":
            return Response(200, ANSWERS["discover"])
        answer = super()._carry_out(use, request)
        if answer.status != 200 or self.events[-1].outcome is not Outcome.SUCCESS:
            return answer
        return Response(200, ANSWERS.get(use.process, {"success": True}))
