"""How one column becomes features: numbers, booleans and text, each a small frozen class.

Every class learns from plain values (:mod:`retrograd.tables.plain`), keeps what it learned as plain
numbers and strings, and writes its features into a block of float64 with B rows.
"""

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from retrograd.engine.notes import counted
from retrograd.tables.errors import TableError, listed
from retrograd.tables.plain import Plain, numbers_in_text

# The inter-quartile range of a normal distribution with standard deviation 1.
NORMAL_IQR = 1.3489795003921634
# Below this, relative to the values' size, a spread of fractions is rounding noise.
NOISE = 1e-14


@dataclass(frozen=True)
class ColumnSettings:
    """What the encoder's constructor asks of its columns."""

    max_categories: int = 20
    min_count: int = 2
    clip: float | None = 5.0


def centre_and_scale(values: np.ndarray) -> tuple[float, float]:
    r"""Find the median and a robust spread, the latter 0 if the values are constant but for noise.

    The spread is :math:`(q_{75} - q_{25}) / 1.349`, which is the standard deviation where values
    are normal. Where more than half the values are equal that is 0, and the standard deviation
    takes its place.

    Parameters
    ----------
    values : float64 array (B,)
        NaN is left out.

    Returns
    -------
    centre, scale : float

    Examples
    --------
    >>> centre, scale = centre_and_scale(np.array([1.0, 2.0, 3.0, 4.0, np.nan]))
    >>> centre, round(scale, 3)
    (2.5, 1.112)
    """
    present = values[~np.isnan(values)]
    # Whole numbers have no rounding noise: any difference is meant.
    noise = 0.0 if np.array_equal(present, np.round(present)) else NOISE
    # Of halves, the difference of two huge numbers is finite; relative to the size, so is the sum
    # of squares. Subtracting before dividing keeps the last digits of numbers nearly equal.
    halves = present / 2
    low, centre, high = np.quantile(halves, [0.25, 0.5, 0.75])
    size = max(float(np.abs(halves).max()), np.finfo(np.float64).tiny)
    scale = (high - low) / size / NORMAL_IQR
    if scale <= noise:
        scale = np.std((halves - centre) / size)
    largest = np.finfo(np.float64).max / 2
    return float(2 * centre), 0.0 if scale <= noise else 2 * min(float(scale * size), largest)


def scaled(values: np.ndarray, centre: float, scale: float, clip: float | None) -> np.ndarray:
    r"""Scale robustly, hold far outliers back smoothly, and put 0 (the median) where missing.

    .. math:: z = (x - c) / s, \qquad f(z) = z / \sqrt{1 + (z / k)^2}

    so that :math:`|f| < k` while the order of values is kept.

    Parameters
    ----------
    values : float64 array (B,)
    centre, scale : float
    clip : float or None
        The bound k; None for no bound.

    Returns
    -------
    float64 array (B,)

    Source: Holzmüller et al., Better by default (2024), section 3, use the same squashing.

    Examples
    --------
    >>> scaled(np.array([1.0, 3.0, np.nan]), 2.0, 1.0, None)
    array([-1.,  1.,  0.])
    """
    # Halving keeps the difference of two huge numbers finite.
    with np.errstate(over="ignore", under="ignore"):
        z = (values / 2 - centre / 2) / scale * 2
    z = np.clip(np.where(np.isnan(values), 0.0, z), -1e30, 1e30)
    return z if clip is None else z / np.sqrt(1.0 + (z / clip) ** 2)


def missing_flag(hole: np.ndarray) -> np.ndarray:
    """One feature that is 1 where a value is missing, as a block (B, 1)."""
    return hole.astype(np.float64)[:, None]


def wrong_kind(name: str, expected: str, found: Plain) -> TableError:
    """Say that a column is not of the kind it had in fit, with a value to look for."""
    what = "text" if found.kind == "text" else f"{found.kind}s"
    example = ""
    if found.kind == "text" and expected != "durations":
        from retrograd.tables.parsing import first_odd  # polars need not be there before

        row = first_odd(found.values, expected)
        example = f" such as {found.values[row]!r} in row {row} (counting from 0)"
    return TableError(f"column {name!r} should hold {expected}, found {what}{example}")


def as_numbers(
    name: str, found: Plain, rows: np.ndarray | None = None, kind: str = "number"
) -> np.ndarray:
    """Numbers of a column that held numbers in fit, also if they come as text; or its durations.

    If only some rows of a table are there, ``rows`` are their places in it, for errors to name.
    """
    if found.kind in (kind, "empty"):
        values = found.values
    else:
        is_text = found.kind == "text" and kind == "number"
        read = numbers_in_text(found.values) if is_text else None
        if read is None:
            raise wrong_kind(name, f"{kind}s", found)
        values = read
    infinite = np.flatnonzero(np.isinf(values))
    if infinite.size:
        row = infinite[0] if rows is None else rows[infinite[0]]
        raise TableError(
            f"column {name!r} is infinite in row {row} (counting from 0): "
            "make it missing or a number"
        )
    return values


def unseen_holes(name: str, hole: np.ndarray, instead: str) -> list[str]:
    """Say that values are missing where none was in fit."""
    if not hole.any():
        return []
    rows = counted(int(hole.sum()), "row")
    return [f"column {name!r}: missing in {rows}, never in training; {instead}"]


@dataclass(frozen=True)
class NumberColumn:
    """A quantity: its robustly scaled value, and a flag where it is missing.

    A scale of 0 means that all values present in fit were equal: then only the flag is a feature.
    """

    kind: ClassVar[str] = "number"
    name: str
    centre: float
    scale: float
    missing: bool

    def features(self) -> list[str]:
        """Name the features, in the order of :meth:`encode`'s columns."""
        value = [self.name] if self.scale > 0 else []
        return value + ([f"{self.name}=(missing)"] if self.missing else [])

    def encode(self, found: Plain, settings: ColumnSettings) -> tuple[np.ndarray, list[str]]:
        """Write the features, shape (B, number of features), and what there is to say."""
        values = as_numbers(self.name, found, kind=self.kind)
        hole = np.isnan(values)
        notes = [] if self.missing else unseen_holes(self.name, hole, "the median is used")
        blocks = []
        if self.scale > 0:
            blocks.append(scaled(values, self.centre, self.scale, settings.clip)[:, None])
        if self.missing:
            blocks.append(missing_flag(hole))
        return np.hstack(blocks), notes


@dataclass(frozen=True)
class DurationColumn(NumberColumn):
    """A duration: a quantity of seconds, whatever unit it comes in."""

    kind: ClassVar[str] = "duration"


@dataclass(frozen=True)
class BooleanColumn:
    """A yes or no: 0 or 1, the more frequent of them where missing, and a flag for that."""

    kind: ClassVar[str] = "boolean"
    name: str
    usual: bool
    constant: bool
    missing: bool

    def features(self) -> list[str]:
        """Name the features, in the order of :meth:`encode`'s columns."""
        value = [] if self.constant else [self.name]
        return value + ([f"{self.name}=(missing)"] if self.missing else [])

    def encode(self, found: Plain, settings: ColumnSettings) -> tuple[np.ndarray, list[str]]:
        """Write the features, shape (B, number of features), and what there is to say."""
        if found.kind not in ("boolean", "empty"):
            raise wrong_kind(self.name, "booleans", found)
        hole = np.isnan(found.values)
        usual = str(self.usual).lower()
        notes = [] if self.missing else unseen_holes(self.name, hole, f"{usual!r} is used")
        blocks = []
        if not self.constant:
            blocks.append(np.where(hole, float(self.usual), found.values)[:, None])
        if self.missing:
            blocks.append(missing_flag(hole))
        return np.hstack(blocks), notes


@dataclass(frozen=True)
class CategoryColumn:
    """One of a few names: one feature each, one for all others, one for missing.

    The 'other' feature exists only if training had rare names to learn it from. Without it, a name
    never seen has a 0 everywhere.
    """

    kind: ClassVar[str] = "category"
    name: str
    categories: tuple[str, ...]
    # Names seen in fit but pooled: they are no news at transform.
    rare: tuple[str, ...]
    missing: bool

    @property
    def other(self) -> bool:
        """Whether training had rare names, so that the 'other' feature exists."""
        return bool(self.rare)

    def features(self) -> list[str]:
        """Name the features, in the order of :meth:`encode`'s columns."""
        names = [f"{self.name}={category}" for category in self.categories]
        names += [f"{self.name}=(other)"] * self.other
        return names + [f"{self.name}=(missing)"] * self.missing

    def encode(self, found: Plain, settings: ColumnSettings) -> tuple[np.ndarray, list[str]]:
        """Write the features, shape (B, number of features), and what there is to say."""
        if found.kind == "empty":
            texts = np.full(len(found.values), None, dtype=object)
        elif found.kind == "text":
            texts = found.values
        else:
            raise wrong_kind(self.name, "text", found)
        width = len(self.categories)
        place = {category: column for column, category in enumerate(self.categories)}
        codes = np.fromiter((place.get(text, width) for text in texts), np.intp, len(texts))
        hole = np.fromiter((text is None for text in texts), bool, len(texts))
        block = np.zeros((len(texts), width + self.other + self.missing))
        known = codes < width
        block[np.flatnonzero(known), codes[known]] = 1.0
        if self.other:
            block[~known & ~hole, width] = 1.0
        if self.missing:
            block[hole, -1] = 1.0
        return block, self._news(texts, known, hole)

    def _news(self, texts: np.ndarray, known: np.ndarray, hole: np.ndarray) -> list[str]:
        """Say which names were never seen in fit, and in how many rows."""
        fate = "treated as 'other'" if self.other else "treated as none of the known ones"
        rare = set(self.rare)
        counts = Counter(text for text in texts[~known & ~hole] if text not in rare)
        notes = []
        if counts:
            rows = counted(sum(counts.values()), "row")
            notes.append(
                f"column {self.name!r}: {rows} with a value never seen in training "
                f"({listed(sorted(counts), 3)}); {fate}"
            )
        if not self.missing:
            notes += unseen_holes(self.name, hole, "treated as none of the known ones")
        return notes


@dataclass(frozen=True)
class IgnoredColumn:
    """A column that tells nothing, and why."""

    kind: ClassVar[str] = "ignored"
    name: str
    reason: str

    def features(self) -> list[str]:
        """Name the features: none."""
        return []
