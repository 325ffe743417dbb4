"""How well fitted probabilities fit, discriminate and predict: functions of arrays, and their tables.

Every module is a formula or two, of :class:`~sigmax.inference.performance.outcomes.Outcomes`: probabilities
(n, K), and what was observed as codes or counts, with frequency weights.  Sums are correctly rounded
(`sums.py`), so that integer weights equal repeated rows to the bit.
"""
