"""One training on one table: split, encode, fit, and what came of it, as plain data."""

import math
import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from retrograd.engine.jit import seconds_of_compiling
from retrograd.engine.notes import counted
from retrograd.estimators.kinds import ESTIMATORS
from retrograd.estimators.recorder import Recorder
from retrograd.estimators.stopping import DivergenceWarning
from retrograd.rewind.recording import RecordingLostWarning
from retrograd.tables.encoder import TableEncoder
from retrograd.tables.errors import TableError, TableWarning
from retrograd.tables.task import Problem

# With fewer training rows a tenth of them says too little to stop by. An accuracy says less than an
# R2: on a few dozen rows it is perfect long before the network has learned what it can.
FEWEST_ROWS_TO_VALIDATE = {"classification": 2000, "regression": 200}
VALIDATION_SHARE = 0.1
PATIENCE = 20
LEARNING_RATES = {"sgd": 0.01}
USUAL_LEARNING_RATE = 0.001
# Networks train in float32. A quantity is predicted and compared in float64: scaled back, it may be
# small beside its offset, as moments in seconds are, of which float32 tells every 128th.
TRAINED_IN = np.float32
ENCODED_IN = {"classification": "float32", "regression": "float64"}


@dataclass(frozen=True)
class Options:
    """How to train; None means: choose for me."""

    hidden: tuple[int, ...] = (64, 32)
    activation: str = "relu"
    solver: str = "adam"
    lr: float | None = None
    epochs: int = 200
    batch: int | None = None
    alpha: float = 1e-4
    seed: int = 0
    test_size: float = 0.2


@dataclass
class Experiment:
    """A problem, cut in two and encoded by what its training part shows."""

    problem: Problem
    train: np.ndarray
    test: np.ndarray
    encoder: TableEncoder
    x_train: np.ndarray
    x_test: np.ndarray
    notes: list[str]

    @property
    def y_train(self) -> np.ndarray:
        """The target of the training rows."""
        return self.problem.y[self.train]

    @property
    def y_test(self) -> np.ndarray:
        """The target of the held-out rows."""
        return self.problem.y[self.test]


def split_rows(
    y: np.ndarray, task: str, test_size: float, seed: int
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Choose the rows to hold out.

    In classification the shares of the classes are kept; a class of one row stays in training.

    Parameters
    ----------
    y : array (B,)
    task : {"classification", "regression"}
    test_size : float
        Share of the rows to hold out.
    seed : int

    Returns
    -------
    train, test : sorted int arrays
    notes : list of str

    Raises
    ------
    TableError
        If one of the two would be too small.

    Examples
    --------
    >>> train, test, notes = split_rows(np.arange(10.0), "regression", 0.2, seed=0)
    >>> len(train), len(test), notes
    (8, 2, [])
    """
    rows, alone, notes = np.arange(len(y)), np.array([], dtype=np.intp), []
    stratify = None
    if task == "classification":
        _, members, counts = np.unique(y, return_inverse=True, return_counts=True)
        alone = rows[counts[members] == 1]
        rows = rows[counts[members] > 1]
        wanted = min(math.ceil(test_size * len(rows)), len(rows))
        if min(wanted, len(rows) - wanted) >= (counts > 1).sum():
            stratify = y[rows]
        else:
            notes.append("too few rows to hold out some of every class: the split is random")
        if alone.size:
            notes.append(f"{counted(alone.size, 'class')} of one row only: kept in training")
    if math.ceil(test_size * len(rows)) < 2 or int((1 - test_size) * len(rows)) < 2:
        raise TableError(
            f"a test size of {test_size:g} splits {counted(len(rows), 'row')} badly: "
            "at least 2 have to be in each part"
        )
    train, test = train_test_split(rows, test_size=test_size, random_state=seed, stratify=stratify)
    return np.sort(np.concatenate([train, alone])), np.sort(test), notes


def prepare(problem: Problem, options: Options) -> Experiment:
    """Split the rows, and encode them by what the training rows show.

    Raises
    ------
    TableError
        If the rows cannot be split, or no column tells anything.
    """
    train, test, notes = split_rows(problem.y, problem.task, options.test_size, options.seed)
    if len(np.unique(problem.y[train])) < 2:
        raise TableError(f"target {problem.target!r} has one value only in the rows to train on")
    encoder = TableEncoder(dtype=ENCODED_IN[problem.task])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        encoder.fit(problem.features[train])
        warnings.simplefilter("always", TableWarning)
        x_train = encoder.transform(problem.features[train])
        x_test = encoder.transform(problem.features[test])
    # What was left out is said beside the column's name.
    noticed = [note for note in encoder.notes_ if not note.startswith("left out")]
    notes = [*noticed, *notes, *(f"held-out rows: {w.message}" for w in caught)]
    return Experiment(problem, train, test, encoder, x_train, x_test, notes)


def build_network(experiment: Experiment, options: Options):
    """Build the network that the options ask for, with the rest chosen by the rows there are.

    A batch has about a thirtieth of the rows, between 16 and 256. From 200 rows on in regression,
    and 2,000 in classification, a tenth of the training rows is set aside to see when to stop; with
    fewer rows, or lbfgs, training goes on until the loss stops falling.

    Returns
    -------
    MLPClassifier or MLPRegressor
    """
    rows = len(experiment.train)
    batch = options.batch or int(2 ** np.clip(round(math.log2(rows / 30 + 1)), 4, 8))
    kind = "MLPClassifier" if experiment.problem.task == "classification" else "MLPRegressor"
    return ESTIMATORS[kind](
        hidden_layer_sizes=options.hidden,
        activation=options.activation,
        solver=options.solver,
        alpha=options.alpha,
        batch_size=min(batch, rows),
        learning_rate_init=options.lr or LEARNING_RATES.get(options.solver, USUAL_LEARNING_RATE),
        max_iter=options.epochs,
        random_state=options.seed,
        early_stopping=_can_validate(experiment, options),
        validation_fraction=VALIDATION_SHARE,
        n_iter_no_change=PATIENCE,
    )


def _can_validate(experiment: Experiment, options: Options) -> bool:
    """Tell whether there are enough rows to set some aside, of every class."""
    rows = len(experiment.train)
    if options.solver == "lbfgs" or rows < FEWEST_ROWS_TO_VALIDATE[experiment.problem.task]:
        return False
    if experiment.problem.task == "regression":
        return True
    _, counts = np.unique(experiment.y_train, return_counts=True)
    return bool(counts.min() >= 2 and VALIDATION_SHARE * rows >= len(counts))


@dataclass
class Fitted:
    """A trained network and how it went.

    Of its seconds those of compiling are the first calls of kernels that were not in the cache.
    """

    model: Pipeline
    network: Any
    seconds: float
    compiling: float
    ended: str
    notes: list[str]
    # Whether a recorder has written down all of it.
    is_recorded: bool


def fit(experiment: Experiment, network, progress, recorder: Recorder | None = None) -> Fitted:
    """Train the network; a regression's target is standardised first.

    Parameters
    ----------
    experiment : Experiment
    network : MLPClassifier or MLPRegressor
    progress : callback or None
        Follows the training through scikit-learn's callbacks.
    recorder : Recorder, optional

    Returns
    -------
    Fitted
    """
    followers = [follower for follower in (progress, recorder) if follower is not None]
    if followers:
        network.set_callbacks(*followers)
    predictor = network
    if experiment.problem.task == "regression":
        predictor = TransformedTargetRegressor(network, transformer=StandardScaler())
    start, compiled_before = time.perf_counter(), seconds_of_compiling()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        predictor.fit(experiment.x_train.astype(TRAINED_IN, copy=False), experiment.y_train)
    compiling = seconds_of_compiling() - compiled_before
    seconds = time.perf_counter() - start
    network = getattr(predictor, "regressor_", predictor)
    network.set_callbacks()
    model = Pipeline([("table", experiment.encoder), ("network", predictor)])
    ending, notes = _ending(network, caught), _notes(network, caught)
    gave_up = any(issubclass(warning.category, RecordingLostWarning) for warning in caught)
    is_recorded = recorder is not None and not gave_up
    return Fitted(model, network, seconds, compiling, ending, notes, is_recorded)


def _ending(network, caught: list) -> str:
    """Name why the training ended, see ``text.ENDINGS``."""
    categories = [warning.category for warning in caught]
    if DivergenceWarning in categories:
        return "diverged"
    if ConvergenceWarning in categories:
        return "epochs" if network.n_iter_ >= network.max_iter else "stopped"
    return "validation" if network.early_stopping else "converged"


def _notes(network, caught: list) -> list[str]:
    """Hand on warnings, but for the one that says that all epochs were used."""
    ran_out = network.n_iter_ >= network.max_iter
    return [
        " ".join(str(warning.message).split())
        for warning in caught
        if not (ran_out and warning.category is ConvergenceWarning)
    ]
