"""The live line of a training: a scikit-learn callback that draws on the terminal."""

import math
import signal
import threading
import time
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

# Drawing more often than this only costs time.
SECONDS_BETWEEN_DRAWINGS = 0.05
STARTING = "(the first time ever, this compiles for a few seconds)"


class LiveProgress:
    """Shows epoch, loss, validation score, steps per second and time left while a network trains.

    Parameters
    ----------
    console : rich.console.Console
        Where to draw; nothing is drawn unless it is a terminal.

    Examples
    --------
    >>> progress = LiveProgress(Console())
    >>> progress.facts(epoch=3, epochs=10, loss=0.25, score=0.9, steps=600, seconds=2.0)
    'epoch 3/10  loss 0.2500  validation 0.900  300 steps/s  at most 5 s left'
    """

    def __init__(self, console: Console):
        self.console = console
        self._progress: Progress | None = None

    def setup(self, estimator, context) -> None:
        """Begin to draw."""
        self._start = self._drawn = time.perf_counter()
        if not self.console.is_terminal:
            return
        # L-BFGS has no epochs to count.
        bar = SpinnerColumn() if estimator.solver == "lbfgs" else BarColumn(bar_width=None)
        self._progress = Progress(
            TextColumn("Training"), bar, TextColumn("{task.fields[facts]}"),
            console=self.console, transient=True, expand=True,
        )  # fmt: skip
        self._task = self._progress.add_task("", total=estimator.max_iter, facts=STARTING)
        self._progress.start()

    def on_fit_task_begin(self, estimator, context) -> None:
        """Do nothing: an epoch is worth a drawing when it is over."""

    def on_fit_task_end(self, estimator, context) -> bool:
        """Draw where the training is; never stop it."""
        now = time.perf_counter()
        due = now - self._drawn >= SECONDS_BETWEEN_DRAWINGS
        if self._progress is None or context.task_name != "epoch" or not due:
            return False
        self._drawn = now
        epoch = estimator.n_iter_
        scores = getattr(estimator, "validation_scores_", None)
        # t_ counts training rows seen, so a step is a batch of them, the last one cut short.
        batches = math.ceil(estimator.t_ / max(epoch, 1) / estimator.batch_size)
        facts = self.facts(
            epoch=epoch,
            epochs=estimator.max_iter,
            loss=estimator.loss_curve_[-1],
            score=scores[-1] if scores else None,
            steps=batches * epoch,
            seconds=now - self._start,
        )
        self._progress.update(self._task, completed=epoch, facts=facts)
        return False

    def teardown(self, estimator, context) -> None:
        """Take the line off the terminal."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def facts(self, epoch, epochs, loss, score, steps, seconds) -> str:
        """Write the line, shorter on a narrow terminal."""
        left = seconds / max(epoch, 1) * (epochs - epoch)
        parts = [f"epoch {epoch}/{epochs}", f"loss {loss:.4f}"]
        if score is not None:
            parts.append(f"validation {score:.3f}")
        parts += [f"{steps / max(seconds, 1e-9):,.0f} steps/s", f"at most {left:.0f} s left"]
        room = max(self.console.width - 20, 20)
        while len(parts) > 2 and len("  ".join(parts)) > room:
            parts.pop()
        return "  ".join(parts)


@contextmanager
def heeding_ctrl_c():
    """Make Ctrl-C end the block with KeyboardInterrupt, even if something inside swallows it.

    scikit-learn's own networks take an interruption for 'stop here and keep what is learned'; on
    the command line it means 'stop'.

    Examples
    --------
    >>> with heeding_ctrl_c():
    ...     pass
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed = []

    def note(signum, frame):
        pressed.append(signum)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt
