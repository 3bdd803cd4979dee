"""The playground: data, a network that is built by clicking, and trainings that are recorded."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

import numpy as np

from retrograd.engine.network import Network
from retrograd.estimators.rewinding import EstimatorDoor
from retrograd.faces.page.answers import runs as answers_runs
from retrograd.faces.page.answers.table import ANSWERS
from retrograd.faces.page.datasets import DATASETS, PENGUINS, DataSet, Drawn, draw, load
from retrograd.faces.page.settings import (
    ENDS,
    MOST_LAYERS,
    MOST_UNITS,
    START,
    STOP_NAMES,
    TABLE,
    FieldError,
    Plan,
    check_data,
    check_network,
    try_stop,
)
from retrograd.faces.page.tabling import MOST_UPLOADED, encode, read_uploaded
from retrograd.faces.page.training import Trainings
from retrograd.faces.page.viewer import Viewer
from retrograd.faces.page.viewing import serve
from retrograd.engine.optimizers import SOLVERS
from retrograd.maths.activations import ACTIVATIONS
from retrograd.rewind.run import Run, Runs
from retrograd.rewind.store import Store
from retrograd.tables.errors import TableError, counted
from retrograd.tables.reading import Table, read_table

# Points of a data set that its small picture has, and features that a table's facts name.
MOST_POINTS = 400
# Epochs a second, by what they are called.
PACES = {"full speed": 0.0, "100 epochs/s": 100.0, "20 epochs/s": 20.0,
         "5 epochs/s": 5.0, "1 epoch/s": 1.0}  # fmt: skip

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
    table : Table, optional
        A reader's own.
    file : str
        Where that table is.
    """

    def __init__(
        self, path: Path, table: Table | None = None, file: str = ""
    ) -> None:
        Store(path, writable=True).close()
        super().__init__(Runs(Store(path), EstimatorDoor()), PLAY_ANSWERS)
        self.path, self.table, self.file = path, table, file
        self.settings: dict[str, Any] = dict(START)
        self.stops: dict[int, str] = {}
        self._drawn: tuple[dict, Drawn] | None = None
        self._jobs: dict[int, tuple[str, str]] = {}
        self.trainings = Trainings(path, self._begun)

    def train(self, kind: str, plan: Plan, drawn: Drawn) -> None:
        """Begin a training, and remember of its run what no file of runs holds."""
        self._jobs[self.trainings.last["job"] + 1] = plan.stop, drawn.source
        self.trainings.train(kind, plan.parameters, drawn, plan.stop)

    def _begun(self, job: int, run: int) -> None:
        if job in self._jobs:
            self.stops[run], _sources[str(self.path), run] = self._jobs.pop(job)

    def drawn(self, given: dict) -> Drawn:
        """Rows that the fields ask for; the last ones are kept at hand.

        Raises
        ------
        FieldError
            If the fields ask for none, or the table cannot be learned.
        """
        asked = check_data(given)
        if self._drawn is None or self._drawn[0] != asked:
            try:
                self._drawn = (asked, self._make(asked))
            except TableError as error:
                raise FieldError({"target": str(error)}) from None
        return self._drawn[1]

    def _make(self, asked: dict[str, Any]) -> Drawn:
        name = asked["data"]
        if name == TABLE:
            if self.table is None:
                raise FieldError({"data": "there is no table yet: choose a file"})
            return encode(self.table, self.file, self.file, asked["target"])
        if name == "penguins":
            return encode(read_table(PENGUINS), "penguins.csv", None, asked["target"])
        if "rows" in asked:
            return draw(name, asked["rows"], asked["noise"], asked["data_seed"])
        return load(name)

    def take(self, table: Table, file: str) -> None:
        """Take a reader's table in the place of an earlier one."""
        self.table, self.file, self._drawn = table, file, None

    def columns(self, name: str) -> list[str] | None:
        """Columns of a table; None if the data set is no table."""
        if name == TABLE:
            return None if self.table is None else list(self.table.frame.columns)
        return list(read_table(PENGUINS).frame.columns) if name == "penguins" else None

    def close(self) -> None:
        """End everything."""
        self.trainings.end()
        self.runs.store.close()


def playground(viewer: Playground) -> dict:
    """Tell what there is to choose from, and what is chosen."""
    own = {} if viewer.table is None else {TABLE: DataSet(Path(viewer.file).name, "table")}
    return {
        "datasets": [
            {"name": name, "title": known.title, "task": known.task, "rows": known.rows,
             "noise": known.noise, "columns": viewer.columns(name)}
            for name, known in (own | DATASETS).items()
        ],
        "activations": list(ACTIVATIONS),
        "solvers": list(SOLVERS),
        "ends": ENDS,
        "paces": PACES,
        "pace": viewer.trainings.pace,
        "stop_names": sorted(STOP_NAMES),
        "most": {"layers": MOST_LAYERS, "units": MOST_UNITS, "uploaded": MOST_UPLOADED},
        "settings": viewer.settings,
        "training": training(viewer),
    }


def data(viewer: Playground, settings: dict) -> dict:
    """Tell of the data that the fields ask for; or what is wrong with the fields.

    Returns
    -------
    dict
        ``wrong``, messages by field; if there are none ``words``, ``notes``, ``task``, and, where
        there are two features, ``points`` and ``values`` to draw.
    """
    try:
        drawn = viewer.drawn(settings)
    except FieldError as error:
        return {"wrong": error.fields}
    rows, features = drawn.X.shape
    points = DATASETS.get(settings["data"], DATASETS["digits"]).make is not None
    words = [] if points else [counted(rows, "row"), counted(features, "feature")]
    values = drawn.y
    if drawn.task == "classification":
        classes, values = np.unique(drawn.y, return_inverse=True)
        words += [] if points else [counted(len(classes), "class")]
    elif not points:
        words.append("regression")
    told = {"wrong": {}, "words": ", ".join(words), "notes": drawn.notes, "task": drawn.task,
            "widths": [features, _n_outputs(drawn)]}  # fmt: skip
    if features == 2:
        few = slice(None, None, -(-rows // MOST_POINTS))
        told |= {"points": drawn.X[few], "values": np.asarray(values[few], float)}
    return told


def _n_outputs(drawn: Drawn) -> int:
    n_classes = len(np.unique(drawn.y)) if drawn.task == "classification" else 1
    return n_classes if n_classes > 2 else 1


def build(viewer: Playground, settings: dict) -> dict:
    """Train a network as the fields say, as a run of its own; or tell what is wrong with them.

    Returns
    -------
    dict
        ``wrong``, messages by field; and if there are none how the ``training`` stands.
    """
    wrong: dict[str, str] = {}
    drawn = None
    try:
        drawn = viewer.drawn(settings)
    except FieldError as error:
        wrong |= error.fields
    try:
        rows, early = (1, True) if drawn is None else (len(drawn.y), _can_validate(drawn))
        plan = check_network(settings, rows, early)
        if drawn is not None and plan.stop:
            widths = (drawn.X.shape[1], *plan.parameters["hidden_layer_sizes"], _n_outputs(drawn))
            hidden = ("relu",) * (len(widths) - 2)
            try_stop(plan.stop, Network(widths, hidden, "identity", "squared_error"))
    except FieldError as error:
        wrong |= error.fields
    if wrong or drawn is None:
        return {"wrong": wrong}
    viewer.settings = {name: settings.get(name, START[name]) for name in START}
    kind = "MLPClassifier" if drawn.task == "classification" else "MLPRegressor"
    viewer.train(kind, plan, drawn)
    return {"wrong": {}, "training": training(viewer)}


def _can_validate(drawn: Drawn) -> bool:
    """Whether every class has rows to train on and to validate on."""
    if drawn.task == "regression":
        return True
    return bool(np.unique(drawn.y, return_counts=True)[1].min() >= 2)


def training(viewer: Playground) -> dict:
    """Tell how the last training stands, and how many runs there are."""
    viewer.look_again()
    last = viewer.trainings.last
    return last | {"pace": viewer.trainings.pace, "runs": len(viewer.runs)}


def pause(viewer: Playground) -> dict:
    """Break off the training that is under way."""
    viewer.trainings.pause()
    return training(viewer)


def go_on(viewer: Playground, run: int) -> dict:
    """Go on with a run that was broken off, to the end that it would have had, bit for bit."""
    found = viewer.run(run).refresh()
    if found.status not in ("interrupted", "running", "failed"):
        raise ValueError(f"run {run} has {found.status}: there is nothing to go on with")
    last = viewer.trainings.last
    if not (viewer.trainings.is_active and last["run"] == run):
        viewer.trainings.go_on(run, viewer.stops.get(run, ""))
    return training(viewer)


def pace(viewer: Playground, pace: float) -> dict:
    """Train so many epochs a second at most; 0 is as fast as it goes."""
    if pace not in PACES.values():
        raise ValueError(f"a pace is one of {', '.join(PACES)}")
    viewer.trainings.set_pace(pace)
    return training(viewer)


def upload(viewer: Playground, name: str, content: bytes) -> dict:
    """Take a reader's table; what there is to choose from then."""
    table = read_uploaded(name, content)
    viewer.take(table, name)
    return playground(viewer)


def run(viewer: Playground, run: int) -> dict:
    """As of any run; but one that has just gone on is running, though its file does not yet say."""
    told = answers_runs.run(viewer, run)
    if viewer.trainings.is_active and viewer.trainings.last["run"] == run:
        told["status"] = "running"
    return told


PLAY_ANSWERS: dict[str, Callable[..., Any]] = ANSWERS | {
    "playground": playground,
    "data": data,
    "build": build,
    "training": training,
    "pause": pause,
    "go_on": go_on,
    "pace": pace,
    "upload": upload,
    "run": run,
}


def play(
    file: Path | None, target: str | None, record: Path | None, port: int, browser: bool
) -> None:
    """Serve a playground until Ctrl-C; a training begins at once, where it is clear of what.

    Raises
    ------
    TableError
        If the table cannot be read, or the target cannot be learned.
    RunFileError
        If trainings cannot be recorded there.
    """
    table = None if file is None else read_table(file)
    with recording_to(record) as path:
        viewer = Playground(path, table, "" if file is None else str(file))
        try:
            begin(viewer, target)
            serve(viewer.answer, port, browser)
        finally:
            viewer.close()


def begin(viewer: Playground, target: str | None) -> None:
    """Choose the reader's own table, if there is one, and train if it is clear of what.

    Raises
    ------
    TableError
        If the target cannot be learned.
    """
    if viewer.table is not None:
        viewer.settings |= {"data": TABLE, "target": target or ""}
        if target is None:
            return
    wrong = build(viewer, viewer.settings)["wrong"]
    if wrong:
        raise TableError(next(iter(wrong.values())))


@contextmanager
def recording_to(record: Path | None) -> Iterator[Path]:
    """A place to record to: the reader's, or one of ours that is gone in the end."""
    if record is not None:
        yield record
        return
    folder = Path(mkdtemp(prefix="retrograd-"))
    try:
        yield folder / "playground.retro"
    finally:
        rmtree(folder, ignore_errors=True)
