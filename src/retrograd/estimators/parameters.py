"""Parameters as people see them, ``coefs_`` and ``intercepts_``, and as the engine does: a vector.

After a fit the arrays are views of the vector, so that editing one in place edits the network. A
user may also put other arrays in their place; these are checked, and copied into a new vector.
"""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import issparse


def widths(coefs: Sequence[np.ndarray], intercepts: Sequence[np.ndarray]) -> tuple[int, ...]:
    """Widths of the layers that weights and biases are for, the features first.

    Parameters
    ----------
    coefs : sequence of array-like of shape (n_in, n_out)
    intercepts : sequence of array-like of shape (n_out,)

    Returns
    -------
    tuple of int

    Raises
    ------
    ValueError
        If the arrays do not fit together.

    Examples
    --------
    >>> widths([np.zeros((4, 3)), np.zeros((3, 1))], [np.zeros(3), np.zeros(1)])
    (4, 3, 1)
    """
    shapes = [(np.shape(W), np.shape(b)) for W, b in zip(coefs, intercepts, strict=False)]
    n_in = shapes[0][0][:1]
    for W, b in shapes:
        if len(W) != 2 or W[:1] != n_in or b != W[1:]:
            break
        n_in = W[1:]
    else:
        if len(coefs) == len(intercepts):
            return (shapes[0][0][0], *(b[0] for _, b in shapes))
    raise ValueError(
        f"coefs_ of shapes {[np.shape(W) for W in coefs]} and intercepts_ of shapes "
        f"{[np.shape(b) for b in intercepts]} do not fit together: layer after layer they must be "
        "(n_in, n_out) and (n_out,), n_out being the n_in of the next"
    )


def vector(coefs: Sequence[np.ndarray], intercepts: Sequence[np.ndarray]) -> np.ndarray:
    """Parameter vector of weights and biases: the one that they are views of, else a new one.

    Parameters
    ----------
    coefs : sequence of array-like of shape (n_in, n_out)
    intercepts : sequence of array-like of shape (n_out,)

    Returns
    -------
    ndarray of shape (P,)
        float32 if all arrays are, else float64.

    Raises
    ------
    ValueError
        If one of them is sparse.

    Examples
    --------
    >>> theta = np.arange(6.0)
    >>> coefs, intercepts = [theta[:4].reshape(2, 2)], [theta[4:]]
    >>> vector(coefs, intercepts) is theta
    True
    >>> vector([coefs[0].T], intercepts)
    array([0., 2., 1., 3., 4., 5.])
    """
    parts = [*coefs, *intercepts]
    owner = getattr(parts[0], "base", None)
    if (
        isinstance(owner, np.ndarray)
        and owner.dtype in (np.float32, np.float64)
        and _covered(owner, parts)
    ):
        return owner
    if any(map(issparse, parts)):
        raise ValueError(
            "coefs_ and intercepts_ must be dense arrays, weights that are to be 0 being zeros: "
            "toarray() gives them"
        )
    arrays = [np.ravel(part) for part in parts]
    single = all(array.dtype == np.float32 for array in arrays)
    return np.concatenate(arrays).astype(np.float32 if single else np.float64, copy=False)


class Form:
    """Which arrays they are and how they look at their memory; not the numbers in them.

    While it is the same, so is what ``widths`` and ``vector`` make of views: this tells it in a
    tenth of their time.

    Parameters
    ----------
    coefs : sequence of ndarray
    intercepts : sequence of ndarray

    Examples
    --------
    >>> coefs, intercepts = [np.zeros((2, 3))], [np.zeros(3)]
    >>> form = Form(coefs, intercepts)
    >>> coefs[0][:] = 1.0
    >>> form.is_of(coefs, intercepts), form.is_of([np.zeros((2, 3))], intercepts)
    (True, False)
    """

    def __init__(self, coefs: Sequence[np.ndarray], intercepts: Sequence[np.ndarray]) -> None:
        self.n_layers = len(coefs)
        self.seen = [(part, part.shape, part.strides, part.dtype) for part in (*coefs, *intercepts)]

    def is_of(self, coefs: Sequence[np.ndarray], intercepts: Sequence[np.ndarray]) -> bool:
        """Whether these are the same arrays, in the same form."""
        if not len(coefs) == len(intercepts) == self.n_layers:
            return False
        for part, (array, shape, strides, dtype) in zip(
            (*coefs, *intercepts), self.seen, strict=True
        ):
            if (
                part is not array
                or part.shape != shape
                or part.strides != strides
                or part.dtype is not dtype
            ):
                return False
        return True


def _covered(owner: np.ndarray, parts: list) -> bool:
    """Whether parts are views that stand in owner one after the other, from end to end."""
    place = _address(owner)
    for part in parts:
        if not isinstance(part, np.ndarray) or part.base is not owner or part.dtype != owner.dtype:
            return False
        if not part.flags.c_contiguous or _address(part) != place:
            return False
        place += part.nbytes
    return owner.ndim == 1 and place == _address(owner) + owner.nbytes


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]
