"""The network: its shape, its functions, and where each layer lives in the parameter vector."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from retrograd.maths.activations import ACTIVATIONS, OUTPUTS
from retrograd.maths.initializers import INITIALIZERS
from retrograd.maths.losses import LOSSES, check_pair


class Layout(NamedTuple):
    """A network as the kernels read it: plain integers, one array entry a layer.

    ``widths`` has L + 1 entries (I of the first layer, then every O), the others L.
    Layer l's weights start at ``weights_at[l]`` of the parameter vector, its biases at
    ``biases_at[l]``; column 0 of its units stands at ``units_at[l]`` among all units.
    """

    widths: np.ndarray
    activations: np.ndarray
    weights_at: np.ndarray
    biases_at: np.ndarray
    units_at: np.ndarray
    loss: int
    loss_parameter: float
    loss_scale: float  # 1 / O where the reported loss is the mean over the outputs, else 1
    tiny: float  # how near to 0 and 1 the log loss lets a probability come


@dataclass(frozen=True)
class Network:
    r"""The frozen description of a multi-layer perceptron.

    With :math:`a_0 = x`, layer l computes :math:`z_l = a_l W_l + b_l` and
    :math:`a_{l+1} = f_l(z_l)`. All parameters are one contiguous vector theta of P entries: first
    the weights of every layer, each in row-major order, then the biases of every layer. (So that
    what the L2 penalty spares stands at the end; it is also the order in which scikit-learn packs
    them for L-BFGS.)

    Parameters
    ----------
    widths : tuple of int
        Number of features I, units of every hidden layer, number of outputs O; all at least 1.
    activations : tuple of str
        One name a hidden layer, so two fewer than widths.
    output : {'identity', 'logistic', 'softmax', 'exp'}
        Output activation.
    loss : str
        A key of ``maths.losses.LOSSES`` that goes with the output.
    loss_parameter : float, default=0.0
        The width δ of the Huber loss, the q of the quantile loss; other losses have none.

    Raises
    ------
    ValueError
        If a width is below 1, a name is unknown, their number does not fit, the pair of loss and
        output is not legal, or the loss parameter is out of its range.

    Examples
    --------
    >>> network = Network((2, 3, 1), ("tanh",), "logistic", "log_loss")
    >>> network.n_layers, network.n_parameters
    (2, 13)
    >>> theta = np.arange(13.0)
    >>> network.weights(theta, 1).shape, network.biases(theta, 1)
    ((3, 1), array([12.]))
    """

    widths: tuple[int, ...]
    activations: tuple[str, ...]
    output: str
    loss: str
    loss_parameter: float = 0.0

    def __post_init__(self) -> None:
        if len(self.widths) < 2 or any(width < 1 for width in self.widths):
            raise ValueError(f"every layer needs at least one unit, got widths {self.widths}")
        if len(self.activations) != len(self.widths) - 2:
            raise ValueError(
                f"{len(self.widths) - 2} hidden layers need as many activations, "
                f"got {len(self.activations)}: {self.activations}"
            )
        for name in self.activations:
            if not isinstance(name, str) or name not in ACTIVATIONS:
                known = ", ".join(map(repr, ACTIVATIONS))
                raise ValueError(f"unknown activation {name!r}; known are {known}")
        check_pair(self.loss, self.output)
        if self.loss == "huber" and not self.loss_parameter > 0.0:
            raise ValueError(f"the Huber loss needs a width above 0, got {self.loss_parameter}")
        if self.loss == "quantile" and not 0.0 < self.loss_parameter < 1.0:
            raise ValueError(f"a quantile lies between 0 and 1, got {self.loss_parameter}")

    @cached_property
    def _starts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where each layer's weights, biases and units start: the one place that says so."""
        widths = np.array(self.widths, dtype=np.int64)
        weight_counts, unit_counts = widths[:-1] * widths[1:], widths[1:]
        units_at = np.cumsum(unit_counts) - unit_counts
        return (
            np.cumsum(weight_counts) - weight_counts,
            weight_counts.sum() + units_at,
            units_at,
        )

    @lru_cache(maxsize=64)  # noqa: B019 - a network is frozen, small, and few are alive
    def layout(self, dtype: np.dtype) -> Layout:
        """Describe the network to the kernels of one dtype."""
        weights_at, biases_at, units_at = self._starts
        mean = LOSSES[self.loss].mean_over_outputs
        return Layout(
            widths=np.array(self.widths, dtype=np.int64),
            activations=np.array(
                [ACTIVATIONS[name].code for name in self.activations] + [OUTPUTS[self.output]],
                dtype=np.int64,
            ),
            weights_at=weights_at,
            biases_at=biases_at,
            units_at=units_at,
            loss=LOSSES[self.loss].code,
            loss_parameter=float(self.loss_parameter),
            loss_scale=1.0 / self.widths[-1] if mean else 1.0,
            tiny=float(np.finfo(dtype).eps),
        )

    @property
    def n_layers(self) -> int:
        """Number of layers L that have weights (the input is not counted)."""
        return len(self.widths) - 1

    @property
    def n_units(self) -> int:
        """Number of units, hidden and output, over all layers."""
        return sum(self.widths[1:])

    @property
    def n_parameters(self) -> int:
        """Number of parameters P, weights and biases."""
        return int(self._starts[1][0]) + self.n_units

    @property
    def target_width(self) -> int:
        """Columns of the target matrix: 1 (the class's number) for softmax, else O."""
        return 1 if self.output == "softmax" else self.widths[-1]

    def weights(self, theta: np.ndarray, layer: int) -> np.ndarray:
        """View of a layer's weights in the parameter vector, shape (n_in, n_out).

        Of many vectors that are the columns of a matrix, theirs: shape (n_in, n_out, columns).
        """
        n_in, n_out = self.widths[layer], self.widths[layer + 1]
        start = self._starts[0][layer]
        return theta[start : start + n_in * n_out].reshape(n_in, n_out, *theta.shape[1:])

    def biases(self, theta: np.ndarray, layer: int) -> np.ndarray:
        """View of a layer's biases in the parameter vector, shape (n_out,); or as ``weights``."""
        start = self._starts[1][layer]
        return theta[start : start + self.widths[layer + 1]]

    def layers(self, theta: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Views of all weights and of all biases, scikit-learn's ``coefs_``, ``intercepts_``."""
        return (
            [self.weights(theta, layer) for layer in range(self.n_layers)],
            [self.biases(theta, layer) for layer in range(self.n_layers)],
        )

    def initial_parameters(
        self,
        init: str,
        rng: np.random.RandomState,
        dtype: np.dtype | type = np.float64,
        output_like: str = "identity",
    ) -> np.ndarray:
        """Draw a parameter vector, layer after layer, the weights of each before its biases.

        Parameters
        ----------
        init : str
            A key of ``maths.initializers.INITIALIZERS``.
        rng : numpy.random.RandomState
            Where the draws come from; advanced by them.
        dtype : dtype, default=float64
            Of the vector; the draws are made in float64 and rounded.
        output_like : str, default='identity'
            The activation whose scale the output layer takes when there is no hidden layer;
            otherwise it takes that of the last hidden one, as scikit-learn does.

        Returns
        -------
        theta : ndarray of shape (P,)

        Raises
        ------
        ValueError
            If the initializer is unknown.
        """
        if init not in INITIALIZERS:
            known = ", ".join(map(repr, INITIALIZERS))
            raise ValueError(f"unknown initializer {init!r}; known are {known}")
        theta = np.empty(self.n_parameters, dtype=dtype)
        last = self.activations[-1] if self.activations else output_like
        for layer, activation in enumerate((*self.activations, last)):
            W, b = self.weights(theta, layer), self.biases(theta, layer)
            INITIALIZERS[init](rng, W, b, activation)
        return theta
