"""Types of the extension module; the contract is interface.py."""

from sigmax.kernels.interface import Codes, Float, Index, Pair

BACKEND: str
ISA: str
ISAS: tuple[str, ...]
THREADED: bool
TILE_ROWS: int
SOURCE_HASH: str

def exp(x: Float, out: Float) -> None: ...
def expit(x: Float, out: Float) -> None: ...
def log_expit(x: Float, out: Float) -> None: ...
def log1pexp(x: Float, out: Float) -> None: ...
def tanh(x: Float, out: Float) -> None: ...
def tanh_slope(x: Float, out: Float) -> None: ...
def logsumexp(logits: Float, out: Float) -> None: ...
def softmax(logits: Float, p_out: Float) -> None: ...
def log_softmax(logits: Float, out: Float) -> None: ...
def cross_entropy(
    logits: Float,
    y: Codes,
    gradient_out: Float | None,
    *,
    weight: Float | None = None,
) -> Pair: ...
def column_largest(X: Float, largest_out: Float) -> bool: ...
def group_rows(X: Float, key: Index, index_out: Index, first_out: Index) -> int: ...
def linear_predictor(
    X: Float, coef: Float, eta_out: Float, *, intercept: bool, offset: Float | None = None
) -> None: ...
def transpose_product(X: Float, residual: Float, gradient_out: Float, *, intercept: bool) -> None: ...
def matrix_product(A: Float, B: Float, out: Float, *, bias: Float | None = None) -> None: ...
def weighted_gram(X: Float, curvature: Float, gram_out: Float, *, intercept: bool) -> None: ...
def binary_rows(
    eta: Float,
    y: Codes,
    residual_out: Float,
    curvature_out: Float,
    *,
    weight: Float | None = None,
) -> Pair: ...
def softmax_rows(
    eta: Float,
    y: Codes,
    residual_out: Float,
    curvature_out: Float,
    *,
    weight: Float | None = None,
) -> Pair: ...
def binary_pass(
    X: Float,
    y: Codes,
    coef: Float,
    gradient_out: Float | None,
    hessian_out: Float | None,
    *,
    intercept: bool,
    weight: Float | None = None,
    offset: Float | None = None,
) -> Pair: ...
def softmax_pass(
    X: Float,
    y: Codes,
    coef: Float,
    gradient_out: Float | None,
    hessian_out: Float | None,
    *,
    intercept: bool,
    weight: Float | None = None,
    offset: Float | None = None,
) -> Pair: ...
def linear_predictor_dd(
    X: Float,
    coef: Float,
    coef_low: Float | None,
    eta_out: Float,
    eta_low_out: Float | None,
    *,
    intercept: bool,
    offset: Float | None = None,
) -> None: ...
def binary_jeffreys(
    X: Float,
    coef: Float,
    root: Float,
    gradient_out: Float,
    *,
    intercept: bool,
    weight: Float | None = None,
    offset: Float | None = None,
) -> float: ...
def softmax_jeffreys(
    X: Float,
    coef: Float,
    root: Float,
    gradient_out: Float,
    *,
    intercept: bool,
    weight: Float | None = None,
    offset: Float | None = None,
) -> float: ...
def binary_refine(
    X: Float,
    y: Codes,
    coef: Float,
    coef_low: Float | None,
    gradient_out: Float,
    gradient_low_out: Float,
    largest_out: Float | None,
    *,
    intercept: bool,
    weight: Float | None = None,
    offset: Float | None = None,
) -> tuple[Pair, float]: ...
def softmax_refine(
    X: Float,
    y: Codes,
    coef: Float,
    coef_low: Float | None,
    gradient_out: Float,
    gradient_low_out: Float,
    largest_out: Float | None,
    *,
    intercept: bool,
    weight: Float | None = None,
    offset: Float | None = None,
) -> tuple[Pair, float]: ...
def binary_line(
    eta: Float, slope: Float, y: Codes, step: float, *, weight: Float | None = None
) -> tuple[Pair, float, float]: ...
def softmax_line(
    eta: Float, slope: Float, y: Codes, step: float, *, weight: Float | None = None
) -> tuple[Pair, float, float]: ...
def newton_many(
    X: Float,
    y: Codes,
    coef_out: Float,
    numbers_out: Float,
    status_out: Codes,
    *,
    intercept: bool,
    tol: float,
    max_iter: int,
    starts: Index | None = None,
    weight: Float | None = None,
    offset: Float | None = None,
    l2: Float | None = None,
    start: Float | None = None,
    gradient_out: Float | None = None,
    hessian_out: Float | None = None,
    inverse_out: Float | None = None,
) -> None: ...
def firth_small(
    X: Float,
    y: Codes,
    coef_out: Float,
    numbers_out: Float,
    vectors_out: Float,
    hessian_out: Float,
    inverse_out: Float,
    *,
    intercept: bool,
    tol: float,
    score: float,
    share: float,
    weight: Float | None = None,
    offset: Float | None = None,
    start: Float | None = None,
) -> int: ...
