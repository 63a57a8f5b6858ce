"""What a verification reads from the event log: releases, traffic, single rows, and what could not be read."""
