"""The statistics that verdicts and health share; pure functions of values."""
