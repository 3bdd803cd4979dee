"""The playground's own data sets: points that are drawn, and tables that come along."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

PENGUINS = Path(__file__).parent / "tables" / "penguins.csv"


class Sample(NamedTuple):
    """Rows to learn from, as ``fit`` takes them, and the Python that makes them.

    Attributes
    ----------
    X : ndarray of shape (B, I)
    y : ndarray of shape (B,)
    names : list of str or None
        Of the features.
    task : {'classification', 'regression'}
    source : str
        Lines of Python after which X and y are there; none if they are nowhere but in a run.
    notes : list of str
        What the reader should know of how they were made.
    facts : dict, optional
        What a run on them is to remember.
    """

    X: np.ndarray
    y: np.ndarray
    names: list[str] | None
    task: str
    source: str
    notes: list[str]
    facts: dict | None = None


def circle(rows: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A disc, and a ring around it."""
    rng = np.random.default_rng(seed)
    y = np.arange(rows) % 2
    radius = np.where(y == 1, rng.uniform(0.0, 0.5, rows), rng.uniform(0.7, 1.0, rows))
    angle = rng.uniform(0.0, 2.0 * np.pi, rows)
    X = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    return X + noise * rng.standard_normal(X.shape), y


def xor(rows: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Four squares; those across from each other are of one class."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(0.05, 1.0, (rows, 2)) * rng.choice([-1.0, 1.0], (rows, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    return X + noise * rng.standard_normal(X.shape), y


def gauss(rows: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two clouds of points."""
    rng = np.random.default_rng(seed)
    y = np.arange(rows) % 2
    X = np.where(y == 1, 0.5, -0.5)[:, None] + (0.15 + noise) * rng.standard_normal((rows, 2))
    return X, y


def spiral(rows: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two arms that wind around each other."""
    rng = np.random.default_rng(seed)
    y = np.arange(rows) % 2
    along = np.sqrt(rng.uniform(0.0, 1.0, rows))
    angle = 3.5 * np.pi * along + np.pi * y
    X = np.column_stack([along * np.sin(angle), along * np.cos(angle)])
    return X + noise * rng.standard_normal(X.shape), y


def plane(rows: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A slanted plane over a square."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1.0, 1.0, (rows, 2))
    y = 0.6 * X[:, 0] + 0.4 * X[:, 1]
    return X, y + noise * rng.standard_normal(rows)


def hills(rows: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Hills and hollows over a square."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1.0, 1.0, (rows, 2))
    y = np.sin(np.pi * X[:, 0]) * np.cos(np.pi * X[:, 1])
    return X, y + noise * rng.standard_normal(rows)


class DataSet(NamedTuple):
    """A data set to choose; ``rows`` and ``noise`` are None where they cannot be chosen."""

    title: str
    task: str
    rows: int | None = None
    noise: float | None = None
    make: Callable[[int, float, int], tuple[np.ndarray, np.ndarray]] | None = None


DATASETS: dict[str, DataSet] = {
    "circle": DataSet("Circle", "classification", 300, 0.05, circle),
    "xor": DataSet("Exclusive or", "classification", 300, 0.0, xor),
    "gauss": DataSet("Two clouds", "classification", 300, 0.1, gauss),
    "spiral": DataSet("Spiral", "classification", 300, 0.02, spiral),
    "plane": DataSet("Plane", "regression", 300, 0.05, plane),
    "hills": DataSet("Hills", "regression", 500, 0.05, hills),
    "penguins": DataSet("Penguins", "table"),
    "breast_cancer": DataSet("Breast cancer", "classification"),
    "digits": DataSet("Digits", "classification"),
    "diabetes": DataSet("Diabetes", "regression"),
}

SCALED = "from sklearn.preprocessing import StandardScaler"
SCALED_Y = "y = StandardScaler().fit_transform(y.reshape(-1, 1))[:, 0]"
TOLD_SCALED_Y = "the target is standardised: mean 0, standard deviation 1"


def draw(name: str, rows: int, noise: float, seed: int) -> Sample:
    """Draw a data set of points.

    Examples
    --------
    >>> drawn = draw("xor", rows=4, noise=0.0, seed=0)
    >>> drawn.X.shape, drawn.y.tolist(), drawn.source.splitlines()[-1]
    ((4, 2), [1, 1, 0, 0], 'X, y = xor(rows=4, noise=0.0, seed=0)')
    """
    known = DATASETS[name]
    if known.make is None:
        raise ValueError(f"{name} is not drawn")
    X, y = known.make(rows, noise, seed)
    function = inspect.getsource(known.make).replace(" -> tuple[np.ndarray, np.ndarray]", "")
    call = f"X, y = {name}(rows={rows}, noise={noise!r}, seed={seed})"
    source = f"import numpy as np\n\n\n{function}\n\n{call}"
    return Sample(X, y, None, known.task, source, [])


def load(name: str) -> Sample:
    """Load a data set that scikit-learn brings along.

    Examples
    --------
    >>> drawn = load("diabetes")
    >>> drawn.X.shape, drawn.names[2], drawn.task
    ((442, 10), 'bmi', 'regression')
    """
    from sklearn import datasets
    from sklearn.preprocessing import StandardScaler

    loader = f"load_{name}"
    bunch = getattr(datasets, loader)()
    X, y = bunch.data, bunch.target
    if name == "digits":
        lines = [f"from sklearn.datasets import {loader}", "",
                 f"X, y = {loader}(return_X_y=True)", "X = X / 16"]  # fmt: skip
        return Sample(X / 16, y, None, "classification", "\n".join(lines), ["pixels are 0 to 1"])
    X = StandardScaler().fit_transform(X)
    lines = ["import polars as pl", f"from sklearn.datasets import {loader}", SCALED, "",
             f"bunch = {loader}()", "X = StandardScaler().fit_transform(bunch.data)",
             "X = pl.DataFrame(X, schema=[str(name) for name in bunch.feature_names])"]  # fmt: skip
    notes = ["features are standardised: mean 0, standard deviation 1"]
    task = DATASETS[name].task
    if task == "regression":
        y = StandardScaler().fit_transform(y.reshape(-1, 1))[:, 0]
        lines += ["y = bunch.target", SCALED_Y]
        notes.append(TOLD_SCALED_Y)
    else:
        y = bunch.target_names[y]
        lines.append("y = bunch.target_names[bunch.target]")
    names = [str(one) for one in bunch.feature_names]
    return Sample(X, y, names, task, "\n".join(lines), notes)
