"""What a page asks before anybody clicks: a page in one file keeps the answers to that."""

from typing import Any

from retrograd.faces.page.answers.outcome import TABS
from retrograd.faces.page.viewer import Viewer

Question = tuple[str, dict[str, Any]]

# Which arguments tell one answer from another; the others only say how much of it is drawn.
TOLD_BY = {
    "runs": [],
    "run": ["run"],
    "timeline": ["run"],
    "moment": ["run", "step"],
    "step": ["run", "step", "opened"],
    "outcome": ["run", "step", "on", "tab", "f0", "f1", "target"],
}
# What a pointer that merely passes asks: that it is not in the file is no news to the reader.
IN_PASSING = ["losses", "weights", "array", "step", "outcome"]
# Entries of a picture that are kept, at most: of the weights all that a live page shows.
ENTRIES = {"moment": 1 << 14}
OTHER_ENTRIES = 576
BINS = 1000


def of_run(viewer: Viewer, run: int) -> list[Question]:
    """Questions about a run as a whole; the first one lists the runs."""
    curves = {"run": run, "begin": 0, "end": len(viewer.run(run)), "bins": BINS, "patient": True}
    while viewer.answer("timeline", curves)["more"]:  # as a page does that is open for a while
        pass
    return [
        ("runs", {}),
        ("run", {"run": run}),
        ("timeline", curves),
    ]


def of_moment(viewer: Viewer, run: int, step: int) -> list[Question]:
    """Questions about one of its moments; of some there may be no answer."""
    here = {"run": run, "step": step}
    questions: list[Question] = [("moment", here), ("step", {**here, "opened": ""})]
    if viewer.has_step(run, step) and viewer.run(run).has_data:
        sections = viewer.answer("step", {**here, "opened": ""})["sections"]
        questions += [("step", {**here, "opened": section["key"]}) for section in sections]
    # As the page does: a surface over two pixels of an image says nothing.
    hidden = ["surface"] if viewer.answer("run", {"run": run})["image"] else []
    asked = {**here, "on": "training", "f0": 0, "f1": 1, "target": 0, "patient": False}
    questions += [("outcome", {**asked, "tab": tab}) for tab in TABS if tab not in hidden]
    return [question for question in questions if question[0] in viewer.answers]
