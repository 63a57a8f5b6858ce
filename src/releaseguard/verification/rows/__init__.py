"""What a verification reads from the event log: releases, traffic, single rows, and unreadable rows."""
