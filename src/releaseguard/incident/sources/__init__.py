"""The sources of an incident: each question is asked once, and failures are worded here."""
