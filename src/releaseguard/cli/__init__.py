"""The command line. Each command is one file: flags, story, report, exit code."""
