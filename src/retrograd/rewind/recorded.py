"""What a file holds of one run: read, checked, and ready to be replayed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, Self

import numpy as np

from retrograd.engine.kernels.data import Data
from retrograd.rewind.checks import check_data, check_progress, join_epochs, join_losses
from retrograd.rewind.header import DATA_PARTS, Header
from retrograd.rewind.replay import Replay
from retrograd.rewind.schema import array_name
from retrograd.rewind.store import Opened, RunFileError, Store


class Epoch(NamedTuple):
    """How an epoch ended; score is None where there is no validation.

    The loss is the mean of its steps', the learning rate that of its last step.
    """

    epoch: int
    step: int
    loss: float
    score: float | None
    learning_rate: float


class Recorded(Opened):
    """What a file holds of one run: the half of ``Run`` that reads.

    Parameters and errors are those of ``Run``, but that it needs no door.

    Attributes
    ----------
    header : Header
    epochs : list of Epoch
    curves : ndarray of shape (epochs, 4)
        The same as numbers: step, loss, score and learning rate; the score is NaN where there is
        no validation.
    seconds : float
        How long it has been trained.
    """

    def __init__(self, store: Store, number: int, data: Data | None = None) -> None:
        found = store.rows("runs", "run = ?", number)
        if not found:
            raise RunFileError(f"{store.name} has no run {number}")
        self.store, self.number = store, number
        self.header = Header.read(found[0][1], store.name)
        parent = self.header.parent
        if parent is not None and parent[0] >= number:
            raise RunFileError(
                f"{store.name} has a run with an impossible header (run {number} "
                f"branches off run {parent[0]})"
            )
        self._given = data
        self._replay: Replay | None = None
        self.epochs: list[Epoch] = []
        self.curves = np.empty((0, 4))
        # Of every epoch, before any schedule by step; and of one more, that would come next.
        self._rates: list[float] = []
        self.refresh()
        if data is not None:
            self._check_data(data)

    def refresh(self) -> Self:
        """Look again how far it has come, should it be growing.

        Who follows a long run does so again and again: epochs that are known are not read again.
        """
        with self.store.at_once():  # and by one thread at a time
            progress = self.store.rows("progress", "run = ?", self.number)
            checkpoints = self.store.steps_of(self.number)
            begin = self.header.course["first_epoch"] + len(self.epochs)
            rows = self.store.rows(
                "epochs", "run = ? AND epoch >= ?", self.number, begin, order="epoch"
            )
            with self._damage_told():
                new = join_epochs(rows, begin)
                n_epochs = len(self.epochs) + len(new)
                check_progress(self.header, self.number, progress, checkpoints, n_epochs)
            _, self.status, self.note, self._n_steps, _, _, self.seconds = progress[0]
            self._append(new, begin)
        return self

    def _append(self, numbers: np.ndarray, begin: int) -> None:
        """Give epochs from ``begin`` on their steps, and no score where there is no validation."""
        course, scored = self.header.make_course(), "validation" in self.header.data
        if not self._rates:
            first = self.store.rows("checkpoints", "run = ? AND step = 0", self.number)
            if not first:
                raise RunFileError(f"{self.store.name} is damaged: the run's start is gone")
            self._rates.append(first[0][3])
        epochs = []
        for epoch, (loss, score, rate_after) in enumerate(numbers.tolist(), begin):
            [rate] = course.last_rates(epoch, self._rates[-1], n_steps=1).tolist()
            end = course.begin_of(epoch + 1)
            epochs.append(Epoch(epoch, end, loss, score if scored else None, rate))
            self._rates.append(rate_after)
        self.epochs += epochs  # in place: copying a long list takes its time, too
        self.curves = np.concatenate(
            [self.curves, np.array([e[1:] for e in epochs], float).reshape(-1, 4)]
        )

    @contextmanager
    def _damage_told(self) -> Iterator[None]:
        """Say of which file it is that a check has found something."""
        try:
            yield
        except ValueError as error:
            raise RunFileError(f"{self.store.name} is damaged: {error}") from None

    def __len__(self) -> int:
        """Number of steps."""
        return self._n_steps

    @property
    def n_epochs(self) -> int:
        """Number of epochs that are over: the ``epochs``, or the notebook's, which record none."""
        if "generator" not in self.header.data:
            return len(self.epochs)
        course = self.header.make_course()
        return course.place(len(self))[0] - course.first_epoch

    @property
    def facts(self) -> dict:
        """What the recorder was told to remember of the training."""
        return self.header.facts

    @property
    def replay(self) -> Replay:
        """What goes to any step."""
        if self._replay is None:
            self._replay = self._make_replay()
        return self._replay

    def _make_replay(self) -> Replay:
        names = self.header.data

        def kept(name: str) -> np.ndarray | None:
            return self.store.array(names[name]) if name in names else None

        arrays = kept("train"), kept("generator"), kept("skipped")
        with self._damage_told():
            course = self.header.make_course(*arrays)

        def rate_of(epoch: int) -> float:
            before = epoch - course.first_epoch
            if before >= len(self._rates) and "generator" not in names:
                self.refresh()
            # Broken off at an epoch's very end, a run may not know the next one's.
            return self._rates[min(before, len(self._rates) - 1)]

        return Replay(self.store, self.number, self.header, course, lambda: self.data, rate_of)

    @property
    def has_data(self) -> bool:
        """Whether the training data are at hand."""
        return bool(self.header.data["kept"]) or self._given is not None

    @property
    def data(self) -> Data:
        """The training data, as the engine reads them."""
        if self._given is None:
            names = self.header.data
            if not names["kept"]:
                raise RunFileError(
                    f"{self.store.name} keeps no training data (there were too many, or keep_data "
                    "was False): pass them, as open_run(path, data=(X, y)), or in a terminal as "
                    "--data FILE, which np.savez(FILE, X=X, y=y) writes"
                )
            data = Data(*(self.store.array(names[part]) for part in DATA_PARTS))
            self._check_fit(data)
            self._given = data
        return self._given

    def _check_data(self, data: Data) -> None:
        for part in DATA_PARTS:
            if array_name(getattr(data, part)) != self.header.data[part]:
                what = {"y": "y", "sample_weight": "sample_weight"}.get(part, "X")
                raise RunFileError(
                    f"{what} is not what run {self.number} of {self.store.name} was trained on: "
                    "its digest differs"
                )
        self._check_fit(data)

    def _check_fit(self, data: Data) -> None:
        """Refuse a forged file: the kernels look at no shape."""
        names = self.header.data
        rows = {
            name: self.store.array(names[name]) for name in ("train", "validation") if name in names
        }
        with self._damage_told():
            check_data(self.header, data, rows)

    @property
    def losses(self) -> tuple[np.ndarray, np.ndarray]:
        """Steps and losses of the steps that were kept: all, or every other one where many."""
        found = self.store.rows("losses", "run = ?", self.number, order="step")
        with self._damage_told():
            return join_losses(found, len(self))
