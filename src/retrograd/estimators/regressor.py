"""MLPRegressor: scikit-learn's, on retrograd's engine."""

from numbers import Real
from typing import Any, ClassVar

import numpy as np
import scipy.sparse
from sklearn.base import RegressorMixin
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import validate_data

from retrograd.engine.batches import make_data
from retrograd.engine.network import Network
from retrograd.estimators.base import BaseMLP
from retrograd.estimators.predicting import predict_outputs

# What the mean of y makes least; the others want its median, or another quantile.
AIM_AT_THE_MEAN = ("squared_error", "poisson")


class MLPRegressor(RegressorMixin, BaseMLP):
    r"""Multi-layer perceptron regressor, a drop-in replacement of scikit-learn's.

    It minimises the mean of the chosen loss plus :math:`\frac{\alpha}{2n} \|W\|^2`.

    Parameters
    ----------
    loss : {'squared_error', 'poisson', 'absolute_error', 'huber', 'quantile'}, \
            default='squared_error'
        'squared_error' is half the squared residual; 'poisson', half the deviance, has an
        exponential output and needs y ≥ 0; the others have the identity.
    hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate, \
    learning_rate_init, power_t, max_iter, shuffle, random_state, tol, verbose, warm_start, \
    momentum, nesterovs_momentum, early_stopping, validation_fraction, beta_1, beta_2, epsilon, \
    n_iter_no_change, max_fun, init
        As in ``MLPClassifier``.
    quantile : float, default=0.5
        The quantile, in (0, 1), that ``loss='quantile'`` aims at.
    huber_delta : float, default=1.0
        Residual, in units of y, at which ``loss='huber'`` goes from squared to absolute.

    Attributes
    ----------
    loss_ : float
        Loss of the last epoch; like scikit-learn's, the mean over the outputs (poisson: the sum).
    validation_scores_ : list of float or None
        With ``early_stopping`` R² on the validation rows after every epoch; with a loss that does
        not aim at the mean its own like, 1 - loss / loss of the rows' median (or quantile).
    out_activation_ : {'identity', 'exp'}
        Output activation.
    coefs_, intercepts_, loss_curve_, best_loss_, best_validation_score_, n_iter_, t_, n_layers_, \
    n_outputs_, n_features_in_, feature_names_in_
        As in ``MLPClassifier``.

    References
    ----------
    Bishop, Pattern Recognition and Machine Learning (2006), chapter 5.

    Examples
    --------
    >>> X = np.linspace(-1, 1, 100)[:, np.newaxis]
    >>> y = X[:, 0] ** 2
    >>> model = MLPRegressor(hidden_layer_sizes=(20,), solver="lbfgs", random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.98
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseMLP._parameter_constraints,
        "loss": [StrOptions({"squared_error", "poisson", "absolute_error", "huber", "quantile"})],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
        "huber_delta": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        init: str = "glorot_uniform",
        quantile: float = 0.5,
        huber_delta: float = 1.0,
    ) -> None:
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.init = init
        self.quantile = quantile
        self.huber_delta = huber_delta

    def predict(self, X: Any) -> np.ndarray:
        """Predicted values for each row of X; shape (n,), or (n, O) for several targets.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame} of shape (n, I)

        Returns
        -------
        ndarray of shape (n,) or (n, O)

        Raises
        ------
        ValueError
            If X is not usable. ``NotFittedError``, a ValueError, if there was no fit.

        Examples
        --------
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [1.0, 3.0, 5.0, 7.0]
        >>> model = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", alpha=0.0, random_state=0)
        >>> model.fit(X, y).predict([[10.0]]).round(2)
        array([21.])
        """
        outputs = predict_outputs(self, X)
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    def _validate(
        self, X: Any, y: Any, first: bool, incremental: bool, dtype: list
    ) -> tuple[Any, np.ndarray]:
        X, y = validate_data(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True, y_numeric=True,
            dtype=dtype, reset=first,
        )  # fmt: skip
        if scipy.sparse.issparse(y):
            raise ValueError("y is sparse; give a regressor dense targets, as y.toarray()")
        if y.dtype.kind not in "biuf":
            raise ValueError(
                f"y must be numbers, it is of dtype {y.dtype}: convert it, as y.astype(float)"
            )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if self.loss == "poisson" and (y < 0).any():
            raise ValueError(
                f"loss='poisson' needs y >= 0; the least of y is {y.min():g}, at row "
                f"{int(np.argmin(y.reshape(len(y), -1).min(axis=1)))}"
            )
        with np.errstate(over="ignore"):
            targets = y.reshape(len(y), -1).astype(X.dtype)
        if not np.isfinite(targets).all():
            if np.isnan(targets).any():
                row = int(np.argmax(np.isnan(targets).any(axis=1)))
                raise ValueError(f"y holds NaN, as at row {row}: leave such rows out")
            raise ValueError(
                f"y has values too large for the {X.dtype} of X, as at row "
                f"{int(np.argmin(np.isfinite(targets).all(axis=1)))}: scale y, or give X as float64"
            )
        return X, targets

    def _output(self, targets: np.ndarray) -> tuple[int, str, str, float]:
        output = "exp" if self.loss == "poisson" else "identity"
        parameter = {"quantile": self.quantile, "huber": self.huber_delta}.get(self.loss, 0.0)
        return targets.shape[1], output, self.loss, parameter

    def _validation_score(self, X: Any, targets: np.ndarray, sample_weight: Any) -> float:
        outputs = predict_outputs(self, X, check_input=False)
        if not np.isfinite(outputs).all():
            return float("nan")
        with np.errstate(over="ignore"):  # on the way to divergence, which is told elsewhere
            if self.loss in AIM_AT_THE_MEAN:
                from sklearn.metrics import r2_score  # slow to import

                return float(r2_score(targets, outputs, sample_weight=sample_weight))
            return self._explained(targets, outputs, sample_weight)

    def _explained(
        self, targets: np.ndarray, outputs: np.ndarray, sample_weight: np.ndarray | None
    ) -> float:
        """Share of the loss that is explained: R² would find fault with any but the mean.

        Of several quantities it is the mean of their shares, as with R².
        """
        from retrograd.engine.objective import row_losses  # loads the compiler

        _, output, loss, parameter = self._output(targets)
        network = Network((1, 1), (), output, loss, parameter)
        rows = np.arange(len(targets))
        weight = np.ones(len(targets)) if sample_weight is None else sample_weight
        quantile = self.quantile if loss == "quantile" else 0.5
        constants = np.quantile(targets, quantile, axis=0, weights=weight, method="inverted_cdf")
        shares = []
        for y, y_pred, constant in zip(targets.T, outputs.T, constants, strict=True):
            data = make_data(network, y[:, np.newaxis], y[:, np.newaxis])
            ours, at_best = (
                float(np.average(row_losses(network, data, rows, column), weights=weight))
                for column in (y_pred[:, np.newaxis], np.full((len(y), 1), constant, y_pred.dtype))
            )
            shares.append(1.0 - ours / at_best if at_best > 0.0 else float(ours == 0.0))
        return float(np.mean(shares))
