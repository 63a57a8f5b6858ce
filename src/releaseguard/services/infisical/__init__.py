"""Infisical: the vault."""
