"""What the classifier and the regressor share: parameters, checks, state, and predictions."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from numbers import Integral, Real
from operator import index
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_sample_weight

from retrograd.engine.batches import make_data
from retrograd.engine.kernels.data import Data
from retrograd.engine.network import Network
from retrograd.engine.notes import warn
from retrograd.engine.optimizers import SOLVERS, Optimizer
from retrograd.estimators import parameters
from retrograd.estimators.fitting import fit_stochastic
from retrograd.estimators.lbfgs import fit_lbfgs
from retrograd.estimators.predicting import refuse_times
from retrograd.estimators.recorder import Recorder
from retrograd.maths.activations import ACTIVATIONS, ALIASES, activations_of
from retrograd.maths.initializers import INITIALIZERS
from retrograd.maths.schedules import SCHEDULES


def solver_is_stochastic(estimator: "BaseMLP") -> bool:
    """Let ``partial_fit`` exist for every solver but lbfgs, which has no steps to go on with."""
    if estimator.solver == "lbfgs":
        raise AttributeError(
            "partial_fit needs a stochastic solver (sgd, adam, adamw or rmsprop); "
            "this estimator has solver='lbfgs'"
        )
    return True


class BaseMLP(CallbackSupportMixin, BaseEstimator, ABC):
    """Base of the two estimators; not for use by itself."""

    _parameter_constraints: ClassVar[dict] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions({*ACTIVATIONS, *ALIASES}), list, tuple],
        "solver": [StrOptions({*SOLVERS, "lbfgs"})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions(set(SCHEDULES))],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "init": [StrOptions(set(INITIALIZERS))],
    }

    @abstractmethod
    def _validate(
        self, X: Any, y: Any, first: bool, incremental: bool, dtype: list
    ) -> tuple[Any, np.ndarray]:
        """Check X and y; return X, and the targets as the engine reads them, of shape (n, Y)."""

    @abstractmethod
    def _output(self, targets: np.ndarray) -> tuple[int, str, str, float]:
        """Return the number of outputs, output activation, loss and loss parameter for targets."""

    @abstractmethod
    def _validation_score(self, X: Any, targets: np.ndarray, sample_weight: Any) -> float:
        """Score rows kept for validation: accuracy, R² or D²; NaN if a prediction is not finite."""

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "BaseMLP":
        """Fit the network to X of shape (n, I) and y of shape (n,) or (n, O).

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame} of shape (n, I)
            The rows to learn from. float32 and float64 stay what they are, anything else becomes
            float64; sparse rows stay sparse.
        y : array-like of shape (n,) or (n, O)
            Class labels, an indicator matrix of labels, or numbers.
        sample_weight : array-like of shape (n,), default=None
            How much each row counts; 2 is as if it stood there twice, 0 as if it did not, but that
            it still takes its place in a minibatch.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If the input is not usable. ``DivergenceError``, a ValueError, if NaN or infinity
            arises in training; the estimator is then as it was before.
        """
        context = self._init_callback_context(max_subtasks=self.max_iter)
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        context.call_on_fit_task_begin(estimator=self, X=X, y=y, metadata=metadata)

        callbacks = getattr(self, "_skl_callbacks", [])
        recorders = [callback for callback in callbacks if isinstance(callback, Recorder)]
        # Recorders are told of every step, and need no word of every epoch.
        listened_to = len(callbacks) > len(recorders)

        def on_epoch(begin: bool) -> bool:
            hook = dict(estimator=self, X=X, y=y, metadata=metadata)
            if begin:
                self._epoch_context = context.subcontext(task_name="epoch")
                self._epoch_context.call_on_fit_task_begin(**hook)
                return False
            return self._epoch_context.call_on_fit_task_end(
                **hook, reconstruction_attributes=self._fitted_copy
            )

        try:
            self._fit(
                X, y, sample_weight, incremental=False, on_epoch=on_epoch if listened_to else None,
                record=lambda training: [
                    recorder.begin(training, context) for recorder in recorders
                ],
            )  # fmt: skip
        finally:
            self.__dict__.pop("_epoch_context", None)
        context.call_on_fit_task_end(
            estimator=self, X=X, y=y, metadata=metadata,
            reconstruction_attributes=self._fitted_copy,
        )  # fmt: skip
        return self

    @available_if(solver_is_stochastic)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> "BaseMLP":
        """Train one more epoch on these rows, from where the last call ended.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame} of shape (n, I)
        y : array-like of shape (n,) or (n, O)
        sample_weight : array-like of shape (n,), default=None

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As ``fit`` does, and with ``early_stopping=True``, for want of validation rows.
        """
        return self._fit(X, y, sample_weight, incremental=True)

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        incremental: bool,
        on_epoch: Callable[[bool], bool] | None = None,
        record: Callable[..., list] = lambda training: [],
    ) -> "BaseMLP":
        if incremental:
            self._warn_of_no_record("partial_fit has no end that a Recorder could record up to")
        before = self.__dict__.copy()
        try:
            network, data, rng, first = self._ready(X, y, sample_weight, incremental)
            if self.solver == "lbfgs":
                self._warn_of_unused()
                told = fit_lbfgs(self, network, data)
            else:
                told = fit_stochastic(
                    self, network, data, rng, first, incremental, on_epoch, record
                )
        except BaseException:  # also an interrupt, where the solver does not catch it itself
            self.__dict__ = before
            raise
        for warning in told:
            warn(warning)
        return self

    def _ready(
        self, X: Any, y: Any, sample_weight: Any, incremental: bool
    ) -> tuple[Network, Data, np.random.RandomState, bool]:
        """Check the input and make what a training needs; True if it starts from new parameters."""
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        dtype = [np.float64, np.float32] if first else [self._theta().dtype]
        refuse_times(X)
        X, targets = self._validate(X, y, first, incremental, dtype)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(
                sample_weight, X, dtype=X.dtype, ensure_non_negative=True
            )
            if not sample_weight.any():
                raise ValueError("every sample weight is 0: there is no row to learn from")
            if not np.isfinite(sample_weight).all():  # unless ``assume_finite``, it was looked at
                raise ValueError("Input sample_weight contains NaN or infinity.")
            if (largest := sample_weight.max()) < (least := _least_weight(X.dtype)):
                raise ValueError(
                    f"the sample weights are at most {largest:.3g}; in {X.dtype} what is below "
                    f"{least:.1g} soon counts as 0: multiply them, and alpha, by one number"
                )
            if (total := sample_weight.sum(dtype=np.float64)) > (most := _most_weight(X.dtype)):
                raise ValueError(
                    f"the sample weights come to {total:.3g}; in {X.dtype} sums of more than "
                    f"{most:.1g} soon are infinite: divide them, and alpha, by one number"
                )
        network = self._make_network(X.shape[1], targets)
        rng = check_random_state(self.random_state)
        if first:
            self._start(network, rng, X.dtype)
        else:
            self._check_continues(network)
        self._network = network
        return network, make_data(network, X, targets, sample_weight), rng, first

    def _check_continues(self, network: Network) -> None:
        """Refuse to go on training if the parameters or the data now ask for another network."""
        known, asked = (
            f"widths {widths} and {output} outputs"
            for widths, output in [
                (self._widths(), self.out_activation_),
                (network.widths, network.output),
            ]
        )
        if known != asked:
            raise ValueError(
                f"cannot go on training: the fitted network has {known}, the parameters and "
                f"data now ask for {asked}; use a new estimator"
            )

    def _make_network(self, n_features: int, targets: np.ndarray) -> Network:
        sizes = self.hidden_layer_sizes
        try:
            hidden = [index(size) for size in (sizes if np.iterable(sizes) else [sizes])]
            if any(isinstance(size, bool) for size in np.ravel(sizes).tolist()):
                raise TypeError("a truth value")
        except TypeError:
            raise ValueError(f"hidden_layer_sizes must be integers, got {sizes!r}") from None
        if any(size <= 0 for size in hidden):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {hidden}.")
        n_outputs, output, loss, loss_parameter = self._output(targets)
        return Network(
            (n_features, *hidden, n_outputs),
            activations_of(self.activation, len(hidden)),
            output,
            loss,
            loss_parameter,
        )

    def _start(self, network: Network, rng: np.random.RandomState, dtype: np.dtype) -> None:
        """Draw initial parameters and forget all that an earlier fit has left."""
        for name in ("_state", "_seed", "loss_curve_", "best_loss_", "validation_scores_",
                     "best_validation_score_"):  # fmt: skip
            self.__dict__.pop(name, None)
        like = self.activation if isinstance(self.activation, str) else "identity"
        theta = network.initial_parameters(self.init, rng, dtype, output_like=like)
        self._bind(network, theta)
        self.n_iter_ = 0
        self.t_ = 0

    def _bind(self, network: Network, theta: np.ndarray) -> None:
        """Make the fitted attributes that follow from a network and its parameters.

        All at once: another thread may be predicting.
        """
        coefs, intercepts = network.layers(theta)
        self.__dict__.update(
            _network=network, n_layers_=network.n_layers + 1, n_outputs_=network.widths[-1],
            out_activation_=network.output, coefs_=coefs, intercepts_=intercepts,
        )  # fmt: skip

    def _widths(self) -> tuple[int, ...]:
        return parameters.widths(self.coefs_, self.intercepts_)

    def _theta(self) -> np.ndarray:
        """Parameter vector behind coefs_ and intercepts_, or made of them if they were replaced."""
        return parameters.vector(self.coefs_, self.intercepts_)

    def _make_optimizer(self) -> Optimizer:
        return Optimizer(
            solver=self.solver,
            learning_rate_init=float(self.learning_rate_init),
            schedule=self.learning_rate,
            power_t=float(self.power_t),
            momentum=float(self.momentum),
            nesterov=self.nesterovs_momentum,
            beta_1=float(self.beta_1),
            beta_2=float(self.beta_2),
            epsilon=float(self.epsilon),
            alpha=float(self.alpha),
        )

    def _warn_of_unused(self) -> None:
        for name, default in (("learning_rate", "constant"), ("early_stopping", False)):
            if getattr(self, name) != default:
                warn(f"{name}={getattr(self, name)!r} has no effect with solver='lbfgs'")
        self._warn_of_no_record("solver='lbfgs' takes no steps that a Recorder could record")

    def _warn_of_no_record(self, why: str) -> None:
        if any(isinstance(callback, Recorder) for callback in getattr(self, "_skl_callbacks", [])):
            warn(f"{why}: this fit is not in its file")

    def _known(self, fitted: dict[str, Any] | None = None) -> tuple[Network, np.ndarray]:
        """Network of the last fit, or one made for attributes set by hand; and its parameters.

        They are those of one moment, which ``fitted`` is a copy of the attributes of.
        """
        fitted = self.__dict__.copy() if fitted is None else fitted
        coefs, intercepts, network = fitted["coefs_"], fitted["intercepts_"], fitted.get("_network")
        widths, theta = parameters.widths(coefs, intercepts), parameters.vector(coefs, intercepts)
        names = self.activation
        if network is not None and network.widths == widths:
            if network.output == fitted["out_activation_"]:
                return network, theta
            names = network.activations
        return self._network_of(widths, activations_of(names, len(coefs) - 1)), theta

    def _network_of(self, widths: tuple[int, ...], activations: tuple[str, ...]) -> Network:
        """Network for predictions, from what a fitted estimator shows of it."""
        losses = {"logistic": "log_loss", "softmax": "log_loss", "exp": "poisson"}
        output = self.out_activation_
        return Network(widths, activations, output, losses.get(output, "squared_error"))

    def _fitted_copy(self) -> dict[str, Any]:
        """Fitted attributes as of now, for a callback's ``fitted_estimator``."""
        fitted: dict[str, Any] = {
            name: list(value) if isinstance(value, list) else value
            for name, value in vars(self).items()
            if name.endswith("_") and not name.startswith("_")
        }
        theta = self._theta().copy()
        if "_state" in self.__dict__:  # so that the copy, too, can be trained on
            fitted["_state"] = state = self._state.copy()
            theta = state.theta
        fitted["coefs_"], fitted["intercepts_"] = self._network.layers(theta)
        return fitted

    def __getstate__(self) -> dict:
        """State to pickle or copy."""
        return super().__getstate__() | self._packed()

    def _packed(self) -> dict:
        """State in which the parameters are held once, in their vector, and no views of it are."""
        theta = self._theta() if hasattr(self, "coefs_") else None
        if theta is None or self.coefs_[0].base is not theta:
            return {}
        state = self.__dict__.get("_state")
        held = {} if state is not None and theta is state.theta else {"_vector": theta}
        return {"coefs_": None, "intercepts_": None, **held}

    def __setstate__(self, state: dict) -> None:
        """Take a state, and make coefs_ and intercepts_ views of its vector."""
        super().__setstate__(state)
        if self.__dict__.get("coefs_", ()) is None:
            theta = self.__dict__.pop("_vector", None)
            theta = self._state.theta if theta is None else theta
            self.coefs_, self.intercepts_ = self._network.layers(theta)

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there are parameters to predict with."""
        return hasattr(self, "coefs_")

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that sparse rows are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _most_weight(dtype: np.dtype) -> float:
    """Sum of weights above which their products with large errors are infinite."""
    facts = np.finfo(dtype)
    return float(facts.max) * float(facts.eps)


def _least_weight(dtype: np.dtype) -> float:
    """Weight below which its products with small errors are no normal numbers any more, but 0."""
    facts = np.finfo(dtype)
    return float(facts.tiny) / float(facts.eps)
