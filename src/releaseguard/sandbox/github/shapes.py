"""The larger objects of GitHub's answers, with every field that its published description requires."""

from __future__ import annotations

from releaseguard.harmless import Json, JsonDocument

_LINKS = {
    "archive": "{archive_format}{/ref}",
    "assignees": "assignees{/user}",
    "blobs": "git/blobs{/sha}",
    "branches": "branches{/branch}",
    "collaborators": "collaborators{/collaborator}",
    "comments": "comments{/number}",
    "commits": "commits{/sha}",
    "compare": "compare/{base}...{head}",
    "contents": "contents/{+path}",
    "contributors": "contributors",
    "deployments": "deployments",
    "downloads": "downloads",
    "events": "events",
    "forks": "forks",
    "git_commits": "git/commits{/sha}",
    "git_refs": "git/refs{/sha}",
    "git_tags": "git/tags{/sha}",
    "hooks": "hooks",
    "issue_comment": "issues/comments{/number}",
    "issue_events": "issues/events{/number}",
    "issues": "issues{/number}",
    "keys": "keys{/key_id}",
    "labels": "labels{/name}",
    "languages": "languages",
    "merges": "merges",
    "milestones": "milestones{/number}",
    "notifications": "notifications{?since,all,participating}",
    "pulls": "pulls{/number}",
    "releases": "releases{/id}",
    "stargazers": "stargazers",
    "statuses": "statuses/{sha}",
    "subscribers": "subscribers",
    "subscription": "subscription",
    "tags": "tags",
    "teams": "teams",
    "trees": "git/trees{/sha}",
}
_COUNTS = ("forks", "forks_count", "open_issues", "open_issues_count", "size", "stargazers_count", "watchers")
_MORE_COUNTS = ("watchers_count", "network_count", "subscribers_count")
_FEATURES = ("has_downloads", "has_issues", "has_projects", "has_wiki", "has_pages", "has_discussions")


def account(base: str, login: str, number: int, kind: str = "User") -> JsonDocument:
    """A user or organisation as it appears inside other objects."""
    home = f"{base}/users/{login}"
    links = ("followers", "following", "gists", "starred", "subscriptions", "repos", "events", "received_events")
    return {
        "login": login,
        "id": number,
        "node_id": f"U_{number}",
        "avatar_url": f"{base}/avatars/{number}",
        "gravatar_id": "",
        "url": home,
        "html_url": f"{base}/{login}",
        **{f"{name}_url": f"{home}/{name}" for name in links},
        "organizations_url": f"{home}/orgs",
        "type": kind,
        "site_admin": False,
    }


def signed_in(base: str, login: str, now: str) -> JsonDocument:
    """The user whose token it is."""
    return {
        **account(base, login, 1),
        "user_view_type": "public",
        **dict.fromkeys(("name", "company", "blog", "location", "email", "hireable", "bio")),
        **dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0),
        "created_at": now,
        "updated_at": now,
    }


def repository(base: str, number: int, full_name: str, owner_kind: str, now: str, *, private: bool) -> JsonDocument:
    """A repository, complete enough for the full and the minimal description."""
    owner, _, name = full_name.partition("/")
    home = f"{base}/repos/{full_name}"
    return {
        "id": number,
        "node_id": f"R_{number}",
        "name": name,
        "full_name": full_name,
        "owner": account(base, owner, 1, owner_kind),
        "private": private,
        "visibility": "private" if private else "public",
        "description": None,
        "fork": False,
        "url": home,
        "html_url": f"{base}/{full_name}",
        **{f"{key}_url": f"{home}/{path}" for key, path in _LINKS.items()},
        **{f"{key}_url": f"{base}/{full_name}.git" for key in ("clone", "git", "ssh", "svn")},
        "mirror_url": None,
        "homepage": None,
        "language": None,
        "license": None,
        "default_branch": "main",
        "archived": False,
        "disabled": False,
        **dict.fromkeys((*_COUNTS, *_MORE_COUNTS), 0),
        **dict.fromkeys(_FEATURES, False),
        "permissions": {"admin": True, "maintain": True, "push": True, "triage": True, "pull": True},
        "pushed_at": now,
        "created_at": now,
        "updated_at": now,
    }


def organization(base: str, login: str, number: int, now: str) -> JsonDocument:
    """An organisation."""
    home = f"{base}/orgs/{login}"
    links = ("repos", "events", "hooks", "issues", "members", "public_members")
    return {
        "login": login,
        "id": number,
        "node_id": f"O_{number}",
        "url": home,
        **{f"{name}_url": f"{home}/{name}" for name in links},
        "avatar_url": f"{base}/avatars/{number}",
        "description": None,
        "html_url": f"{base}/{login}",
        "has_organization_projects": False,
        "has_repository_projects": False,
        **dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0),
        "type": "Organization",
        "created_at": now,
        "updated_at": now,
        "archived_at": None,
    }


def workflow_run(base: str, repo: JsonDocument, number: int, run: JsonDocument) -> dict[str, Json]:
    """A workflow run of ``repo``; ``run`` holds its workflow's id and file, name, status, conclusion, commit, number
    and times."""
    home = f"{base}/repos/{repo['full_name']}/actions/runs/{number}"
    links = ("jobs", "logs", "cancel", "rerun", "artifacts")
    return {
        "id": number,
        "node_id": f"WFR_{number}",
        "head_branch": "main",
        "display_title": run["name"],
        "event": "push",
        "url": home,
        "html_url": home,
        **{f"{name}_url": f"{home}/{name}" for name in links},
        "check_suite_url": f"{base}/repos/{repo['full_name']}/check-suites/1",
        "workflow_url": f"{base}/repos/{repo['full_name']}/actions/workflows/{run['workflow_id']}",
        "pull_requests": [],
        "head_commit": None,
        "head_repository": repo,
        "repository": repo,
        **run,
    }


def workflow(base: str, full_name: str, number: int, name: str, now: str) -> JsonDocument:
    """A workflow of a repository, kept in a file of its name."""
    path = f".github/workflows/{name}.yml"
    return {
        "id": number,
        "node_id": f"W_{number}",
        "name": name,
        "path": path,
        "state": "active",
        "created_at": now,
        "updated_at": now,
        "url": f"{base}/repos/{full_name}/actions/workflows/{number}",
        "html_url": f"{base}/{full_name}/blob/main/{path}",
        "badge_url": f"{base}/{full_name}/workflows/{name}/badge.svg",
    }
