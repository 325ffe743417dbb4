"""What a fit is about: the rows (design) and what was observed in them (response)."""
