"""Does the maximum-likelihood estimate exist?  If not: in which directions it runs away, and what is left.

pairs.py, dots.py      the vectors whose cone decides, and exact signs of dot products with them
integers.py, cone.py   whole numbers: null spaces, the simplex method
program.py             guesses of a linear program in double precision
decide.py              the decision, with its proof
signs.py, sides.py     which parameters are infinite, and on which side: exactly, and by linear programs
limit.py               the fit of what can still be estimated
examine.py             all of that for a fit without a certificate
separation.py          what the user gets
prediction.py          limiting probabilities
"""
