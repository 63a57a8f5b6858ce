"""Whether every managed secret is where it should be, as the vault has it."""
