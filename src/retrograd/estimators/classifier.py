"""MLPClassifier: scikit-learn's, on retrograd's engine."""

from typing import Any, ClassVar

import numpy as np
import scipy.sparse
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call
from sklearn.utils.validation import validate_data

from retrograd.estimators.base import BaseMLP, solver_is_stochastic
from retrograd.estimators.predicting import predict_outputs


class MLPClassifier(ClassifierMixin, BaseMLP):
    r"""Multi-layer perceptron classifier, a drop-in replacement of scikit-learn's.

    It minimises the mean log loss plus :math:`\frac{\alpha}{2n} \|W\|^2`. Two classes or several
    labels at once have logistic outputs, more classes a softmax.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(100,)
        Units of each hidden layer; ``()`` for none, which is a logistic regression.
    activation : str or sequence of str, default='relu'
        Of the hidden layers, one for all or one each: 'identity', 'logistic', 'tanh', 'relu',
        'leaky_relu', 'elu', 'selu', 'gelu', 'silu' (or 'swish'), 'mish', 'softplus'.
    solver : {'adam', 'sgd', 'adamw', 'rmsprop', 'lbfgs'}, default='adam'
        'lbfgs' takes all rows at once and suits small tables; the others take minibatches.
    alpha : float, default=0.0001
        Strength of the L2 penalty of the weights, divided by the batch's sample count (or sum of
        sample weights); for 'adamw' the decoupled weight decay.
    batch_size : int or 'auto', default='auto'
        Rows of a minibatch; 'auto' is min(200, n).
    learning_rate : {'constant', 'invscaling', 'adaptive', 'cosine', 'one_cycle'}, \
            default='constant'
        Schedule of the learning rate, for every solver but 'lbfgs'. 'cosine' and 'one_cycle' are
        laid out over ``max_iter`` epochs.
    learning_rate_init : float, default=0.001
        Learning rate at first ('one_cycle': at its peak).
    power_t : float, default=0.5
        Exponent of 'invscaling'.
    max_iter : int, default=200
        Largest number of epochs, or of L-BFGS iterations.
    shuffle : bool, default=True
        Whether each epoch takes the rows in an order of its own.
    random_state : int, RandomState instance or None, default=None
        Of initial parameters, validation rows and orders. An integer gives the same bits again.
    tol : float, default=1e-4
        Improvement below which an epoch counts as none; for 'lbfgs' the gradient's bound.
    verbose : bool or int, default=False
        Whether to print the loss of every epoch.
    warm_start : bool, default=False
        Whether ``fit`` goes on from where the last one ended, the optimizer's memory included.
    momentum : float, default=0.9
        For 'sgd', in [0, 1].
    nesterovs_momentum : bool, default=True
        For 'sgd', whether the momentum looks ahead.
    early_stopping : bool, default=False
        Whether to keep rows for validation, stop when their score no longer improves, and return
        the parameters of the best score.
    validation_fraction : float, default=0.1
        Share of the rows that ``early_stopping`` keeps.
    beta_1, beta_2 : float, default=0.9, 0.999
        Decay of the moments of 'adam' and 'adamw'; 'rmsprop' reads ``beta_2``.
    epsilon : float, default=1e-8
        Keeps the divisor of 'adam', 'adamw' and 'rmsprop' from 0.
    n_iter_no_change : int or inf, default=10
        Epochs without improvement after which to stop.
    max_fun : int, default=15000
        For 'lbfgs', largest number of evaluations of the loss.
    init : {'glorot_uniform', 'he_normal', 'lecun_normal', 'zeros'}, default='glorot_uniform'
        Where the parameters start; the default draws what scikit-learn draws.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    coefs_ : list of ndarray of shape (n_in, n_out)
        Weights of each layer; views of one parameter vector.
    intercepts_ : list of ndarray of shape (n_out,)
        Biases of each layer; views of the same vector.
    loss_ : float
        Loss of the last epoch, the mean over its batches before their updates.
    loss_curve_ : list of float
        Loss of every epoch; not with 'lbfgs'.
    best_loss_ : float or None
        Least of them; None with ``early_stopping``.
    validation_scores_ : list of float or None
        Accuracy on the validation rows after every epoch.
    best_validation_score_ : float or None
        Best of them.
    n_iter_ : int
        Epochs, or L-BFGS iterations, of the last fit.
    t_ : int
        Samples seen in training.
    loss : 'log_loss'
        What is learned; always there, as in scikit-learn.
    n_layers_, n_outputs_ : int
        Layers, the input counted, and outputs.
    out_activation_ : {'logistic', 'softmax'}
        Output activation.
    n_features_in_ : int
        Features seen in fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if all were strings.

    References
    ----------
    Bishop, Pattern Recognition and Machine Learning (2006), chapter 5.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((16,), solver="lbfgs", max_iter=500, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.97
    True
    """

    loss: ClassVar[str] = "log_loss"

    def __init__(
        self,
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
    ) -> None:
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

    @available_if(solver_is_stochastic)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None
    ) -> "MLPClassifier":
        """Train one more epoch on these rows, from where the last call ended.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame} of shape (n, I)
        y : array-like of shape (n,) or (n, O)
        sample_weight : array-like of shape (n,), default=None
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come; needed at the first call, may be left out later.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As ``fit`` does; if ``classes`` is missing at first or changes later; and with
            ``early_stopping=True``, for want of validation rows.
        """
        before = self.__dict__.copy()
        try:
            if _check_partial_fit_first_call(self, classes):
                self.classes_ = LabelBinarizer().fit(classes).classes_
            return self._fit(X, y, sample_weight, incremental=True)
        except BaseException:
            self.__dict__ = before
            raise

    def predict(self, X: Any) -> Any:
        """Most probable label of each row of X; shape (n,), or (n, O) of 0 and 1 for multilabel.

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
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], ["low", "low", "high", "high"]
        >>> model = MLPClassifier((), solver="lbfgs", random_state=0).fit(X, y)
        >>> model.predict([[-1.0], [9.0]]).tolist()
        ['low', 'high']
        """
        return self._decode(predict_outputs(self, X))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of every class for each row of X; of every label, one by one, for multilabel.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame} of shape (n, I)

        Returns
        -------
        ndarray of shape (n, n_classes)

        Raises
        ------
        ValueError
            As ``predict`` does.

        Examples
        --------
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], ["low", "low", "high", "high"]
        >>> model = MLPClassifier((), solver="lbfgs", alpha=1.0, random_state=0).fit(X, y)
        >>> model.classes_.tolist(), model.predict_proba([[1.5]]).round(2)
        (['high', 'low'], array([[0.5, 0.5]]))
        """
        outputs = predict_outputs(self, X)
        if self.n_outputs_ == 1:
            return np.concatenate([1 - outputs, outputs], axis=1)
        return outputs

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithm of ``predict_proba``; -inf where a probability is 0.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame} of shape (n, I)

        Returns
        -------
        ndarray of shape (n, n_classes)

        Raises
        ------
        ValueError
            As ``predict`` does.

        Examples
        --------
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], ["low", "low", "high", "high"]
        >>> model = MLPClassifier((), solver="lbfgs", alpha=1.0, random_state=0).fit(X, y)
        >>> model.predict_log_proba([[1.5]]).round(2)
        array([[-0.69, -0.69]])
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def _validate(
        self, X: Any, y: Any, first: bool, incremental: bool, dtype: list
    ) -> tuple[Any, np.ndarray]:
        X, y = validate_data(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True, dtype=dtype, reset=first
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        classes, multilabel = _labels_of(y)
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self.classes_ = classes
        else:
            self._check_labels(classes)
        self._sparse_labels = scipy.sparse.issparse(y)
        if multilabel:
            return X, (y.toarray() if self._sparse_labels else np.asarray(y)) != 0
        return X, np.searchsorted(self.classes_, y)[:, np.newaxis].astype(X.dtype)

    def _check_labels(self, labels: np.ndarray) -> None:
        if self.warm_start and set(labels) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {labels}"
            )
        if unknown := set(labels) - set(self.classes_):
            raise ValueError(
                f"y has labels that classes_ has not: {np.sort(list(unknown)).tolist()}; the first "
                f"call's `classes` must name them all, it named {self.classes_.tolist()}"
            )

    def _output(self, targets: np.ndarray) -> tuple[int, str, str, float]:
        if targets.dtype == bool:
            return targets.shape[1], "logistic", "log_loss", 0.0
        if len(self.classes_) > 2:
            return len(self.classes_), "softmax", "log_loss", 0.0
        return 1, "logistic", "log_loss", 0.0

    def _decode(self, outputs: np.ndarray) -> Any:
        """Labels for output activations of shape (n, O)."""
        network = self.__dict__.get("_network")
        # Of the network as it was fitted: out_activation_ may have been set by hand, for logits.
        output = self.out_activation_ if network is None else network.output
        if output == "softmax":
            return self.classes_[outputs.argmax(axis=1)]
        if self.n_outputs_ == 1:
            second = (outputs[:, 0] > 0.5) & (len(self.classes_) > 1)
            return self.classes_[second.astype(np.intp)]
        labels = (outputs > 0.5).astype(np.int64)
        return scipy.sparse.csr_matrix(labels) if self._sparse_labels else labels

    def _validation_score(self, X: Any, targets: np.ndarray, sample_weight: Any) -> float:
        outputs = predict_outputs(self, X, check_input=False)
        if self.out_activation_ == "softmax":
            right = outputs.argmax(axis=1) == targets[:, 0]
        elif len(self.classes_) == 1:
            right = np.ones(len(targets), bool)
        else:
            right = np.all((outputs > 0.5) == (targets > 0.5), axis=1)
        return float(np.average(right, weights=sample_weight))

    @property
    def _label_binarizer(self) -> LabelBinarizer:
        """What scikit-learn's class keeps of its labels: converters of models look for it."""
        n = self.n_outputs_
        several = n > 1 and self.out_activation_ == "logistic"
        return LabelBinarizer().fit(np.eye(n, dtype=int) if several else self.classes_)

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that several labels at once are welcome."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _labels_of(y: Any) -> tuple[np.ndarray, bool]:
    """The labels there are, sorted, and whether a row can have several; refuses what is no label.

    Whole numbers are labels, whatever they are: asking further would take a small fit's time.
    """
    if isinstance(y, np.ndarray) and y.ndim == 1 and y.dtype.kind in "biu":
        return np.unique(y), False
    binarizer = LabelBinarizer().fit(y)
    return binarizer.classes_, binarizer.y_type_.startswith("multilabel")
