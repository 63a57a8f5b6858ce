"""A stand-in for Vercel's API: projects, environment variables, deployments.

A deployment carries a snapshot of the environment as it was when it was created, as on Vercel: a new value is
seen by later deployments only. Switches make it do what the descriptions leave open or what goes wrong.
"""
