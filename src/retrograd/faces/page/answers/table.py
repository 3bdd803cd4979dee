"""The one table of what a page may ask about runs."""

from collections.abc import Callable
from typing import Any

from retrograd.faces.page.answers.away import code, model_file, notebook
from retrograd.faces.page.answers.branch import branch, branch_facts, edit_now, stop_branch
from retrograd.faces.page.answers.compare import compare, parting
from retrograd.faces.page.answers.compiling import compiling
from retrograd.faces.page.answers.find import conditions, find, words
from retrograd.faces.page.answers.inspector import history, link, row, unit
from retrograd.faces.page.answers.network import moment, weights
from retrograd.faces.page.answers.outcome import confused, outcome
from retrograd.faces.page.answers.runs import n_runs, run, runs
from retrograd.faces.page.answers.step import array, step
from retrograd.faces.page.answers.timeline import losses, timeline
from retrograd.faces.page.answers.why import why

ANSWERS: dict[str, Callable[..., Any]] = {
    "runs": runs,
    "n_runs": n_runs,
    "compiling": compiling,
    "run": run,
    "timeline": timeline,
    "losses": losses,
    "moment": moment,
    "weights": weights,
    "step": step,
    "array": array,
    "why": why,
    "code": code,
    "notebook": notebook,
    "model_file": model_file,
    "outcome": outcome,
    "confused": confused,
    "unit": unit,
    "link": link,
    "history": history,
    "row": row,
    "compare": compare,
    "parting": parting,
    "words": words,
    "conditions": conditions,
    "find": find,
    "branch": branch,
    "branch_facts": branch_facts,
    "edit_now": edit_now,
    "stop_branch": stop_branch,
}
