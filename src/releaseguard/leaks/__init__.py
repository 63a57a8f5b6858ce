"""Where a secret may have leaked: alerts that others raised, and the content of a repository's history."""
