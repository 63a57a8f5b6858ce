"""Deployment statuses and comments at GitHub's stand-in."""

from __future__ import annotations

from typing import Any

from releaseguard.sandbox.github.secrets import GitHubSecrets
from releaseguard.sandbox.serving.exchange import Reject, Request, Response, to_seconds
from releaseguard.sandbox.serving.stand_in import route

STATES = ("error", "failure", "inactive", "in_progress", "queued", "pending", "success")


class GitHubBoards(GitHubSecrets):
    """Of every repository."""

    @route("POST", "/repos/{owner}/{repo}/deployments/{deployment}/statuses")
    def create_status(self, request: Request) -> Response:
        body, repo = request.json(), self._repository(request)
        if body.get("state") not in STATES or len(body.get("description", "")) > 140:
            return self._refusal(422, "Validation Failed")
        status = {"id": next(self._ids), "created_at": to_seconds(self.clock()), **body}
        repo.statuses.setdefault(request.params["deployment"], []).append(status)
        return Response(201, status)

    @route("GET", "/repos/{owner}/{repo}/commits/{commit}/pulls")
    def list_pulls(self, request: Request) -> Response:
        numbers = self._repository(request).pulls.get(request.params["commit"], [])
        return self._page(request, [{"number": number} for number in numbers])

    @route("GET", "/repos/{owner}/{repo}/issues/{number}/comments")
    def list_comments(self, request: Request) -> Response:
        return self._page(request, self._comments(request))

    @route("POST", "/repos/{owner}/{repo}/issues/{number}/comments")
    def create_comment(self, request: Request) -> Response:
        user = {"login": "github-actions[bot]", "type": "Bot"}
        comment = {"id": next(self._ids), "user": user, "body": request.json()["body"]}
        self._comments(request).append(comment)
        return Response(201, comment)

    @route("PATCH", "/repos/{owner}/{repo}/issues/comments/{id}")
    def update_comment(self, request: Request) -> Response:
        comments = [one for said in self._repository(request).comments.values() for one in said]
        for comment in comments:
            if str(comment["id"]) == request.params["id"]:
                comment["body"] = request.json()["body"]
                return Response(200, comment)
        raise Reject(self._refusal(404, "Not Found"))

    def _comments(self, request: Request) -> list[Any]:
        return self._repository(request).comments.setdefault(request.params["number"], [])
