"""Solvers: one algorithm per file.  A solver sees an objective and vectors, never X or labels."""
