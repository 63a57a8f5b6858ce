"""A stand-in for GitHub's REST API: sealed-box secrets, variables, runs, secret-scanning alerts, limits.

Secrets are really encrypted: every place has a key pair of its own, and a ``PUT`` that cannot be opened with
it is refused as GitHub refuses it. Times have GitHub's resolution of one second.
"""
