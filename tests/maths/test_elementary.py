"""The exponential and its kin against mpmath, and compiled against interpreted."""

from math import copysign, inf, nan

import numpy as np
import pytest
from mpmath import mp, mpf

from retrograd.engine.jit import formula, jit
from retrograd.maths import elementary
from retrograd.maths.elementary import HIGHEST_EXPONENT, LOWEST_EXPONENT

N = 3000
EXP, EXPM1, TANH, LOG, LOG1P = range(5)
CODES = {"exp": EXP, "expm1": EXPM1, "tanh": TANH, "log": LOG, "log1p": LOG1P}
# Worst error in units in the last place, as the module says.
BOUNDS = {"exp": 1.3, "expm1": 2.8, "tanh": 2.8, "log": 1.3, "log1p": 1.3}
# The worst of some hundred million arguments that were tried: a few thousand rarely meet them.
WORST = {
    "exp": -4.485850559692732,
    "expm1": 0.3625185169396117,
    "tanh": 0.18105321063507337,
    "log": 0.7042620936417973,
    "log1p": 0.3969815879015822,
}
LEAST_OF_LOG = 2.3e-308

exp, expm1, tanh = (formula(getattr(elementary, name)) for name in ("exp", "expm1", "tanh"))
log, log1p = formula(elementary.log), formula(elementary.log1p)


@jit(entry=True)
def apply(code, x, out):
    """out = f(x), in loops that the compiler makes vectors of."""
    if code == EXP:
        for i in range(x.size):
            out[i] = exp(np.float64(x[i]))
    elif code == EXPM1:
        for i in range(x.size):
            out[i] = expm1(np.float64(x[i]))
    elif code == TANH:
        for i in range(x.size):
            out[i] = tanh(np.float64(x[i]))
    elif code == LOG:
        for i in range(x.size):
            out[i] = log(np.float64(x[i]))
    elif code == LOG1P:
        for i in range(x.size):
            out[i] = log1p(np.float64(x[i]))


def values(name: str, x) -> np.ndarray:
    """The function of every entry of x, in x's precision."""
    x = np.atleast_1d(np.asarray(x))
    out = np.full_like(x, 12345.0)
    with np.errstate(all="ignore"):  # interpreted kernels warn, as NumPy does
        apply(CODES[name], x, out)
    return out


def ulps_off(name: str, x: np.ndarray) -> np.ndarray:
    """Distance of every value from the true one, in units of the true one's last place."""
    exact = getattr(mp, name) if name != "expm1" else mp.expm1
    results, errors = values(name, x), np.empty(x.size)
    with mp.workdps(60):
        for i, (point, result) in enumerate(zip(x.tolist(), results.tolist(), strict=True)):
            true = exact(mpf(point))
            errors[i] = abs(mpf(result) - true) / mpf(float(np.spacing(abs(float(true)))))
    return errors


def with_neighbours(points: np.ndarray) -> np.ndarray:
    """The points and the numbers next to them on both sides."""
    return np.concatenate([points, np.nextafter(points, -inf), np.nextafter(points, inf)])


def log_uniform(rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    """N positive numbers of all magnitudes from 10^low to 10^high."""
    return 10.0 ** rng.uniform(low, high, N)


def arguments(name: str) -> np.ndarray:
    """Where the function may be wrong: all over its range, tiny, huge, and where it is pieced."""
    rng = np.random.default_rng(0)
    if name in ("log", "log1p"):
        # Powers of two, and their halves by ratio, where the power that is taken out changes.
        powers = 2.0 ** np.arange(-1021, 1024, 7)
        seams = with_neighbours(np.concatenate([powers, powers * np.sqrt(0.5)]))
        near_one = 1.0 + rng.choice([-1.0, 1.0], N) * log_uniform(rng, -16, -0.6)
        x = np.concatenate([log_uniform(rng, -307.6, 308), seams, near_one])
        x = np.concatenate([x, [LEAST_OF_LOG, np.finfo(float).max, 1.0]])
        return x if name == "log1p" else x[x >= LEAST_OF_LOG]
    lowest, highest = LOWEST_EXPONENT, HIGHEST_EXPONENT if name == "exp" else 700.0
    # Where x / log 2 is rounded the other way.
    seams = with_neighbours((np.arange(-1019, 1009) + 0.5) * np.log(2.0))
    tiny = rng.choice([-1.0, 1.0], N) * log_uniform(rng, -307, 0)
    x = np.concatenate([rng.uniform(lowest, highest, N), rng.normal(size=N), tiny, seams])
    x = np.concatenate([x, [lowest, highest, 0.0, 5e-324, -5e-324]])
    if name == "tanh":
        x = np.concatenate(
            [x / 2.0, rng.uniform(-22.0, 22.0, N), with_neighbours(np.array([22.0]))]
        )
    return x[(x >= lowest) & (x <= highest)]


@pytest.mark.parametrize("name", CODES)
def test_error_in_units_in_the_last_place(name: str) -> None:
    """No worse than the module's docstring claims, over thousands of points."""
    x = np.append(arguments(name), WORST[name])
    errors = ulps_off(name, x)
    assert x.size > 6000
    worst = int(errors.argmax())
    assert errors[worst] <= BOUNDS[name], f"{errors[worst]:.3f} ulps at {x[worst]!r}"


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("exp", 0.0, 1.0),
        ("exp", -0.0, 1.0),
        ("exp", inf, inf),
        ("exp", -inf, 0.0),
        ("exp", np.nextafter(HIGHEST_EXPONENT, inf), inf),
        ("exp", np.nextafter(LOWEST_EXPONENT, -inf), 0.0),
        ("exp", 1e308, inf),
        ("exp", -1e308, 0.0),
        ("expm1", 0.0, 0.0),
        ("expm1", -inf, -1.0),
        ("expm1", -1e308, -1.0),
        ("expm1", 5e-324, 5e-324),
        ("expm1", -5e-324, -5e-324),
        ("tanh", 0.0, 0.0),
        ("tanh", -0.0, 0.0),
        ("tanh", inf, 1.0),
        ("tanh", -inf, -1.0),
        ("tanh", 1e308, 1.0),
        ("tanh", 5e-324, 5e-324),
        ("log", 1.0, 0.0),
        ("log", inf, inf),
        ("log1p", 0.0, 0.0),
        ("log1p", 5e-324, 5e-324),
    ],
)
def test_special_values(name: str, x: float, expected: float) -> None:
    """Exact where the mathematics is, and at the ends."""
    np.testing.assert_array_equal(values(name, x), [expected])


@pytest.mark.parametrize("name", CODES)
def test_nan_stays_nan(name: str) -> None:
    """Whatever its sign, and wherever it stands among others."""
    x = np.ones(37)
    x[[0, 5, 36]] = nan, copysign(nan, -1.0), nan
    np.testing.assert_array_equal(np.isnan(values(name, x)), np.isnan(x))


def test_exponentials_are_numbers_up_to_the_edges() -> None:
    """Neither infinity nor 0 before the stated ends of the range."""
    ends = values("exp", [LOWEST_EXPONENT, HIGHEST_EXPONENT])
    assert 0.0 < ends[0] < 1e-307
    assert 1.79e308 < ends[1] < inf


def test_tanh_is_odd() -> None:
    """To the last bit; and never beyond 1."""
    x = arguments("tanh")
    np.testing.assert_array_equal(values("tanh", -x), -values("tanh", x))
    assert np.abs(values("tanh", x)).max() == 1.0


@pytest.mark.compiled
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", CODES)
def test_compiled_and_interpreted_are_the_same(name: str, dtype: type) -> None:
    """Bit for bit, whether a number stands in a vector, in the rest of the loop, or alone."""
    with np.errstate(all="ignore"):
        x = arguments(name).astype(dtype)
    if name == "log":
        x = x[x >= LEAST_OF_LOG]  # what was larger may be 0 in single precision
    x = np.append(x, [np.inf, np.nan] if name in ("exp", "tanh", "log") else []).astype(dtype)
    function = getattr(elementary, name)
    with np.errstate(all="ignore"):
        interpreted = np.array([function(float(point)) for point in x]).astype(dtype)
    compiled = values(name, x)
    np.testing.assert_array_equal(compiled, interpreted, strict=True)
    for i in range(0, x.size, 101):
        np.testing.assert_array_equal(values(name, x[i : i + 1]), compiled[i : i + 1])
