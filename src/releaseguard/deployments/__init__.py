"""What makes a running app pick up what was written."""
