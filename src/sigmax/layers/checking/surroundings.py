"""What a layer does near a batch and its parameters: noise, mixed rows, kinks, every entry moved alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from sigmax.kernels import Float
from sigmax.layers.checking.differences import (
    EPS,
    FIRST,
    Judgement,
    Shifted,
    first_steps,
    joined,
    judge,
    kinks,
)
from sigmax.layers.checking.watched import Watched, place

#: outputs that are held at once while the entries of a parameter are moved one after the other
_HELD = 2**16
#: evaluations with all numbers moved by a rounding, whose effects are the noise of the outputs
_ROUNDINGS = 4
#: no rounding is taken for more than this share of the largest output
_MOST_NOISE = math.sqrt(EPS)
#: outputs of a row that move by so many times their noise have moved
_MOVED = 16.0


class Surroundings:
    """A layer near a batch.

    Parameters
    ----------
    watched : Watched
    a : ndarray of shape (n, width_out)
        Its outputs there.
    rng : Generator
        What moves and directions are drawn from.
    tol : float
        Relative part of tolerances.

    Attributes
    ----------
    noise : ndarray of shape (n, width_out)
        How far each output may lie from what it should be.
    dz, direction : ndarray of shape (n, width), dict of str to ndarray
        One direction in z and the parameters; one array under two names has one direction.
    """

    def __init__(self, watched: Watched, a: Float, rng: np.random.Generator, tol: float) -> None:
        self.watched, self.z, self.a, self.rng, self.tol = watched, watched.z, a, rng, tol
        [self.noise] = self.noise_of(lambda: [watched.outputs(self.moved(self.z))], [a])
        self.dz = rng.standard_normal(self.z.shape)
        drawn = {place(one): rng.standard_normal(one.shape) for one in watched.parameters.values()}
        self.direction = {name: drawn[place(one)] for name, one in watched.parameters.items()}

    # -- moved a little ------------------------------------------------------------------------------------

    def moved(self, x: Float) -> Float:
        """x with every number moved by a rounding, up or down."""
        return x + EPS * np.maximum(1.0, np.abs(x)) * signs(self.rng, x.shape)

    def noise_of(
        self, values: Callable[[], list[Float]], base: list[Float], unit: float = 0.0
    ) -> list[Float]:
        """How far each of some values may lie from what it should be: what roundings of all numbers do to it.

        `values` moves what it computes from besides the parameters.  A constant of order 1 inside the layer
        has a rounding, too, which nothing moves; the largest value, or else `unit`, says whether there may be
        one.
        """
        largest = [max(unit, float(np.abs(one).max(initial=0.0))) for one in base]
        found = [np.zeros_like(one) for one in base]
        for _ in range(_ROUNDINGS):
            with self.watched.restored():
                for parameter in self.watched.parameters.values():
                    parameter[...] = self.moved(parameter)
                for worst, value, at in zip(found, values(), base, strict=True):
                    np.fmax(worst, np.abs(value - at), out=worst)
        return [
            np.minimum(worst, _MOST_NOISE * top) + EPS * (np.abs(at) + min(1.0, top))
            for worst, at, top in zip(found, base, largest, strict=True)
        ]

    def mixed_row(self) -> int | None:
        """A row of the output that depends on other rows of z than its own, if there is one.

        Of any two rows the numbers differ in a bit, so one of them moves while the other one stays.
        """
        number = np.arange(len(self.z))
        for bit in range((len(self.z) - 1).bit_length()):
            for value in (0, 1):
                moving = (number >> bit) & 1 == value
                a = self.watched.outputs(self.z + away(self.rng, self.z) * moving[:, None])
                mixed = ~(np.abs(a - self.a) <= _MOVED * self.noise).all(axis=1) & ~moving
                if mixed.any():
                    return int(mixed.argmax())
        return None

    # -- along one direction -------------------------------------------------------------------------------

    @contextmanager
    def along(self, t: float) -> Iterator[Float]:
        """z + t dz, while the parameters are theirs + t direction."""
        with self.watched.restored():
            for name, one in self.watched.parameters.items():
                # a tied array is moved once
                if self.watched.sharing(name)[0] == name:
                    one[...] = one + t * self.direction[name]
            yield self.z + t * self.dz

    def kinked_rows(self) -> npt.NDArray[np.bool_]:
        """The rows of the output that have a kink at z and the parameters."""

        def shifted(f: float, which: npt.NDArray[np.intp]) -> tuple[Float, Float]:
            with self.along(f * FIRST) as z:
                a = self.watched.outputs(z).reshape(-1, 1)[which]
            return a, np.full(len(which), f * FIRST)

        steps = np.full(self.a.size, FIRST)
        found = kinks(shifted, self.a.reshape(-1, 1), self.noise.reshape(-1, 1), steps)
        return np.asarray(found.reshape(self.a.shape).any(axis=1))

    # -- entries of z and of the parameters ------------------------------------------------------------------

    def column(self, j: int, rows: npt.NDArray[np.intp], rule: Float, R: Float) -> Judgement:
        """Entries of one column of z, moved together."""
        x = self.z[rows, j]
        steps = first_steps(x)

        def shifted(f: float, which: npt.NDArray[np.intp]) -> tuple[Float, Float]:
            z, at = self.z.copy(), rows[which]
            z[at, j] += f * steps[which]
            gone = z[at, j] - x[which]
            return self.watched.outputs(z)[at], gone

        return judge(shifted, rule[rows, j], R[rows], self.a[rows], self.noise[rows], steps, self.tol)

    def one_by_one(
        self, array: Float, z: Float, entries: npt.NDArray[np.intp], rule: Float, R: Float
    ) -> Judgement:
        """Entries of an array that the layer reads, z or a parameter, moved in place one after the other."""
        at_once = max(1, _HELD // max(1, self.a.size))
        flat = R.reshape(1, -1), self.a.reshape(1, -1), self.noise.reshape(1, -1)
        found = []
        for start in range(0, max(1, len(entries)), at_once):
            # one by one: a scalar has no indices to be unravelled together
            places = [
                tuple(map(int, np.unravel_index(one, array.shape)))
                for one in entries[start : start + at_once]
            ]
            steps = first_steps(np.array([array[at] for at in places]))
            values = np.array([rule[at] for at in places])
            found.append(judge(self._mover(array, z, places, steps), values, *flat, steps, self.tol))
        return joined(found)

    def _mover(self, array: Float, z: Float, places: list[tuple[int, ...]], steps: Float) -> Shifted:
        def shifted(f: float, which: npt.NDArray[np.intp]) -> tuple[Float, Float]:
            out, gone = np.empty((len(which), self.a.size)), np.empty(len(which))
            for k, entry in enumerate(which):
                at = places[entry]
                x = float(array[at])
                array[at] = x + f * steps[entry]
                gone[k] = array[at] - x
                out[k] = self.watched.outputs(z.copy()).reshape(-1)
                array[at] = x
            return out, gone

        return shifted


def signs(rng: np.random.Generator, shape: tuple[int, ...]) -> Float:
    """+1 and -1, drawn."""
    return np.where(rng.integers(0, 2, shape) == 0, -1.0, 1.0)


def away(rng: np.random.Generator, z: Float) -> Float:
    """A change of z about as large as a first step, of either sign."""
    change = first_steps(z) * rng.uniform(0.5, 1.0, z.shape) * signs(rng, z.shape)
    return np.asarray(change, dtype=np.float64)
