"""The integration event log: one interface, three stores."""
