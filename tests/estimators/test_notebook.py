"""The notebook's MLP against the notebook, transcribed in plain NumPy."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograd.engine.divergence import DivergenceError
from retrograd.estimators import branching
from retrograd.estimators.notebook import MLP, sigmoid, sigmoid_deriv
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.rewinding import open_run


class Notebook:
    """The notebook's class as it stands there, with the one mend that lets it run.

    It said ``np.insert(a1, 0, 1, axis=1)``, which a vector does not have.
    """

    def __init__(self, hidden_units, lr, epochs):
        self.hidden_units, self.lr, self.epochs = hidden_units, lr, epochs

    def forward(self, row):
        """Row with a 1 before it, hidden units with a 1 before them, and the probability."""
        x = np.insert(row, 0, 1)
        a1b = np.insert(self.W1 @ x, 0, 1)
        with np.errstate(over="ignore"):  # its sigmoid may overflow, and then gives 0 all the same
            return x, a1b, 1 / (1 + np.exp(-(self.W2 @ a1b)))

    def fit(self, X, y):
        """One example a step, drawn with replacement."""
        n, d = X.shape
        h = self.hidden_units
        self.W1 = np.random.randn(h, d + 1) * np.sqrt(1 / d)
        self.W2 = np.random.randn(1, h + 1) * np.sqrt(1 / h)
        for _ in range(self.epochs * n):
            r = np.random.randint(0, n)
            x, a1b, y_pred = self.forward(X[r])
            error = y_pred - y[r]
            d_hidden = (self.W2[:, 1:].T * error).flatten()
            self.W2 -= self.lr * (error * a1b)
            self.W1 -= self.lr * (d_hidden[:, None] @ x[None, :])
        return self

    def predict(self, X, threshold=0.5):
        """1 where the probability reaches the threshold."""
        return np.array([int(self.forward(row)[2][0] >= threshold) for row in X])


def fit_both(seed, X, y, h, lr, epochs):
    """Each from the same state of NumPy's generator; that state afterwards, too."""
    models, states = [], []
    for make in (MLP, Notebook):
        np.random.seed(seed)
        models.append(make(hidden_units=h, lr=lr, epochs=epochs).fit(X, y))
        states.append(np.random.random())
    return *models, states


@given(
    seed=st.integers(0, 2**32 - 1), n=st.integers(1, 12), d=st.integers(1, 6),
    h=st.integers(1, 7), epochs=st.integers(0, 6), lr=st.sampled_from([0.001, 0.01, 0.1]),
    whole=st.booleans(),
)  # fmt: skip
def test_the_notebooks_numbers(seed, n, d, h, epochs, lr, whole):
    """W1, W2, predictions, and the generator's state, for any seed, shape and number of epochs."""
    rng = np.random.default_rng(seed)
    X = rng.integers(1, 4, (n, d)) if whole else rng.normal(size=(n, d))
    y = rng.integers(0, 2, n)
    ours, theirs, states = fit_both(seed, X, y, h, lr, epochs)
    np.testing.assert_allclose(ours.W1, theirs.W1, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(ours.W2, theirs.W2, rtol=1e-12, atol=1e-12)
    assert states[0] == states[1], "as many numbers are drawn, in the same order"
    for threshold in (0.5, 0.3):
        np.testing.assert_array_equal(ours.predict(X, threshold), theirs.predict(X, threshold))


@pytest.mark.parametrize(("n", "d", "h"), [(30, 40, 50), (50, 3, 200), (10, 300, 2)])
def test_wide_networks(n, d, h):
    """Beyond the sizes that the tiny network's own loop is for."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(n, d)), rng.integers(0, 2, n)
    ours, theirs, _ = fit_both(1, X, y, h, 0.01, 3)
    np.testing.assert_allclose(ours.W1, theirs.W1, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(ours.W2, theirs.W2, rtol=1e-11, atol=1e-12)


def test_long_training():
    """The numbers stay together over thousands of steps."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 2))
    y = (X[:, 0] + X[:, 1] > 0).astype(int)
    ours, theirs, _ = fit_both(0, X, y, 2, 0.1, 60)
    np.testing.assert_allclose(ours.W1, theirs.W1, rtol=1e-12, atol=1e-12)
    assert (ours.predict(X) == y).mean() > 0.95


def test_shapes_and_defaults():
    """The notebook's constructor, and weights with the bias in column 0."""
    model = MLP()
    assert (model.hidden_units, model.lr, model.epochs) == (2, 0.01, 20)
    assert model.W1 is None
    assert model.W2 is None
    assert model.fit(np.ones((4, 3)), np.array([0, 1, 0, 1])) is model
    assert (model.W1.shape, model.W2.shape) == ((2, 4), (1, 3))
    prediction = model.predict(np.ones((5, 3)))
    assert prediction.shape == (5,)
    assert prediction.dtype == int


def test_weights_set_by_hand():
    """As the notebook does cell by cell."""
    model = MLP(hidden_units=1)
    model.W1, model.W2 = np.array([[0.0, 1.0]]), np.array([[-1.0, 2.0]])
    assert model.predict([[0.4], [0.5], [0.6]]).tolist() == [0, 1, 1]
    assert model.predict([[0.4], [0.6]], threshold=0.1).tolist() == [1, 1]


def test_sigmoid():
    """The plain formula where it does not overflow, and its limits where it does."""
    z = np.linspace(-30, 30, 201)
    plain = 1 / (1 + np.exp(-z))
    np.testing.assert_allclose(sigmoid(z), plain, rtol=1e-15)
    np.testing.assert_allclose(sigmoid_deriv(z), plain * (1 - plain), rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(sigmoid([-1e308, -np.inf, np.inf]), [0.0, 0.0, 1.0])
    np.testing.assert_array_equal(sigmoid_deriv([-1e308, np.inf, 0.0]), [0.0, 0.0, 0.25])
    assert sigmoid(np.zeros((2, 3))).shape == (2, 3)
    assert sigmoid(0) == 0.5
    assert sigmoid_deriv(0) == 0.25
    assert np.isnan(sigmoid(np.nan))


def test_bad_input():
    """One line each; weights stay what they were."""
    X, y = np.ones((3, 2)), np.array([0, 1, 1])
    wrong = [
        (np.ones(3), y, "X must have rows and columns"),
        (np.ones((0, 2)), y[:0], "X must have rows and columns"),
        (np.ones((3, 0)), y, "X must have rows and columns"),
        (np.array([[1.0, 2.0], [3.0, np.nan], [0.0, 0.0]]), y, "row 1, column 1"),
        (X, y[:2], "X has 3 rows, y has 2 labels"),
        (X, np.array([0, 1, 2]), "y must be 0 or 1"),
        (X, np.array([0, 1, np.nan]), "y must be 0 or 1"),
    ]
    for rows, labels, message in wrong:
        model = MLP()
        with pytest.raises(ValueError, match=message):
            model.fit(rows, labels)
        assert model.W1 is None
    with pytest.raises(ValueError, match="call fit first"):
        MLP().predict(X)
    with pytest.raises(ValueError, match="X has 3 columns, the weights are for 2"):
        MLP().fit(X, y).predict(np.ones((1, 3)))


@pytest.mark.parametrize(
    "wrong", [{"hidden_units": 0}, {"hidden_units": 2.5}, {"epochs": -1}, {"epochs": 1.5},
              {"lr": np.nan}, {"lr": "fast"}],
)  # fmt: skip
def test_bad_parameters(wrong):
    """Named, and before any number is drawn."""
    np.random.seed(0)
    with pytest.raises(ValueError, match=next(iter(wrong))):
        MLP(**wrong).fit(np.ones((3, 2)), np.array([0, 1, 1]))
    assert np.random.random() == np.random.RandomState(0).random_sample()


@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered")  # where interpreted
def test_divergence():
    """A learning rate far too large."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 2)) * 1e3, rng.integers(0, 2, 20)
    np.random.seed(0)
    model = MLP(lr=1e200, epochs=5)
    with pytest.raises(DivergenceError, match="first seen at step .* or lower lr.$") as caught:
        model.fit(X, y)
    assert "learning_rate_init" not in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert model.W1 is None


def test_a_branch_of_a_branch_is_in_the_epoch_of_the_whole_training():
    """Each begins amid an epoch of four steps; the epochs are those of the first run."""
    recorder = Recorder()
    np.random.seed(1)
    MLP(epochs=5).fit(np.arange(8.0).reshape(4, 2), np.array([0, 1, 0, 1]), recorder)
    run = open_run(recorder)
    branch = run.branch(6)
    twig = branch.branch(1)
    for one, first_step in ((run, 0), (branch, 6), (twig, 7)):
        assert len(one) == 20 - first_step
        epochs = [one.at(step).epoch for step in range(len(one))]
        assert epochs == [(first_step + step) // 4 for step in range(len(one))]
        np.testing.assert_array_equal(one[-1].coefs[0], run[-1].coefs[0])


def test_a_branch_that_was_broken_off_goes_on_to_the_end_it_would_have_had():
    """Which is that of its parent, whose first steps it has not taken."""
    recorder = Recorder()
    np.random.seed(1)
    MLP(epochs=5).fit(np.arange(8.0).reshape(4, 2), np.array([0, 1, 0, 1]), recorder)
    run = open_run(recorder, 1)

    def interrupt():
        raise KeyboardInterrupt

    number, train = branching.begin(run, 6, {}, None, interrupt)
    with pytest.raises(KeyboardInterrupt):
        train()
    branch = open_run(recorder, number)
    assert branch.status == "interrupted"
    mlp = branch.resume()
    assert (branch.status, len(branch)) == ("ended", 14)
    np.testing.assert_array_equal(mlp.W1, run.estimator().W1)


def test_weights_that_do_not_fit():
    """Put there by hand."""
    model = MLP(hidden_units=2).fit(np.ones((3, 2)), np.array([0, 1, 1]))
    model.W2 = np.ones((1, 5))
    with pytest.raises(ValueError, match="W1 and W2"):
        model.predict(np.ones((1, 2)))
