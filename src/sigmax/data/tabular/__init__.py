"""Tables of every make: their columns as NumPy has them, and how those without a formula are coded."""
