"""Results in files: what of one goes into the archive, and what comes back out of it."""
