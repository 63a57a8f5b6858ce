"""Vercel: where variables are written, and what redeploys the app."""
