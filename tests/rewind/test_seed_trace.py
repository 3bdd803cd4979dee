"""The notebook's walk against the notebook's own step, written out in plain NumPy."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograd.estimators.notebook import MLP
from retrograd.rewind.walk.seed import SeedTrace
from walks import LOGISTIC, SQUARED, make_trace

# The numbers that stand printed in the notebook, to its eight digits.
W1 = [[-0.01595568, 0.46842133, -0.62755019], [-0.32590013, -0.49061966, 0.25671908]]
W2 = [[1.6147905, -0.18033908, 0.39190957]]
PRINTED = {
    "x": [1, 1, 3],
    "z1": [-1.43018493, -0.04636256],
    "a1": [-1.43018493, -0.04636256],
    "a1b": [1.0, -1.43018493, -0.04636256],
    "z2": [1.85453881],
    "y_pred": [0.86465913],
    "error": [0.86465913],
    "dW2": [0.86465913, -1.23662246, -0.04008781],
    "d_hidden": [-0.15593183, 0.33886819],
    "dW1": [[-0.15593183, -0.15593183, -0.4677955], [0.33886819, 0.33886819, 1.01660456]],
}


def notebooks(W1, W2, lr: float = 0.01) -> MLP:
    """A model with these weights."""
    mlp = MLP(hidden_units=len(W1), lr=lr)
    mlp.W1, mlp.W2 = np.array(W1), np.array(W2)
    return mlp


def step_in_numpy(W1, W2, row, y, lr) -> dict[str, np.ndarray]:
    """What the notebook's loop does with one row, every intermediate array kept."""
    n = {"W1": W1, "W2": W2, "x": np.append(1.0, row)}
    n["z1"] = n["a1"] = W1.dot(n["x"])
    n["a1b"] = np.append(1.0, n["a1"])
    n["z2"] = W2.dot(n["a1b"])
    n["y_pred"] = 1.0 / (1.0 + np.exp(-n["z2"]))
    n["error"] = n["y_pred"] - y
    n["dW2"] = n["error"] * n["a1b"]
    n["d_hidden"] = W2[0, 1:] * n["error"][0]
    n["dW1"] = np.outer(n["d_hidden"], n["x"])
    n["W1_after"], n["W2_after"] = W1 - lr * n["dW1"], W2 - lr * n["dW2"]
    n["loss"] = -np.log(n["y_pred"][0] if y else 1.0 - n["y_pred"][0])
    return n


def test_the_printed_numbers() -> None:
    """Each array has the notebook's name, its shape and its digits."""
    step = notebooks(W1, W2).trace([1, 3], 0)
    for name, printed in PRINTED.items():
        ours = getattr(step, name)
        assert ours.shape == np.shape(printed), name
        np.testing.assert_allclose(ours, printed, rtol=0, atol=3e-8, err_msg=name)


@given(
    seed=st.integers(0, 2**32 - 1), d=st.integers(1, 6), h=st.integers(1, 7),
    y=st.sampled_from([0, 1]), lr=st.sampled_from([0.0, 0.01, 0.5]),
)  # fmt: skip
def test_the_step_of_the_notebook(seed: int, d: int, h: int, y: int, lr: float) -> None:
    """Every array of every shape, and the weights that the model had are still its own."""
    rng = np.random.default_rng(seed)
    W1, W2, row = rng.normal(size=(h, d + 1)), rng.normal(size=(1, h + 1)), rng.normal(size=d)
    mlp = notebooks(W1, W2, lr)
    step = mlp.trace(row, y)
    for name, expected in step_in_numpy(W1, W2, row, y, lr).items():
        ours = getattr(step, name)
        assert np.shape(ours) == np.shape(expected), name
        np.testing.assert_allclose(ours, expected, rtol=1e-11, atol=1e-13, err_msg=name)
    assert (step.y, step.lr) == (y, lr)
    np.testing.assert_array_equal(mlp.W1, W1)
    np.testing.assert_array_equal(mlp.W2, W2)
    np.testing.assert_array_equal(step.W1, W1)
    again = mlp.trace(row[np.newaxis], np.array([y]))
    np.testing.assert_array_equal(again.W1_after, step.W1_after)


def test_it_is_the_step_that_fit_takes() -> None:
    """Bit for bit: a fit of one epoch on one row takes just that step."""
    row, y = np.array([[0.3, -1.2, 2.0]]), np.array([1])
    np.random.seed(7)
    start = MLP(hidden_units=3, lr=0.2, epochs=0).fit(row, y)
    np.random.seed(7)
    end = MLP(hidden_units=3, lr=0.2, epochs=1).fit(row, y)
    step = start.trace(row, 1)
    np.testing.assert_array_equal(step.W1_after, end.W1)
    np.testing.assert_array_equal(step.W2_after, end.W2)
    assert (end.W1 != start.W1).all()


def test_the_walk() -> None:
    """The notebook's lines, in its order, with their shapes and numbers, and the remarks."""
    text = str(notebooks(W1, W2).trace([1, 3], 0))
    places = [
        text.index(line)
        for line in [
            "x = np.insert(X[r], 0, 1)   (3,)\n      [ 1  1  3 ]",
            "z1 = W1 @ x                 (2, 3) @ (3,) → (2,)\n      [ -1.430185  -0.046363 ]",
            "a1 = z1 ",
            "a1b = np.insert(a1, 0, 1)   (3,)\n",
            "z2 = W2 @ a1b               (1, 3) @ (3,) → (1,)\n      [ 1.854539 ]",
            "y_pred = sigmoid(z2) ",
            "loss = −y log(y_pred) − (1 − y) log(1 − y_pred) = 1.99996",
            "error = y_pred − y ",
            "dW2 = error * a1b ",
            "d_hidden = (W2[:, 1:].T * error).flatten()   (2, 1) * (1,) → (2, 1) → (2,)\n",
            "dW1 = d_hidden[:, None] @ x[None, :]         (2, 1) @ (1, 3) → (2, 3)\n",
            "⎡ -0.155932  -0.155932  -0.467795 ⎤\n",
            "lr = 0.01",
            "W2_after = W2 − lr * dW2 ",
            "W1_after = W1 − lr * dW1 ",
        ]
    ]
    assert places == sorted(places)
    assert max(map(len, text.splitlines())) <= 100
    for remark in ["Why no σ′", "axis=1) fails here", "d_hidden[:, None] puts an axis", "f′ = 1"]:
        assert text.count(remark) == 1, remark


def test_the_regression_predicts_the_same() -> None:
    """The weights that are printed as the logistic regression give y_pred."""
    step = notebooks(W1, W2).trace([1, 3], 0)
    section = next(part for part in step.document().sections if part.key == "regression")
    z = section.lines[0].value @ step.x
    np.testing.assert_allclose(1.0 / (1.0 + np.exp(-z)), step.y_pred, rtol=1e-12)
    assert section.lines[1].formula.text == "σ(1.48994 − 0.276753 x[1] + 0.213782 x[2])"


def test_its_other_faces(tmp_path: Path) -> None:
    """Plain data under the notebook's names, LaTeX, HTML, and the engine's notebook."""
    step = notebooks(W1, W2).trace([1, 3], 0)
    told = json.loads(json.dumps(step.to_dict(), allow_nan=False))
    assert set(told) == {
        "x", "y", "W1", "W2", "z1", "a1", "a1b", "z2", "y_pred", "loss", "error", "dW2",
        "d_hidden", "dW1", "lr", "W1_after", "W2_after",
    }  # fmt: skip
    np.testing.assert_array_equal(told["dW1"], step.dW1)
    assert step.to_latex().isascii()
    assert r"z_1 &= W_1 x = \begin{pmatrix} -1.430185 & -0.046363 \end{pmatrix}" in step.to_latex()
    assert "d_hidden[:, None] @ x[None, :]" in step._repr_html_()
    step.to_notebook(tmp_path / "step.ipynb")
    cells = json.loads((tmp_path / "step.ipynb").read_text())["cells"]
    namespace: dict = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), namespace)
    np.testing.assert_array_equal(namespace["W_after"][0].T, step.W1_after[:, 1:])


def test_nothing_can_be_written_through_it() -> None:
    """Its arrays are read-only, like the trace's; repr is a line."""
    step = notebooks(W1, W2).trace([1, 3], 0)
    for name in PRINTED:
        with pytest.raises(ValueError, match="read-only"):
            getattr(step, name)[0] = 1.0
    assert repr(step) == "<SeedTrace: 2 → 2 → 1, y_pred 0.864659, y 0, loss 1.99996>"


def test_bad_input() -> None:
    """One sentence each."""
    mlp = notebooks(W1, W2)
    wrong = [
        ([1.0, 2.0, 3.0], 0, "X has 3 columns, the weights are for 2"),
        ([[1.0, 2.0], [3.0, 4.0]], 0, r"x must be one row, of shape \(d,\) or \(1, d\)"),
        (5.0, 0, "x must be one row"),
        ([1.0, np.nan], 0, "NaN or infinity at row 0, column 1"),
        ([1.0, 2.0], 2, "y must be 0 or 1, the label of one row, got 2"),
        ([1.0, 2.0], [0, 1], "y must be 0 or 1, the label of one row"),
        ([1.0, 2.0], "yes", "y must be 0 or 1"),
        ([1.0, 2.0], np.nan, "y must be 0 or 1"),
    ]
    for x, y, message in wrong:
        with pytest.raises(ValueError, match=message):
            mlp.trace(x, y)
    with pytest.raises(ValueError, match="call fit first"):
        MLP().trace([1.0, 2.0], 0)
    mlp.lr = np.inf
    with pytest.raises(ValueError, match="lr must be a finite number"):
        mlp.trace([1.0, 2.0], 0)


@pytest.mark.parametrize(
    ("widths", "activation", "pair", "n_rows"),
    [
        ((2, 2, 1), "tanh", LOGISTIC, 1),
        ((2, 2, 1), "identity", SQUARED, 1),
        ((2, 2, 2), "identity", LOGISTIC, 1),
        ((2, 2, 1), "identity", LOGISTIC, 2),
        ((2, 1), "", LOGISTIC, 1),
    ],
)
def test_only_the_notebooks_net(widths, activation, pair, n_rows) -> None:
    """Other traces have no such walk, and it says so."""
    with pytest.raises(ValueError, match="the notebook's walk is for one row"):
        SeedTrace.of(make_trace(widths, activation, pair, n_rows))
