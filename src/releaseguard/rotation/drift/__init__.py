"""Whether every managed secret stands at its destinations as the vault has it."""
