"""Warnings that sigmax issues."""


class ConvergenceWarning(UserWarning):
    """A fit ended without a certificate; the message says why and which knob to turn."""
