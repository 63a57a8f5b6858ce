"""The judge: a release replayed minute by minute."""
