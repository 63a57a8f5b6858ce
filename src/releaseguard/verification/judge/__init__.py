"""The judge: a release, judged minute by minute from counted rows."""
