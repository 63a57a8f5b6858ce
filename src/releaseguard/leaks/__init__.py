"""Where a secret may have got out: alerts that others raised, and what a repository's history holds."""
