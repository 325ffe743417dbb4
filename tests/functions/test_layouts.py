"""One set of numbers, any memory: the same bits for every layout, `out`, overlap and number of threads."""

import itertools

import numpy as np
import pytest
from layouts import LAYOUTS, WRITEABLE, small_blocks

import sigmax as sx
from sigmax.functions import arrays

THREADS = (1, 2, 3, 5, 8)
SHAPE = (7, 5, 6)
AXES = (None, 0, 1, 2, -1, (0, 2), (1, 2), (0, 1), ())


def codes(axis, rng):
    shape = [size for i, size in enumerate(SHAPE) if i != axis % 3]
    return rng.integers(0, SHAPE[axis], size=shape)


def calls():
    """Name -> function of x and out; the axes that a function can have, all with SHAPE."""
    rng = np.random.default_rng(0)
    found = {name: getattr(sx, name) for name in ("expit", "log_expit", "log1pexp")}
    for name, axis in itertools.product(("logsumexp", "softmax", "log_softmax"), AXES):
        found[f"{name} {axis}"] = lambda x, _name=name, _axis=axis, **options: getattr(sx, _name)(
            x, _axis, **options
        )
    for axis in (0, 1, 2, -2):
        y = codes(axis, rng)
        weight = rng.integers(0, 4, size=y.shape) / 2
        found[f"cross_entropy {axis}"] = lambda x, _y=y, _w=weight, _axis=axis, **options: sx.cross_entropy(
            x, _y, _w, axis=_axis, **options
        )
    return found


CALLS = calls()
NOT_LOGSUMEXP = [name for name in CALLS if not name.startswith("logsumexp")]
X = np.random.default_rng(1).normal(size=SHAPE) * 6


def both(result):
    """(loss or None, array)"""
    return result if isinstance(result, tuple) else (None, result)


def check(found, wanted):
    assert both(found)[0] == both(wanted)[0]
    np.testing.assert_array_equal(both(found)[1], both(wanted)[1])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("call", CALLS)
def test_layouts(backend_name, call, layout):
    x = LAYOUTS[layout](X)
    before = np.array(x)
    wanted = CALLS[call](X, backend=backend_name)
    check(CALLS[call](x, backend=backend_name), wanted)
    with small_blocks():
        in_blocks = CALLS[call](X, backend=backend_name)
        check(CALLS[call](x, backend=backend_name), in_blocks)
    np.testing.assert_array_equal(both(in_blocks)[1], both(wanted)[1])
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_long_rows(backend_name, layout):
    # longer than any vector or unrolled loop: a sum in another order would show
    rng = np.random.default_rng(4)
    x, y, w = rng.normal(size=(301, 75)) * 3, rng.integers(0, 75, size=301), rng.random(301)
    given = LAYOUTS[layout](x)
    options = {"backend": backend_name}
    for name in ("logsumexp", "softmax", "log_softmax"):
        check(getattr(sx, name)(given, 1, **options), getattr(sx, name)(x, 1, **options))
    check(sx.cross_entropy(given, y, w, **options), sx.cross_entropy(x, y, w, **options))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(1,), (1, 1), (1, 3), (3, 1)])
def test_axes_of_length_one(backend_name, layout, shape):
    # their steps mean nothing, and may be no multiple of anything; NumPy calls them aligned all the same
    assert not arrays.direct(LAYOUTS["field, step 12"](np.ones(2))[1:])  # at byte 16
    assert arrays.direct(np.ones(2)[1:])
    x = np.arange(1.0, np.prod(shape) + 1).reshape(shape)
    for name in ("expit", "log1pexp"):
        check(
            getattr(sx, name)(LAYOUTS[layout](x), backend=backend_name),
            getattr(sx, name)(x, backend=backend_name),
        )
    for name, axis in itertools.product(("logsumexp", "softmax"), (0, -1, None)):
        found = getattr(sx, name)(LAYOUTS[layout](x), axis, backend=backend_name)
        check(found, getattr(sx, name)(x, axis, backend=backend_name))


@pytest.mark.parametrize("call", CALLS)
def test_zero_steps(backend_name, call):
    for axis in range(3):
        x = np.broadcast_to(X.take([2], axis=axis), SHAPE)
        assert 0 in x.strides
        with small_blocks():
            check(CALLS[call](x, backend=backend_name), CALLS[call](x.copy(), backend=backend_name))


@pytest.mark.parametrize("call", CALLS)
def test_threads(backend_name, call):
    with small_blocks():
        wanted = CALLS[call](X, n_threads=1, backend=backend_name)
        for n_threads in THREADS[1:]:
            check(CALLS[call](X, n_threads=n_threads, backend=backend_name), wanted)


@pytest.mark.parametrize("n_threads", THREADS)
def test_threads_on_blocks_of_full_size(backend_name, n_threads):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(3 * arrays.BLOCK // 5 + 17, 5)) * 4
    y, w = rng.integers(0, 5, size=len(x)), rng.random(len(x))
    options = {"backend": backend_name}
    for given in (x, np.asfortranarray(x)):
        check(
            sx.cross_entropy(given, y, w, n_threads=n_threads, **options),
            sx.cross_entropy(x, y, w, n_threads=1, **options),
        )
        check(sx.softmax(given, 1, n_threads=n_threads, **options), sx.softmax(x, 1, n_threads=1, **options))
        check(sx.expit(given, n_threads=n_threads, **options), sx.expit(x, n_threads=1, **options))


@pytest.mark.parametrize("layout", WRITEABLE)
@pytest.mark.parametrize("call", [name for name in CALLS if name != "logsumexp None"])
def test_out(backend_name, call, layout):
    wanted = CALLS[call](X, backend=backend_name)
    shape = np.shape(both(wanted)[1])
    for dtype in ("f8", "f4", "f2", "g"):
        out = LAYOUTS[layout](np.full(shape, np.nan))
        out = out.astype(dtype, order="K") if dtype != "f8" else out
        for blocks in (arrays.BLOCK, 24):
            with small_blocks(blocks):
                loss, found = both(CALLS[call](X, out=out, backend=backend_name))
            assert found is out
            assert loss == both(wanted)[0] or blocks == 24
            np.testing.assert_array_equal(out, both(wanted)[1].astype(dtype))


def test_out_of_no_dimension(backend_name):
    out = np.array(np.nan, np.float32)
    assert sx.logsumexp(X, out=out, backend=backend_name) is out
    assert out == np.float32(sx.logsumexp(X, backend=backend_name))
    for name in ("expit", "softmax", "log_softmax"):
        function = getattr(sx, name)
        assert function(0.25, out=out, backend=backend_name) is out
        assert out == np.float32(function(0.25, backend=backend_name))


def test_nothing_beside_out_is_written(backend_name):
    for call in NOT_LOGSUMEXP:
        wide = np.full((7, 11, 13), -7.0)
        out = wide[:, 1::2, 1::2]
        with small_blocks():
            CALLS[call](X, out=out, backend=backend_name)
        assert np.all(wide[:, ::2] == -7.0)
        assert np.all(wide[:, :, ::2] == -7.0)
        assert not np.any(out == -7.0)


@pytest.mark.parametrize("layout", WRITEABLE)
@pytest.mark.parametrize("call", NOT_LOGSUMEXP)
def test_in_place(backend_name, call, layout):
    x = LAYOUTS[layout](X.copy())
    with small_blocks():
        wanted = CALLS[call](X, backend=backend_name)
        for given in (x, x[...]):
            given[...] = X
            found = CALLS[call](given, out=x, n_threads=3, backend=backend_name)
            assert both(found)[1] is x
            check(found, wanted)


@pytest.mark.parametrize("call", NOT_LOGSUMEXP)
def test_in_place_in_another_dtype(backend_name, call):
    x = X.astype(np.float32)
    with small_blocks():
        wanted = CALLS[call](x.copy(), backend=backend_name)
        found = CALLS[call](x, out=x, backend=backend_name)
    check(found, wanted)


#: (x, out) on one piece of memory
OVERLAPS = {
    "one later": lambda m: (m[:-1], m[1:]),
    "one earlier": lambda m: (m[1:], m[:-1]),
    "reversed": lambda m: (m[:-1], m[-2::-1]),
    "other order of axes": lambda m: (m[:7, :5, :6], m.reshape(-1)[:210].reshape(6, 5, 7).T),
    "inside another dtype": lambda m: (m[:-1], m.view(np.float32)[1:, :, ::2]),
}


@pytest.mark.parametrize("overlap", OVERLAPS)
@pytest.mark.parametrize("call", NOT_LOGSUMEXP)
def test_overlap(backend_name, call, overlap):
    memory = np.zeros((8, 5, 6))
    x, out = OVERLAPS[overlap](memory)
    assert np.shares_memory(x, out)
    x[...] = X
    with small_blocks():
        wanted = CALLS[call](X, backend=backend_name)
        found = CALLS[call](x, out=out, backend=backend_name)
    assert both(found)[0] == both(wanted)[0]
    np.testing.assert_array_equal(out, both(wanted)[1].astype(out.dtype))


def test_neighbours_are_not_copied(monkeypatch):
    # two fields of a record lie between one another and share nothing
    copied = []
    monkeypatch.setattr(arrays, "_same", lambda *_: copied.append(1) or False)
    records = np.zeros(1000, [("x", "f8"), ("p", "f8")])
    records["x"] = np.linspace(-5, 5, 1000)
    sx.expit(records["x"], records["p"])
    assert copied == []
    np.testing.assert_array_equal(records["p"], sx.expit(np.linspace(-5, 5, 1000)))


def test_logsumexp_into_its_own_input(backend_name):
    x = X.copy()
    sx.logsumexp(x, 0, out=x[0], backend=backend_name)
    np.testing.assert_array_equal(x[0], sx.logsumexp(X, 0, backend=backend_name))
    np.testing.assert_array_equal(x[1:], X[1:])


def test_codes_and_weights_in_the_memory_of_out(backend_name):
    rng = np.random.default_rng(2)
    logits, y, w = rng.normal(size=(9, 4)), rng.integers(0, 4, size=9), rng.random(9)
    wanted = sx.cross_entropy(logits, y, w, backend=backend_name)
    out = np.empty((9, 4))
    # in the rows that are written first
    codes, weights = out.reshape(-1)[:9].view(np.int64), out.reshape(-1)[9:18]
    codes[...], weights[...] = y, w
    with small_blocks(8):
        found = sx.cross_entropy(logits, codes, weights, out=out, backend=backend_name)
    assert found[0] == pytest.approx(wanted[0], rel=1e-15)
    np.testing.assert_array_equal(out, wanted[1])


# -- work space --------------------------------------------------------------------------------------


def largest_copy(monkeypatch, work):
    """Numbers in the largest block that `work` copies."""
    sizes = [0]
    gather = arrays.gather

    def counting(*args, **options):
        block = gather(*args, **options)
        sizes.append(block.size)
        return block

    for module in ("arrays", "elementwise", "loss"):
        monkeypatch.setattr(f"sigmax.functions.{module}.gather", counting)
    work()
    return max(sizes)


VIEWS = {
    "rows": ((900, 40), "C", 1),
    "columns": ((40, 900), "C", 0),
    "rows, Fortran": ((900, 40), "F", 1),
    "columns, Fortran": ((40, 900), "F", 0),
    "images": ((4, 3, 64, 64), "C", 1),
    "several axes": ((30, 4, 5, 6), "C", (2, 3)),
    "everything": ((30, 40), "C", None),
}


@pytest.mark.parametrize("name", VIEWS)
def test_read_where_they_lie(monkeypatch, name):
    shape, order, axis = VIEWS[name]
    x = np.ones(shape, order=order)
    assert largest_copy(monkeypatch, lambda: sx.softmax(x, axis)) == 0


def test_copied_by_the_block(monkeypatch):
    x = np.ones((6 * arrays.BLOCK // 8, 8), np.float32)
    for function in (sx.expit, lambda x: sx.softmax(x, 1), lambda x: sx.softmax(x.T, 0)):
        assert 0 < largest_copy(monkeypatch, lambda f=function: f(x)) <= arrays.BLOCK


@pytest.mark.parametrize("shape", [(), (7,), (3, 4), (2, 1, 5), (3, 4, 2, 2)])
def test_pieces(shape):
    flat = np.arange(int(np.prod(shape))).reshape(shape)
    for start, stop in itertools.combinations(range(flat.size + 1), 2):
        found = list(arrays._pieces(shape, start, stop))
        assert [a for a, _, _ in found] == [start, *[b for _, b, _ in found[:-1]]]
        np.testing.assert_array_equal(
            np.concatenate([flat[i].ravel() for _, _, i in found]), np.arange(start, stop)
        )
        assert len(found) <= max(2 * len(shape) - 1, 1)
