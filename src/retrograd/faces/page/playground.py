"""A playground: a viewer of runs that also trains, on data that its page chooses."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from retrograd.estimators.rewinding import EstimatorDoor
from retrograd.faces.page.datasets import DATASETS, PENGUINS, Sample, draw, load
from retrograd.faces.page.settings import START, TABLE, FieldError, TrainingPlan, check_data
from retrograd.faces.page.tabling import encode
from retrograd.faces.page.training import Trainings
from retrograd.faces.page.viewer import Viewer
from retrograd.rewind.run import Run, Runs
from retrograd.rewind.store import Store
from retrograd.tables.errors import TableError
from retrograd.tables.reading import Table, read_table

# How the data of a run of a playground came to be, by the run's file and number.
_sources: dict[tuple[str, int], str] = {}


def source_of(run: Run) -> str | None:
    """Lines of Python that make X and y of a playground's run, None if it is none of this process.

    A branch has the data of the run that it branches off.
    """
    while (found := _sources.get((str(run.store.path), run.number))) is None:
        if run.header.parent is None:
            return None
        run = Run(run.store, run.header.parent[0], run.door)
    return found


class Playground(Viewer):
    """A viewer of runs that also trains: what its page is set to, and what is under way.

    Parameters
    ----------
    path : Path
        The file of runs; made if it does not exist.
    answers : dict
        As a viewer's.
    table : Table, optional
        A reader's own.
    file : str
        Where that table is.
    stays : bool
        Whether the file of runs is there later: code reads a table from it whose own place is not
        known.
    """

    def source_of(self, run: Run) -> str | None:
        """Lines of Python that make X and y of a run that was trained here."""
        return source_of(run)

    def __init__(
        self, path: Path, answers: dict[str, Callable[..., Any]], table: Table | None = None,
        file: str = "", stays: bool = False,
    ) -> None:  # fmt: skip
        Store(path, writable=True).close()
        super().__init__(Runs(Store(path), EstimatorDoor()), answers)
        self.path, self.table, self.file, self.stays = path, table, file, stays
        # Where code reads the table from: wherever that is run.
        self.place = str(Path(file).absolute())
        self.settings: dict[str, Any] = dict(START)
        self.stops: dict[int, str] = {}
        self._drawn: tuple[dict, Sample] | None = None
        self._jobs: dict[int, tuple[str, str]] = {}
        self.trainings = Trainings(path, self._begun)
        self.endings.callback(self.trainings.end)

    def train(self, kind: str, plan: TrainingPlan, drawn: Sample) -> None:
        """Begin a training, and remember of its run what no file of runs holds."""
        self._jobs[self.trainings.last["job"] + 1] = plan.stop, drawn.source
        self.trainings.train(kind, plan.parameters, drawn, plan.stop)

    def _begun(self, job: int, run: int) -> None:
        if job in self._jobs:
            self.stops[run], source = self._jobs.pop(job)
            if source:
                _sources[str(self.path), run] = source

    def drawn(self, given: dict) -> Sample:
        """Rows that the fields ask for; the last ones are kept at hand.

        Raises
        ------
        FieldError
            If the fields ask for none, or the table cannot be learned.
        """
        asked = check_data(given)
        if self._drawn is None or self._drawn[0] != asked:
            try:
                made = self._make(asked)
                about = {"playground": self._about(asked)}
                self._drawn = (asked, made._replace(facts=(made.facts or {}) | about))
            except TableError as error:
                raise FieldError({"target": str(error)}) from None
        return self._drawn[1]

    def _about(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What a run is to remember of its data: how they are called, and how they were chosen."""
        name = asked["data"]
        title = Path(self.file).name if name == TABLE else DATASETS[name].title
        return {"title": title, **{key: asked[key] for key in asked if key != "data"}}

    def _make(self, asked: dict[str, Any]) -> Sample:
        name = asked["data"]
        if name == TABLE:
            if self.table is None:
                raise FieldError({"data": "there is no table yet: choose a file"})
            drawn = encode(self.table, self.file, self.place, asked["target"])
            is_lost = self.stays and not Path(self.place).is_absolute()
            return drawn._replace(source="") if is_lost else drawn
        if name == "penguins":
            return encode(read_table(PENGUINS), "penguins.csv", None, asked["target"])
        if "rows" in asked:
            return draw(name, asked["rows"], asked["noise"], asked["data_seed"])
        return load(name)

    def take(self, table: Table, file: str) -> None:
        """Take a reader's table in the place of an earlier one; from a page comes but its name."""
        self.table, self.file, self.place, self._drawn = table, file, file, None

    def columns(self, name: str) -> list[str] | None:
        """Columns of a table; None if the data set is no table."""
        if name == TABLE:
            return None if self.table is None else list(self.table.frame.columns)
        return list(read_table(PENGUINS).frame.columns) if name == "penguins" else None
