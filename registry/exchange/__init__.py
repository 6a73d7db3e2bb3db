"""What mmreg knows, in the formats of others: written for them, and read back where they keep it."""
