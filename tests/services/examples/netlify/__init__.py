"""Netlify: where a site's variables are written."""
