"""Warnings and errors that sigmax issues."""


class ConvergenceWarning(UserWarning):
    """A fit ended without a certificate; the message says why and which knob to turn."""


class SeparationWarning(ConvergenceWarning):
    """The classes are separated: the maximum-likelihood estimate does not exist; see `Result.separation`."""


class SeparationError(ValueError):
    """The classes are separated, and ``on_separation="raise"`` was asked for.

    Attributes
    ----------
    separation : sigmax.existence.separation.Separation
        Which rows and columns, and the proof.
    """

    def __init__(self, message: str, separation: object) -> None:
        super().__init__(message)
        self.separation = separation

    def __reduce__(self) -> tuple[type, tuple[str, object]]:
        return type(self), (str(self), self.separation)
