"""Formulas: their language, what they make of tables, and what is kept of them without code."""
