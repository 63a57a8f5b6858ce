"""A stand-in for Infisical: logins, versioned secrets, approval policies, rotations, audit log, limits.

Answers and errors have the shapes of a self-hosted server of October 2024 (recorded) and, where they differ,
of current ones (their published source); :attr:`InfisicalStandIn.of_2024` picks the old behaviour.
"""
