"""The live line of a training: a scikit-learn callback that draws on the terminal, and Ctrl-C."""

import math
import signal
import sys
import threading
import time

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

# Drawing more often than this only costs time.
SECONDS_BETWEEN_DRAWINGS = 0.05
NARROWEST_BAR = 8
STARTING = "starting"


class CtrlC:
    """Make Ctrl-C end a block with KeyboardInterrupt, even if something inside swallows it.

    A network that is interrupted keeps what it has learned and returns as if nothing had happened,
    as scikit-learn's do; on the command line Ctrl-C means 'stop'. ``pressed`` tells those who can
    stop early that they should.

    Examples
    --------
    >>> with CtrlC() as ctrl_c:
    ...     ctrl_c.pressed
    False
    """

    def __init__(self) -> None:
        self.pressed = False

    def __enter__(self) -> "CtrlC":
        """Listen, in the main thread; elsewhere no signal arrives."""
        self._listening = threading.current_thread() is threading.main_thread()
        if self._listening:
            self._handler = signal.signal(signal.SIGINT, self._press)
            # Raised inside a C library's callback it cannot be handed on, only noted.
            self._hook, sys.unraisablehook = sys.unraisablehook, self._swallow
        return self

    def __exit__(self, kind, error, trace) -> None:
        """Stop listening; interrupt now if something inside did not."""
        if self._listening:
            signal.signal(signal.SIGINT, self._handler)
            sys.unraisablehook = self._hook
        if self.pressed:
            raise KeyboardInterrupt

    def _press(self, signum, frame) -> None:
        self.pressed = True
        raise KeyboardInterrupt

    def _swallow(self, unraisable) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            self._hook(unraisable)


class LiveProgress:
    """Shows epoch, loss, validation score, steps per second and time left while a network trains.

    Parameters
    ----------
    console : rich.console.Console
        Where to draw; nothing is drawn unless it is a terminal.
    ctrl_c : CtrlC
        Asked after every epoch whether to stop.

    Examples
    --------
    >>> progress = LiveProgress(Console(width=100), CtrlC())
    >>> progress.facts(epoch=3, epochs=10, loss=0.25, score=0.9, steps=600, seconds=2.0)
    'epoch 3/10  loss 0.2500  val 0.900  ≤ 0:05 left  300 steps/s'
    """

    def __init__(self, console: Console, ctrl_c: CtrlC) -> None:
        self.console = console
        self.ctrl_c = ctrl_c
        self._progress: Progress | None = None

    def setup(self, estimator, context) -> None:
        """Begin to draw."""
        self._start = self._drawn = time.perf_counter()
        if not self.console.is_terminal:
            return
        # L-BFGS has no epochs to count.
        bar = SpinnerColumn() if estimator.solver == "lbfgs" else BarColumn(bar_width=None)
        self._progress = Progress(
            bar,
            TextColumn("{task.fields[facts]}"),
            console=self.console,
            transient=True,
            expand=not isinstance(bar, SpinnerColumn),
        )
        self._task = self._progress.add_task("", total=estimator.max_iter, facts=STARTING)
        self._progress.start()

    def on_fit_task_begin(self, estimator, context) -> None:
        """Do nothing: an epoch is worth a drawing when it is over."""

    def on_fit_task_end(self, estimator, context) -> bool:
        """Draw where the training is; stop it if Ctrl-C was pressed."""
        now = time.perf_counter()
        due = now - self._drawn >= SECONDS_BETWEEN_DRAWINGS
        if self._progress is not None and context.task_name == "epoch" and due:
            self._drawn = now
            facts = self._facts_of(estimator, now - self._start)
            self._progress.update(self._task, completed=estimator.n_iter_, facts=facts)
        return self.ctrl_c.pressed

    def teardown(self, estimator, context) -> None:
        """Take the line off the terminal."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _facts_of(self, estimator, seconds: float) -> str:
        """Write the line for where an estimator is."""
        epoch = estimator.n_iter_
        scores = getattr(estimator, "validation_scores_", None)
        # t_ counts training rows seen, so a step is a batch of them, the last one cut short.
        batches = math.ceil(estimator.t_ / epoch / estimator.batch_size)
        return self.facts(
            epoch=epoch,
            epochs=estimator.max_iter,
            loss=estimator.loss_curve_[-1],
            score=scores[-1] if scores else None,
            steps=batches * epoch,
            seconds=seconds,
        )

    def facts(self, epoch, epochs, loss, score, steps, seconds) -> str:
        """Write the line, with fewer facts on a narrow terminal."""
        left = round(seconds / epoch * (epochs - epoch))
        parts = [f"epoch {epoch}/{epochs}", f"loss {loss:.4f}"]
        if score is not None:
            parts.append(f"val {score:.3f}")
        # The training may well end before the last epoch.
        parts.append(f"≤ {left // 60}:{left % 60:02d} left")
        parts.append(f"{steps / max(seconds, 1e-9):,.0f} steps/s")
        room = self.console.width - NARROWEST_BAR - 1
        while len(parts) > 1 and len("  ".join(parts)) > room:
            parts.pop()
        return "  ".join(parts)
