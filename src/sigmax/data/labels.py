"""Class codes of labels, without sorting them: the classes of a sample, then one sweep that compares.

`np.unique` sorts: for two classes in 2,000,000 rows it takes longer than a pass over twenty columns.  Here a
strided sample of some thousand labels gives the classes, and every label is compared with them, in blocks
that the threads share.  Labels that match none are few: they go through the same again, and the classes
merge.
The result is that of ``np.unique`` and ``np.searchsorted``, for any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from sigmax import passes, threads
from sigmax.data.checks import plural
from sigmax.kernels import Codes

Labels: TypeAlias = npt.NDArray[Any]
_Mask: TypeAlias = npt.NDArray[np.bool_]
#: writes the code of each label of a block, -1 where it is not among the classes; returns how many are not
_Matcher: TypeAlias = Callable[[Labels, Codes], int]

#: labels that the first classes are taken from
_SAMPLE = 2048
#: labels in a block: each step of one is a call that hands the GIL over.  On two threads 2,000,000 int64
#: labels of two classes took 1.8 ms with 2**15, 0.7 with this, 1.2 with twice as much (AMD EPYC, 2 CPUs)
_BLOCK = 2**17
#: times that labels which match no class are sampled in their turn, before they are sorted
_ROUNDS = 3
#: classes that are compared one by one; above, a binary search costs less
_FEW_CLASSES = 32
#: values that a table of codes may span
_TABLE = 2**16
#: work for a label, in the units of :data:`sigmax.threads.SERIAL_FLOPS`
_WORK = 8.0
#: more distinct values than this, not whole numbers: a measurement, not a label
_MANY_FRACTIONAL_LABELS = 20

#: kinds of dtype whose labels are equal where their words are: numbers, times, strings of fixed width
_PLAIN_KINDS = "biufcmMSU"


class _MissingLabelError(Exception):
    """Some label is nan, NaT or None; which one is looked up for the message only."""


class _UnsortableLabelsError(Exception):
    """Labels that do not compare with each other."""


def encode(
    labels: Labels, counted: _Mask | None = None, n_threads: int = 1, *, least: int = 2
) -> tuple[Labels, Codes]:
    """Sorted distinct labels, and the index of each row's label among them.

    Parameters
    ----------
    labels : ndarray of shape (n,), n >= 1
        Any sortable dtype.
    counted : bool ndarray of shape (n,), optional
        Rows that define classes, at least one; all by default.  The others get code 0.
    n_threads : int
        Has no influence on the result.
    least : int
        How many classes there must be.

    Returns
    -------
    classes : ndarray of shape (K,), of the dtype of `labels`
    codes : int32 ndarray of shape (n,)

    Raises
    ------
    ValueError
        Missing labels, in rows that count or not; labels of kinds that do not compare; a single class; so
        many distinct fractional numbers that they look like measurements.
    """
    try:
        if counted is None:
            classes, codes = _encode(labels, n_threads)
        else:
            if missing(labels[~counted]).any():
                raise _MissingLabelError
            rows = np.flatnonzero(counted)
            classes, some = _encode(labels[rows], n_threads)
            codes = np.zeros(len(labels), np.int32)
            codes[rows] = some
    except _MissingLabelError:
        bad = missing(labels)
        raise ValueError(
            f"y must not have missing labels; {plural(int(np.count_nonzero(bad)), 'row')} without one, "
            f"the first is y[{int(np.argmax(bad))}]"
        ) from None
    except _UnsortableLabelsError:
        raise ValueError(_mixed_kinds(labels)) from None
    _require_classes(classes)
    if len(classes) < least:
        rows_of_it = len(labels) if counted is None else int(np.count_nonzero(counted))
        raise ValueError(
            f"y must hold at least two classes; got only {classes.tolist()[0]!r}, "
            f"in {plural(rows_of_it, 'row')}{'' if counted is None else ' of positive weight'}"
        )
    return classes, codes


def missing(labels: Labels) -> _Mask:
    """Where a label is nan, NaT or None."""
    kind = labels.dtype.kind
    if kind in "fc":
        return np.asarray(np.isnan(labels))
    if kind in "mM":
        return np.asarray(np.isnat(labels))
    if kind in "OT":
        return np.array([_is_missing(label) for label in labels.tolist()], dtype=bool)
    return np.zeros(len(labels), dtype=bool)


def _is_missing(label: Any) -> bool:
    """None, and whatever is not equal to itself, or cannot say whether it is: nan, NaT, pandas.NA."""
    if label is None:
        return True
    try:
        return bool(label != label)
    except (TypeError, ValueError):
        return True


def _unique(labels: Labels) -> Labels:
    try:
        return np.unique(labels)
    except TypeError:
        raise _UnsortableLabelsError from None


def _require_classes(classes: Labels) -> None:
    if (
        classes.dtype.kind == "f"
        and len(classes) > _MANY_FRACTIONAL_LABELS
        and np.any(np.floor(classes) != classes)
    ):
        raise ValueError(
            f"y must hold class labels; its {len(classes)} distinct fractional values look like measurements"
        )


def _mixed_kinds(labels: Labels) -> str:
    """The message for labels that cannot be sorted: how many do not compare with y[0], and the first."""
    values = labels.tolist()

    def compares(label: Any) -> bool:
        try:
            return bool(label < values[0]) or True
        except TypeError:
            return False

    verdicts = [compares(label) for label in values]
    first = verdicts.index(False) if False in verdicts else 0
    return (
        f"y must hold labels of one sortable kind; it mixes kinds, such as text and numbers: "
        f"{plural(verdicts.count(False), 'label')} not comparable with y[0] = {values[0]!r}, "
        f"the first is y[{first}] = {values[first]!r}"
    )


# -- the encodings -----------------------------------------------------------------------------------


def _encode(labels: Labels, n_threads: int, rounds: int = _ROUNDS) -> tuple[Labels, Codes]:
    """Classes and codes of labels that all count."""
    kind = labels.dtype.kind
    if kind == "O":
        return _encode_objects(labels)
    if kind == "T":  # strings of any width: each is an object
        classes, codes = _encode_objects(labels.astype(object))
        return classes.astype(labels.dtype), codes
    whole = len(labels) <= _SAMPLE
    # an odd step: a period of a power of two in the labels does not hide classes from the sample
    sample = labels if whole else labels[:: len(labels) // _SAMPLE | 1]
    classes = _unique(sample)
    if missing(classes).any():
        raise _MissingLabelError
    if whole:  # a call for each step costs more than the labels
        two = len(classes) == 2 and kind in _PLAIN_KINDS
        return classes, (labels == classes[1] if two else classes.searchsorted(labels)).astype(np.int32)
    if kind not in _PLAIN_KINDS or 2 * len(classes) > len(sample) or rounds == 0:
        return _encode_by_sorting(labels, n_threads)
    codes, unmatched = _sweep(labels, classes, n_threads)
    if len(unmatched):
        return _with_the_rest(labels, classes, codes, unmatched, n_threads, rounds)
    return classes, codes


def _encode_by_sorting(labels: Labels, n_threads: int) -> tuple[Labels, Codes]:
    classes = _unique(labels)
    if missing(classes).any():
        raise _MissingLabelError
    _require_classes(classes)  # before millions of measurements are coded
    if labels.dtype.kind in _PLAIN_KINDS:
        return classes, _sweep(labels, classes, n_threads)[0]
    return classes, np.searchsorted(classes, labels).astype(np.int32)


def _encode_objects(labels: Labels) -> tuple[Labels, Codes]:
    """By a dict; by sorting where labels have no hash, or where equal ones have different hashes."""
    values = labels.tolist()
    try:
        distinct = list(dict.fromkeys(values))
    except TypeError:
        distinct = values
    if any(_is_missing(label) for label in distinct):
        raise _MissingLabelError
    among = np.empty(len(distinct), dtype=object)
    for i, label in enumerate(distinct):  # an assignment of all would unpack tuples
        among[i] = label
    classes = _unique(among)
    if len(classes) < len(distinct):
        return classes, np.searchsorted(classes, labels).astype(np.int32)
    code_of = {label: k for k, label in enumerate(classes.tolist())}
    return classes, np.fromiter(map(code_of.__getitem__, values), np.int32, len(values))


def _with_the_rest(
    labels: Labels, classes: Labels, codes: Codes, rest: npt.NDArray[np.intp], n_threads: int, rounds: int
) -> tuple[Labels, Codes]:
    """Classes and codes once the rows `rest`, which match none of `classes`, have brought theirs."""
    more, codes_of_rest = _encode(labels[rest], n_threads, rounds - 1)
    both = np.concatenate([classes, more])
    order = np.argsort(both, kind="stable")
    rank = np.empty(len(both), np.int32)
    rank[order] = np.arange(len(both), dtype=np.int32)
    codes[rest] = 0
    # classes that all lie above change no code
    if not np.array_equal(rank[: len(classes)], np.arange(len(classes))):

        def translate(start: int, stop: int) -> None:
            codes[start:stop] = rank.take(codes[start:stop])

        _over_blocks(len(labels), translate, lambda a, b: None, n_threads)
    codes[rest] = rank[len(classes) :].take(codes_of_rest)
    return both[order], codes


# -- the sweep ---------------------------------------------------------------------------------------


def _over_blocks(
    n: int, evaluate: Callable[[int, int], Any], merge: Callable[[Any, Any], Any], n_threads: int
) -> Any:
    return passes.reduce(n, _BLOCK, evaluate, merge, threads.useful(n_threads, _WORK * n))


def _sweep(labels: Labels, classes: Labels, n_threads: int) -> tuple[Codes, npt.NDArray[np.intp]]:
    """Codes of the labels, and the rows that match no class, whose codes are -1."""
    codes = np.empty(len(labels), np.int32)
    match = _matcher(classes)

    def evaluate(start: int, stop: int) -> list[npt.NDArray[np.intp]]:
        found = codes[start:stop]
        return [np.flatnonzero(found < 0) + start] if match(labels[start:stop], found) else []

    unmatched = _over_blocks(len(labels), evaluate, lambda a, b: a + b, n_threads)
    return codes, np.concatenate(unmatched) if unmatched else np.empty(0, np.intp)


def _matcher(classes: Labels) -> _Matcher:
    if len(classes) == 2:
        return _by_two_comparisons(classes)
    if classes.dtype.kind in "iu" and int(classes[-1]) - int(classes[0]) < _TABLE:
        return _by_table(classes)
    return _by_comparisons(classes) if len(classes) <= _FEW_CLASSES else _by_search(classes)


def _by_two_comparisons(classes: Labels) -> _Matcher:
    # slices, not scalars: they keep dtype and byte order
    zero, one = classes[:1], classes[1:]

    def match(block: Labels, codes: Codes) -> int:
        is_one = block == one
        codes[...] = is_one
        known = np.logical_or(is_one, block == zero, out=is_one)
        strangers = len(block) - int(np.count_nonzero(known))
        if strangers:
            codes[~known] = -1
        return strangers

    return match


def _by_comparisons(classes: Labels) -> _Matcher:
    def match(block: Labels, codes: Codes) -> int:
        # 1 + code in a byte, 0 for none
        found = np.zeros(len(block), np.uint8)
        for k in range(len(classes)):
            hit = (block == classes[k : k + 1]).view(np.uint8)
            found += np.multiply(hit, np.uint8(k + 1), out=hit)
        np.subtract(found, 1, out=codes, dtype=np.int32)
        return len(block) - int(np.count_nonzero(found))

    return match


def _by_table(classes: Labels) -> _Matcher:
    """Codes from a table over lowest .. highest; integers, whose difference wraps without harm."""
    lowest, span = classes[:1], int(classes[-1]) - int(classes[0])
    unsigned = np.dtype(f"u{classes.dtype.itemsize}")
    table = np.full(span + 2, -1, np.int32)  # the last place is for all that lie outside
    table[np.subtract(classes, lowest).view(unsigned).astype(np.intp)] = np.arange(len(classes))

    def match(block: Labels, codes: Codes) -> int:
        at = np.subtract(block, lowest).view(unsigned)
        inside = np.minimum(at, min(span + 1, int(np.iinfo(unsigned).max)))
        table.take(inside.astype(np.intp), out=codes, mode="clip")
        return int(np.count_nonzero(codes < 0))

    return match


def _by_search(classes: Labels) -> _Matcher:
    def match(block: Labels, codes: Codes) -> int:
        at = np.minimum(classes.searchsorted(block), len(classes) - 1)
        codes[...] = at
        known = cast(_Mask, classes[at] == block)
        strangers = len(block) - int(np.count_nonzero(known))
        if strangers:
            codes[~known] = -1
        return strangers

    return match
