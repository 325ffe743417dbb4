"""The machine-learning door: estimators as scikit-learn has them, over the fit that sigmax has."""

from sigmax.extras import load

# modules of this room import scikit-learn as they begin: where it is missing, this says what to install
load("sklearn", extra="sklearn", what="sigmax.LogisticRegression")
