"""How a date or a moment becomes features: its year, and where it is in each of four cycles."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from retrograd.tables.columns import (
    ColumnSettings,
    centre_and_scale,
    missing_flag,
    scaled,
    unseen_holes,
    wrong_kind,
)
from retrograd.tables.errors import TableError
from retrograd.tables.plain import Plain

# How many units make one turn of each cycle.
CYCLES = {"month": 12.0, "day": 31.0, "weekday": 7.0, "hour": 24.0}


def date_parts(moments: np.ndarray) -> dict[str, np.ndarray]:
    """Take moments apart.

    Parameters
    ----------
    moments : datetime64[us] array (B,)

    Returns
    -------
    dict of float64 arrays (B,), NaN where the moment is NaT
        ``year`` with its fraction, so that the trend within a year is not lost; ``month`` and
        ``day`` from 0; ``weekday`` from 0 for Monday; ``hour`` with its fraction.

    Examples
    --------
    >>> parts = date_parts(np.array(["2024-07-01T12:30"], dtype="datetime64[us]"))
    >>> {name: float(values[0].round(2)) for name, values in parts.items()}
    {'year': 2024.5, 'month': 6.0, 'day': 0.0, 'weekday': 0.0, 'hour': 12.5}
    """
    hole = np.isnat(moments)
    moments = np.where(hole, np.datetime64(0, "us"), moments)
    days = moments.astype("datetime64[D]")
    months = moments.astype("datetime64[M]")
    years = moments.astype("datetime64[Y]")
    hours = (moments - days).astype(np.int64) / 3.6e9
    day_of_year = (days - years.astype("datetime64[D]")).astype(np.int64) + hours / 24
    parts = {
        "year": 1970 + years.astype(np.int64) + day_of_year / 366,
        "month": (months - years.astype("datetime64[M]")).astype(np.int64),
        "day": (days - months.astype("datetime64[D]")).astype(np.int64),
        # 1 January 1970 was a Thursday.
        "weekday": (days.astype(np.int64) + 3) % 7,
        "hour": hours,
    }
    return {name: np.where(hole, np.nan, values) for name, values in parts.items()}


@dataclass(frozen=True)
class DateColumn:
    """A date or moment: its scaled year, a point on a circle for each cycle, a flag for missing.

    Only the parts that varied in fit are features; a missing date has 0 in all of them. In text,
    01/02/2024 is read by the ``custom`` of fit, "day/month" or "month/day"; empty if none is known.
    """

    kind: ClassVar[str] = "date"
    name: str
    parts: tuple[str, ...]
    centre: float
    scale: float
    time_zone: str
    missing: bool
    custom: str = ""

    def features(self) -> list[str]:
        """Name the features, in the order of :meth:`encode`'s columns."""
        names = []
        for part in self.parts:
            whole = f"{self.name}.{part}"
            names += [whole] if part == "year" else [f"{whole}.sin", f"{whole}.cos"]
        return names + [f"{self.name}=(missing)"] * self.missing

    def encode(self, found: Plain, settings: ColumnSettings) -> tuple[np.ndarray, list[str]]:
        """Write the features, shape (B, number of features), and what there is to say."""
        moments, notes = self._moments(found)
        hole = np.isnat(moments)
        if not self.missing:
            notes += unseen_holes(self.name, hole, "the middle is used")
        values = date_parts(moments)
        blocks = []
        for part in self.parts:
            if part == "year":
                year = scaled(values[part], self.centre, self.scale, settings.clip)
                blocks.append(year[:, None])
            else:
                angle = 2 * np.pi * values[part] / CYCLES[part]
                circle = np.stack([np.sin(angle), np.cos(angle)], axis=1)
                blocks.append(np.where(hole[:, None], 0.0, circle))
        if self.missing:
            blocks.append(missing_flag(hole))
        return np.hstack(blocks), notes

    def _moments(self, found: Plain) -> tuple[np.ndarray, list[str]]:
        """Check that the column holds dates in the time zone of fit, also if they come as text."""
        notes: list[str] = []
        if found.kind == "text":
            found, notes = self._read(found)
        if found.kind == "empty":
            holes = np.full(len(found.values), np.datetime64("NaT", "us"), dtype="datetime64[us]")
            return holes, notes
        if found.kind != "date":
            raise wrong_kind(self.name, "dates", found)
        if found.time_zone != self.time_zone:
            raise TableError(
                f"column {self.name!r} is in time zone {found.time_zone or 'none'}, in training "
                f"it was in {self.time_zone or 'none'}: convert it"
            )
        return found.values, notes

    def _read(self, found: Plain) -> tuple[Plain, list[str]]:
        """Read text as dates."""
        from retrograd.tables.parsing import dates_in_text  # polars need not be there before

        dates, _, notes = dates_in_text(self.name, found.values, self.custom)
        if dates is None:
            riddle = ", which may be day/month or month/day" if notes else ""
            wrong = wrong_kind(self.name, "dates", found)
            raise TableError(f"{wrong}{riddle}: write dates as 2024-12-31")
        return dates, notes


def learn_dates(name: str, found: Plain, custom: str = "") -> DateColumn | None:
    """Learn a column of dates; None if they are constant and none is missing."""
    hole = np.isnat(found.values)
    values = date_parts(found.values[~hole])
    parts = [part for part in values if np.ptp(values[part]) > 0]
    centre, scale = centre_and_scale(values["year"])
    if scale == 0:
        parts = [part for part in parts if part != "year"]
    if not parts and not hole.any():
        return None
    return DateColumn(name, tuple(parts), centre, scale, found.time_zone, bool(hole.any()), custom)
