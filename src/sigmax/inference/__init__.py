"""What a fit says: results, their uncertainty and tables.  Does not know how the optimum was found."""
