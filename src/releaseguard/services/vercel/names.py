"""Names of variables that Vercel keeps for itself."""

from __future__ import annotations

_SYSTEM = frozenset({
    *("CI", "VERCEL", "VERCEL_AUTOMATION_BYPASS_SECRET", "VERCEL_BRANCH_URL", "VERCEL_DEPLOYMENT_ID", "VERCEL_ENV"),
    *("VERCEL_OIDC_TOKEN", "VERCEL_PROJECT_ID", "VERCEL_PROJECT_PRODUCTION_URL", "VERCEL_REGION"),
    *("VERCEL_SKEW_PROTECTION_ENABLED", "VERCEL_TARGET_ENV", "VERCEL_URL"),
})  # fmt: skip
"""What Vercel gives every deployment by itself (its documentation: system environment variables)."""
_RESERVED = frozenset({
    *("AWS_SECRET_KEY", "AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"),
    *("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "NOW_REGION"),
    *("TZ", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"),
})  # fmt: skip
"""What its functions' runtimes keep for themselves (its documentation: reserved environment variables)."""


def is_taken(name: str) -> bool:
    """Whether Vercel sets, or refuses, a variable of that name itself: nothing stored under it reaches the app."""
    return name in _SYSTEM | _RESERVED or name.startswith("VERCEL_GIT_")
