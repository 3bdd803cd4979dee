"""Anything that holds arrays as plain data: dictionaries, lists, numbers and strings."""

from dataclasses import fields, is_dataclass
from math import isfinite
from typing import Any

import numpy as np
import scipy.sparse


def plain(value: Any) -> Any:
    """Make plain data, which ``json.dumps`` takes with ``allow_nan=False``, too.

    An array becomes lists, a dataclass a dictionary of its fields. JSON has no NaN and no infinity:
    they become the strings ``"nan"``, ``"inf"`` and ``"-inf"``, which ``float`` reads. A sparse
    matrix becomes its ``shape`` and the ``rows``, ``columns`` and ``values`` of its entries.

    Raises
    ------
    TypeError
        If there is something in it that has no plain form.

    Examples
    --------
    >>> plain({"a": np.array([[1.5, np.nan]]), "n": np.int64(3)})
    {'a': [[1.5, 'nan']], 'n': 3}
    >>> plain(scipy.sparse.csr_array(np.array([[0.0, 2.0]])))
    {'shape': [1, 2], 'rows': [0], 'columns': [1], 'values': [2.0]}
    """
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if scipy.sparse.issparse(value):
        entries = value.tocoo()
        return {
            "shape": list(value.shape),
            "rows": plain(entries.row),
            "columns": plain(entries.col),
            "values": plain(entries.data),
        }
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    raise TypeError(f"{type(value).__name__} has no plain form")
