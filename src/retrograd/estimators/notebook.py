"""The notebook's own MLP, number for number, on the engine that grew out of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from retrograd.engine.batches import make_data
from retrograd.engine.course import Course, Drawn
from retrograd.engine.divergence import DivergenceError
from retrograd.engine.network import Network
from retrograd.engine.optimizers import Optimizer

if TYPE_CHECKING:
    from retrograd.engine.trainer import Trainer
    from retrograd.estimators.recorder import Recorder
    from retrograd.rewind.walk.seed import SeedTrace

# Rows drawn ahead of their steps: enough to forget the call, few enough to stay in the cache.
DRAWN_AT_ONCE = 1 << 15
# What helps against divergence, in the words of this class.
CURE = "scale X with StandardScaler, or lower lr"


def sigmoid(z: np.ndarray | float) -> np.ndarray:
    r"""Logistic function of every entry, :math:`1 / (1 + e^{-z})`, without overflow.

    Parameters
    ----------
    z : array-like of any shape

    Returns
    -------
    ndarray of float64, of the same shape

    Examples
    --------
    >>> sigmoid([-1000.0, 0.0, 1000.0])
    array([0. , 0.5, 1. ])
    """
    z = np.asarray(z, dtype=np.float64)
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, e) / (1.0 + e)


def sigmoid_deriv(z: np.ndarray | float) -> np.ndarray:
    r"""Return the logistic function's derivative, :math:`\sigma(z) (1 - \sigma(z))`.

    Parameters
    ----------
    z : float or array-like of any shape

    Returns
    -------
    ndarray of z's shape, float64

    Examples
    --------
    >>> sigmoid_deriv([0.0, 1000.0])
    array([0.25, 0.  ])
    """
    s = sigmoid(z)
    return s * (1.0 - s)


class MLP:
    r"""The learner's multi-layer perceptron: a linear hidden layer, a logistic output.

    Trained one example a step, drawn with replacement, by plain gradient descent on the log
    loss. Its random numbers come from NumPy's global generator in the notebook's order, so after
    ``np.random.seed(s)`` it has the notebook's numbers.

    Parameters
    ----------
    hidden_units : int, default=2
        Units of the hidden layer h.
    lr : float, default=0.01
        Learning rate.
    epochs : int, default=20
        An epoch is as many steps as there are rows.

    Attributes
    ----------
    W1 : ndarray of shape (h, d + 1)
        Weights of the hidden layer, the biases in column 0; None before fit.
    W2 : ndarray of shape (1, h + 1)
        Weights of the output, the bias in column 0; None before fit.

    Examples
    --------
    >>> X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.0]])
    >>> y = np.array([0, 0, 1, 1])
    >>> np.random.seed(0)
    >>> MLP(hidden_units=2, lr=0.1, epochs=200).fit(X, y).predict(X)
    array([0, 0, 1, 1])
    """

    def __init__(self, hidden_units: int = 2, lr: float = 0.01, epochs: int = 20) -> None:
        self.hidden_units = hidden_units
        self.lr = lr
        self.epochs = epochs
        self.W1: np.ndarray | None = None
        self.W2: np.ndarray | None = None

    def __repr__(self) -> str:
        return f"MLP(hidden_units={self.hidden_units}, lr={self.lr}, epochs={self.epochs})"

    def fit(self, X: np.ndarray, y: np.ndarray, recorder: "Recorder | None" = None) -> "MLP":
        """Train on X of shape (n, d) and y of shape (n,), 0 or 1.

        Parameters
        ----------
        X : ndarray of shape (n, d)
        y : ndarray of shape (n,)
        recorder : Recorder, optional
            Writes the training down, to rewind it later.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter is of no use, the shapes do not fit, a value is not finite, or y is
            not 0 or 1.
        DivergenceError
            If NaN or infinity arises.

        Examples
        --------
        >>> X, y = np.array([[-1.0], [1.0]]), np.array([0, 1])
        >>> MLP(lr=0.5, epochs=50).fit(X, y).predict(X)
        array([0, 1])
        """
        from retrograd.engine.trainer import State, Trainer

        self._check_parameters()
        if recorder is not None and not hasattr(recorder, "record"):
            raise TypeError(f"recorder must be a Recorder, as Recorder(path), got {recorder!r}")
        X, y = _check_rows(X), np.asarray(y, dtype=np.float64).reshape(-1)
        n, d = X.shape
        if y.size != n:
            raise ValueError(f"X has {n} rows, y has {y.size} labels")
        if not ((y == 0.0) | (y == 1.0)).all():
            raise ValueError("y must be 0 or 1; other labels are for MLPClassifier")
        # The notebook's draws, from the generator that np.random.seed sets, in its order.
        h = self.hidden_units
        W1 = np.random.randn(h, d + 1) * np.sqrt(1 / d)  # noqa: NPY002
        W2 = np.random.randn(1, h + 1) * np.sqrt(1 / h)  # noqa: NPY002

        network = self._network(d, h)
        theta = self._pack(network, W1, W2)
        optimizer = Optimizer("sgd", learning_rate_init=self.lr, momentum=0.0)
        data = make_data(network, X, y)
        trainer = Trainer(network, optimizer, data, 1, State.start(theta, optimizer))
        try:
            with self._recorded(trainer, recorder):
                for begin in range(0, self.epochs * n, DRAWN_AT_ONCE):
                    n_steps = min(DRAWN_AT_ONCE, self.epochs * n - begin)
                    rows = np.random.randint(0, n, size=n_steps)  # noqa: NPY002
                    trainer.run(rows, np.arange(n_steps + 1), np.full(n_steps, self.lr))
        except DivergenceError as error:
            raise error.but(cure=CURE) from None
        self.W1, self.W2 = self._unpack(network, trainer.state.theta)
        return self

    @contextmanager
    def _recorded(self, trainer: "Trainer", recorder: "Recorder | None") -> Iterator[None]:
        """Write down the steps that the trainer takes, if there is someone to do so."""
        if recorder is None:
            yield
            return
        from retrograd.estimators.stopping import recordings_ended  # loads scikit-learn

        state, n_rows = trainer.state, trainer.data.y.shape[0]
        drawn: Any = np.random.get_state()  # noqa: NPY002
        course = Course(trainer.optimizer, Drawn(n_rows, drawn), 1, max(1, self.epochs))
        parameters = {"hidden_units": int(self.hidden_units), "lr": float(self.lr),
                      "epochs": int(self.epochs)}  # fmt: skip
        recording = recorder.record(
            trainer.network, trainer.data, course, state, {"kind": "MLP", "parameters": parameters},
            {"generator": np.append(drawn[1].astype(np.int64), drawn[2])},
        )  # fmt: skip
        trainer.after_call = lambda losses, gradient: recording.after_steps(state, losses, gradient)
        with recordings_ended([recording], state):
            yield

    def predict(self, X: np.ndarray, threshold: float = 0.5) -> np.ndarray:
        """1 where the predicted probability reaches the threshold, else 0.

        Parameters
        ----------
        X : ndarray of shape (n, d)
        threshold : float, default=0.5

        Returns
        -------
        ndarray of shape (n,), int64

        Raises
        ------
        ValueError
            If it was not fitted, or X has another number of columns.

        Examples
        --------
        >>> mlp = MLP(lr=0.5, epochs=50).fit(np.array([[-1.0], [1.0]]), [0, 1])
        >>> mlp.predict(np.array([[-2.0], [2.0]])), mlp.predict(np.array([[2.0]]), threshold=1.0)
        (array([0, 1]), array([0]))
        """
        from retrograd.engine.prediction import predict

        network, theta = self._present(X := _check_rows(X))
        y_pred = predict(network, theta, make_data(network, X), len(X))
        return (y_pred[:, 0] >= threshold).astype(int)

    def trace(self, x: np.ndarray, y: int) -> "SeedTrace":
        """Take the step that fit would take on one row, and show every number of it.

        From the present W1 and W2, with lr; neither is changed.

        Parameters
        ----------
        x : array-like of shape (d,) or (1, d)
            The row, without a leading 1.
        y : int
            Its label, 0 or 1.

        Returns
        -------
        SeedTrace
            ``print`` it.

        Raises
        ------
        ValueError
            If it was not fitted, lr is of no use, x is not one finite row of as many columns as
            the weights are for, or y is not 0 or 1.

        Examples
        --------
        >>> mlp = MLP(hidden_units=1, lr=0.5)
        >>> mlp.W1, mlp.W2 = np.array([[0.0, 1.0]]), np.array([[0.0, 2.0]])
        >>> mlp.trace([3.0], 1).z2
        array([6.])
        """
        from retrograd.engine.trainer import State
        from retrograd.rewind.trace import trace_step
        from retrograd.rewind.walk.seed import SeedTrace

        if not isinstance(self.lr, Real) or not np.isfinite(self.lr):
            raise ValueError(f"lr must be a finite number, got {self.lr!r}")
        label = np.asarray(y)
        if label.size != 1 or label.reshape(-1)[0] not in (0, 1):
            raise ValueError(f"y must be 0 or 1, the label of one row, got {y!r}")
        row = np.asarray(x, dtype=np.float64)
        X = row[np.newaxis] if row.ndim == 1 else row
        if X.ndim != 2 or X.shape[0] != 1:
            raise ValueError(f"x must be one row, of shape (d,) or (1, d), got {row.shape}")
        X = _check_rows(X)
        network, theta = self._present(X)
        optimizer = Optimizer("sgd", learning_rate_init=self.lr, momentum=0.0)
        data = make_data(network, X, label.reshape(1, 1).astype(np.float64))
        state = State.start(theta, optimizer)
        step = trace_step(network, optimizer, data, state, np.array([0]), float(self.lr))
        return SeedTrace.of(step)

    def _present(self, X: np.ndarray) -> tuple[Network, np.ndarray]:
        """Network and parameters of the present W1 and W2, which must fit X."""
        if self.W1 is None or self.W2 is None:
            raise ValueError("this MLP has no weights yet: call fit first")
        shapes = np.shape(self.W1), np.shape(self.W2)
        h, d = shapes[0][0], shapes[0][-1] - 1
        if shapes != ((h, d + 1), (1, h + 1)):
            raise ValueError(
                f"W1 and W2 must have shapes (h, d + 1) and (1, h + 1), got {shapes[0]} and "
                f"{shapes[1]}"
            )
        if X.shape[1] != d:
            raise ValueError(f"X has {X.shape[1]} columns, the weights are for {d}")
        network = self._network(d, h)
        return network, self._pack(network, np.asarray(self.W1), np.asarray(self.W2))

    def _check_parameters(self) -> None:
        for name, least in (("hidden_units", 1), ("epochs", 0)):
            value = getattr(self, name)
            if not isinstance(value, Integral) or value < least:
                raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")
        if not isinstance(self.lr, Real) or not np.isfinite(self.lr):
            raise ValueError(f"lr must be a finite number, got {self.lr!r}")

    @staticmethod
    def _network(d: int, h: int) -> Network:
        return Network((d, int(h), 1), ("identity",), "logistic", "log_loss")

    @staticmethod
    def _pack(network: Network, W1: np.ndarray, W2: np.ndarray) -> np.ndarray:
        """Parameter vector of the engine, whose weights are (n_in, n_out) and biases apart."""
        theta = np.empty(network.n_parameters)
        for layer, W in enumerate((W1, W2)):
            network.biases(theta, layer)[:] = W[:, 0]
            network.weights(theta, layer)[:] = W[:, 1:].T
        return theta

    @staticmethod
    def _unpack(network: Network, theta: np.ndarray) -> list[np.ndarray]:
        """W1 and W2, biases in column 0."""
        return [
            np.column_stack([network.biases(theta, layer), network.weights(theta, layer).T])
            for layer in range(2)
        ]


def _check_rows(X: np.ndarray) -> np.ndarray:
    X = np.asarray(X, dtype=np.float64)
    if X.ndim != 2 or X.size == 0:
        raise ValueError(f"X must have rows and columns, got an array of shape {X.shape}")
    if not np.isfinite(X).all():
        row, column = np.argwhere(~np.isfinite(X))[0]
        raise ValueError(f"X has NaN or infinity at row {row}, column {column}")
    return X
