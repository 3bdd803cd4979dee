"""The page in a notebook: asks its kernel, and outlives it as a still page."""

from html import escape
from os import PathLike
from typing import Any
from weakref import WeakSet

import anywidget
import traitlets

from retrograd.estimators.recorder import Recorder
from retrograd.estimators.rewinding import open_runs
from retrograd.faces.page.answers.table import ANSWERS
from retrograd.faces.page.asking import reply
from retrograd.faces.page.joined import join_modules, join_styles
from retrograd.faces.page.still import NoRoomError, drawn, kept_answers
from retrograd.faces.page.viewer import Viewer
from retrograd.rewind.moment import Moment
from retrograd.rewind.run import Run, Runs
from retrograd.rewind.store import RunFileError

# Bytes that a notebook keeps of a run, as a still page, for whoever reads it without a kernel.
KEPT_BYTES = 2_000_000
# Seconds that it may take to make them, since whoever asks for the widget waits.
PATIENCE = 3.0
HEIGHT = 760
VIEWERS: WeakSet[Viewer] = WeakSet()


class Widget(anywidget.AnyWidget):
    """A recorded training in a notebook.

    Parameters
    ----------
    run : Run
    """

    # The run that is shown first, and the still page's answers, for where there is no kernel.
    run = traitlets.Int().tag(sync=True)
    kept = traitlets.Dict().tag(sync=True)

    def __init__(self, run: Run) -> None:
        self._shown = run
        self._viewer = Viewer(Runs(run.store, run.door), ANSWERS)
        self._viewer.adopt(run)
        # Notebooks hold every widget for ever, those of cells that were run again, too.
        for viewer in VIEWERS:
            viewer.forget()
        VIEWERS.add(self._viewer)
        self._esm = f"{join_modules('widget')}\nexport default module_widget;\n"
        self._css = join_styles()
        super().__init__(run=run.number, kept=_kept(run))
        self.on_msg(self._answer)

    def _answer(self, _: Any, content: Any, buffers: list) -> None:
        """Answer one question of the page."""
        text = content.get("text") if isinstance(content, dict) else None
        if isinstance(text, str):
            self.send({}, [reply(text, self._viewer.answer)])

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """Draw it: as a widget, and for where there are none as a still page in a frame."""
        bundle = super()._repr_mimebundle_(**options)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        if not self.kept:
            return {**data, "text/plain": repr(self._shown)}, metadata
        page = escape(drawn(self._shown, self.kept))
        # Without a place of its own it can reach nothing of the notebook's.
        html = (
            f'<iframe sandbox="allow-scripts allow-downloads" title="{escape(repr(self._shown))}" '
            f'style="width: 100%; height: {HEIGHT}px; border: 0" srcdoc="{page}"></iframe>'
        )
        return {**data, "text/html": html, "text/plain": repr(self._shown)}, metadata


def _kept(run: Run) -> dict[str, str]:
    """Answers of a still page; none if not even one moment finds room."""
    try:
        return kept_answers(run, KEPT_BYTES, PATIENCE)
    except NoRoomError:
        return {}


def make_widget(run: "Run | Moment | Runs | Recorder | str | PathLike") -> Widget:
    """Make a widget of a run, or of the last run of several, of a file or a recorder."""
    if isinstance(run, Moment):
        run = run.run
    if isinstance(run, Run):
        return Widget(run)
    runs = run if isinstance(run, Runs) else open_runs(run)
    if not runs.numbers:
        raise RunFileError(f"{runs.store.name} has no runs")
    return Widget(runs[-1])
