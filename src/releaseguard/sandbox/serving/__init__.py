"""What every stand-in has in common: real HTTP on loopback, a routing table, a journal, and faults on demand."""
