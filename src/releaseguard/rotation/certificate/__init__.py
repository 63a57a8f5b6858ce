"""The certificate of revocation: who uses the new value, who used the old one last, and who has not been seen yet."""
