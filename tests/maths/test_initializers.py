"""Where parameters start: bounds, scale, and scikit-learn's own draws."""

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor

from retrograd.engine.network import Network
from retrograd.maths import initializers
from retrograd.maths.activations import ACTIVATIONS
from retrograd.maths.initializers import INITIALIZERS

N_IN, N_OUT = 300, 200


def draw(init: str, activation: str = "relu", seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Weights and biases of one layer."""
    W, b = np.full((N_IN, N_OUT), np.nan), np.full(N_OUT, np.nan)
    INITIALIZERS[init](np.random.RandomState(seed), W, b, activation)
    return W, b


@pytest.mark.parametrize("init", INITIALIZERS)
def test_filled_by_the_seed(init: str) -> None:
    """All of both is filled; the generator alone decides."""
    W, b = draw(init)
    assert np.isfinite(W).all()
    assert np.isfinite(b).all()
    again, _ = draw(init)
    assert np.array_equal(W, again)
    assert np.array_equal(W, draw(init, seed=1)[0]) == (init == "zeros")


@pytest.mark.parametrize("init", INITIALIZERS)
@pytest.mark.parametrize("at_once", [1, 333, 1000])
def test_how_many_are_drawn_at_once_does_not_matter(
    init: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A normal generator keeps every other draw for later: also from one call to the next."""
    whole = draw(init)
    monkeypatch.setattr(initializers, "AT_ONCE", at_once)
    for ours, expected in zip(draw(init), whole, strict=True):
        assert np.array_equal(ours, expected)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_glorot_uniform(activation: str) -> None:
    """Uniform within its bound, which is smaller for logistic; the biases too."""
    W, b = draw("glorot_uniform", activation)
    bound = np.sqrt((2.0 if activation == "logistic" else 6.0) / (N_IN + N_OUT))
    everything = np.concatenate([W.ravel(), b])
    assert np.abs(everything).max() <= bound
    assert np.abs(b).max() > 0.9 * bound
    quarters, _ = np.histogram(everything, bins=4, range=(-bound, bound))
    n = everything.size
    assert np.abs(quarters - n / 4).max() < 5 * np.sqrt(n * 3 / 16)
    assert everything.var() == pytest.approx(bound**2 / 3, rel=0.02)


@pytest.mark.parametrize(
    ("init", "variance"), [("he_normal", 2 / N_IN), ("lecun_normal", 1 / N_IN)]
)
def test_normal(init: str, variance: float) -> None:
    """Mean 0, the variance of the paper, tails of a normal distribution; biases 0."""
    W, b = draw(init)
    assert not b.any()
    assert abs(W.mean()) < 5 * np.sqrt(variance / W.size)
    assert W.var() == pytest.approx(variance, rel=5 * np.sqrt(2 / W.size))
    within_one = np.mean(np.abs(W) < np.sqrt(variance))
    assert within_one == pytest.approx(0.6827, abs=0.01)


def test_lecun_normal_is_the_notebooks() -> None:
    """The notebook draws randn and multiplies by the root of 1 / d."""
    expected = np.random.RandomState(0).randn(N_IN, N_OUT) * np.sqrt(1 / N_IN)
    assert np.array_equal(draw("lecun_normal")[0], expected)


def test_zeros() -> None:
    """Nothing but 0, and nothing drawn."""
    W, b = draw("zeros")
    assert not W.any()
    assert not b.any()


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("hidden", [(5,), (4, 3)])
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_scikit_learns_draws(task: str, hidden: tuple[int, ...], activation: str) -> None:
    """An integer random_state gives the numbers that scikit-learn starts from.

    They are read off after one step whose rate is too small to change them.
    """
    rng = np.random.default_rng(0)
    X = rng.normal(size=(12, 6))
    settings = {
        "hidden_layer_sizes": hidden,
        "activation": activation,
        "solver": "sgd",
        "learning_rate_init": 1e-300,
        "alpha": 0.0,
        "random_state": 7,
    }
    if task == "regression":
        theirs, n_outputs = MLPRegressor(**settings).partial_fit(X, rng.normal(size=(12, 2))), 2
        output, loss = "identity", "squared_error"
    else:
        n_classes = 2 if task == "binary" else 3
        y = np.arange(12) % n_classes
        theirs = MLPClassifier(**settings).partial_fit(X, y, classes=np.unique(y))
        n_outputs = 1 if task == "binary" else 3
        output, loss = ("logistic" if task == "binary" else "softmax"), "log_loss"
    network = Network((6, *hidden, n_outputs), (activation,) * len(hidden), output, loss)
    theta = network.initial_parameters("glorot_uniform", np.random.RandomState(7))
    weights, biases = network.layers(theta)
    for ours, expected in zip(
        [*weights, *biases], [*theirs.coefs_, *theirs.intercepts_], strict=True
    ):
        assert np.array_equal(ours, expected)
