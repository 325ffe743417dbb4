"""Which scikit-learn is installed: what it means by its parameters has changed between versions."""

from __future__ import annotations

import sklearn

#: (major, minor)
SKLEARN = tuple(map(int, sklearn.__version__.split(".")[:2]))

#: `penalty` and `n_jobs` are deprecated, `l1_ratio` is 0.0 by default, and there is no `multi_class`
PENALTY_IS_DEPRECATED = SKLEARN >= (1, 8)
#: class_weight="balanced" counts sample weights, not rows
BALANCED_COUNTS_WEIGHTS = SKLEARN >= (1, 7)
