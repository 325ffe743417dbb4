"""What a layer is: three rules, parameters by name, and nothing else.

A layer maps the rows of a batch one by one, a = f(z; parameters).  With J any function of its output and
delta = dJ/da its gradient there,

    forward     a = f(z)
    backward    dJ/dz = delta da/dz                  the input gradient, of each row
    gradients   dJ/dparameter = sum_i delta_i da_i/dparameter

and layers with these rules compose: the output of one is the input of the next, and the input gradient of one
is the output gradient of the one before (Rumelhart, Hinton & Williams, Nature 323, 1986).  The derivatives of
the three rules in a direction, `*_tangent`, give Hessian-vector products (Pearlmutter, Neural Computation 6,
1994); a layer may do without.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import ClassVar, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from sigmax import kernels
from sigmax.data.checks import contiguous, numbers
from sigmax.kernels import Float, Kernels

#: name -> array, of parameters, of their gradients, or of a direction among them
Arrays: TypeAlias = dict[str, Float]
Direction: TypeAlias = Mapping[str, npt.ArrayLike]


class ShapeError(ValueError):
    """An array that does not fit a layer: the message names the layer, the expected and the given shape."""


class Layer:
    """Base class of layers: a map of rows with three rules.

    Write your own by `forward` and `backward`, and by `parameters` and `gradients` where it has parameters;
    `super().__init__()` need not be called.  :func:`sigmax.layers.check_gradients` says whether the rules
    fit each other.

    Attributes
    ----------
    parameters : dict of str to ndarray
        The very arrays that the layer computes with: writing into them changes it.  Empty by default.
    penalised : tuple of str
        Names of the parameters that an L2 penalty counts.
    backend : {"auto", "compiled", "reference"} or None
        Of its kernels; None: the environment variable ``SIGMAX_BACKEND``, else "auto".

    Notes
    -----
    `forward` keeps what the other rules need as plain attributes of the layer, and they hold for its last
    call.  One layer is for one thread: :meth:`share` makes another one with the same parameters.
    """

    penalised: ClassVar[tuple[str, ...]] = ()
    backend: str | None = None

    # -- the three rules ---------------------------------------------------------------------------

    def forward(self, z: npt.ArrayLike) -> Float:
        """Output of a batch.

        Parameters
        ----------
        z : array_like of shape (n, width_in)

        Returns
        -------
        ndarray of shape (n, width_out)
        """
        raise NotImplementedError(f"{self!r} has no forward")

    def backward(self, delta: npt.ArrayLike) -> Float:
        """Input gradient from output gradient, at the input of the last `forward`.

        Parameters
        ----------
        delta : array_like of shape (n, width_out)
            dJ/da of each row.

        Returns
        -------
        ndarray of shape (n, width_in)
            dJ/dz of each row.
        """
        raise NotImplementedError(f"{self!r} has no backward")

    def gradients(self, delta: npt.ArrayLike) -> Arrays:
        """Gradients of the parameters from the output gradient, at the input of the last `forward`.

        Parameters
        ----------
        delta : array_like of shape (n, width_out)
            dJ/da of each row.

        Returns
        -------
        dict of str to ndarray
            dJ/dparameter, summed over the rows, by the names and in the shapes of `parameters`.
        """
        return {}

    @property
    def parameters(self) -> Arrays:
        """The arrays that the layer learns, by name."""
        return {}

    # -- their derivatives in a direction ----------------------------------------------------------

    def forward_tangent(self, dz: npt.ArrayLike, direction: Direction) -> Float:
        """d forward: how the output changes, to first order, with the input and the parameters.

        Parameters
        ----------
        dz : array_like of shape (n, width_in)
            Change of the input of the last `forward`.
        direction : dict of str to array_like
            Changes of the parameters; what is not named does not change.

        Returns
        -------
        ndarray of shape (n, width_out)
        """
        raise NotImplementedError(_without(self, "forward_tangent"))

    def backward_tangent(self, delta: npt.ArrayLike, ddelta: npt.ArrayLike) -> Float:
        """d backward: how its result changes along the last `forward_tangent` and with delta by ddelta."""
        raise NotImplementedError(_without(self, "backward_tangent"))

    def gradients_tangent(self, delta: npt.ArrayLike, ddelta: npt.ArrayLike) -> Arrays:
        """d gradients: how they change along the last `forward_tangent` while delta changes by ddelta."""
        if type(self).gradients is Layer.gradients:
            return {}
        raise NotImplementedError(_without(self, "gradients_tangent"))

    @property
    def has_tangents(self) -> bool:
        """Whether the three rules have derivatives of their own."""
        mine = type(self)
        return (
            mine.forward_tangent is not Layer.forward_tangent
            and mine.backward_tangent is not Layer.backward_tangent
            and (mine.gradients is Layer.gradients or mine.gradients_tangent is not Layer.gradients_tangent)
        )

    # -- for many threads --------------------------------------------------------------------------

    def share(self, backend: str | None = None) -> Self:
        """A layer with the same parameter arrays and a memory of its own.

        Attributes that are layers, or tuples or lists of layers, are shared likewise; all others are those of
        this layer.  So a rule keeps what it computes as a new array, and writes into no array it keeps: both
        layers, on two threads, would write into it.

        Parameters
        ----------
        backend : {"auto", "compiled", "reference"}, optional
            Of the new layer; by default that of this one.
        """
        other = copy.copy(self)
        made: dict[int, Layer] = {}  # a layer that stands in two attributes is one layer in the new one, too

        def shared(layer: Layer) -> Layer:
            if id(layer) not in made:
                made[id(layer)] = layer.share(backend)
            return made[id(layer)]

        for name, value in vars(self).items():
            if isinstance(value, Layer):
                other.__dict__[name] = shared(value)
            elif type(value) in (tuple, list) and value and all(isinstance(one, Layer) for one in value):
                other.__dict__[name] = type(value)(map(shared, value))
        if backend is not None:
            other.backend = backend
        return other

    @property
    def kernels(self) -> Kernels:
        """The kernels of `backend`."""
        return kernels.get(self.backend)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def _without(layer: Layer, rule: str) -> str:
    """Who misses a second rule, and what needs it: a user of `newton-cg` has not called the rule himself."""
    return f"{layer!r} has no {rule}, which products with the Hessian need, and so method='newton-cg'"


def shape_of(widths: tuple[int | str, ...]) -> str:
    """``(n, 3)``."""
    return f"({', '.join(map(str, widths))})"


def real(layer: Layer, rule: str, name: str, value: npt.ArrayLike) -> Float:
    """`value` as a float64 array of any layout.

    Raises
    ------
    TypeError
        It holds no real numbers.
    """
    given = np.asarray(value)
    if given.dtype != np.float64:
        given = numbers(f"{layer!r}.{rule}: {name}", given, TypeError).astype(np.float64)
    return given


def batch(layer: Layer, rule: str, name: str, value: npt.ArrayLike, width: int | None = None) -> Float:
    """`value` as a float64 matrix, contiguous, of `width` columns where that is given.

    Raises
    ------
    ShapeError
        It is none.
    TypeError
        It holds no real numbers.
    """
    array = contiguous(real(layer, rule, name, value))
    if array.ndim != 2 or (width is not None and array.shape[1] != width):
        expected = shape_of(("n", "width" if width is None else width))
        raise ShapeError(f"{layer!r}.{rule}: {name} must have shape {expected}; got {np.shape(value)}")
    return array


def like(layer: Layer, rule: str, name: str, value: npt.ArrayLike, shape: tuple[int, ...]) -> Float:
    """`value` as a contiguous float64 array of a shape.

    Raises
    ------
    ShapeError
        It has another one.
    TypeError
        It holds no real numbers.
    """
    array = contiguous(real(layer, rule, name, value))
    if array.shape != shape:
        raise ShapeError(f"{layer!r}.{rule}: {name} must have shape {shape}; got {np.shape(value)}")
    return array


def forget(layer: Layer, *names: str) -> None:
    """Drop what belongs to the batch before."""
    for name in names:
        layer.__dict__.pop(name, None)


def memory(layer: Layer, rule: str, name: str = "z") -> Float:
    """What `forward` has kept under a name.

    Raises
    ------
    RuntimeError
        `forward` has not been called.
    """
    try:
        found: Float = layer.__dict__[name]
    except KeyError:
        first = "forward_tangent" if name.startswith("d") else "forward"
        raise RuntimeError(f"{layer!r}.{rule} needs {first} to be called before") from None
    return found
