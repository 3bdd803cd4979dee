"""The still page: a run in one file, with the answers to what a page asks, of some moments."""

import base64
import hashlib
import math
import time
import zlib
from collections.abc import Iterator
from html import escape
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from retrograd.faces.page.answers import kept
from retrograd.faces.page.answers.network import coarser
from retrograd.faces.page.answers.table import ANSWERS
from retrograd.faces.page.joined import join_modules, join_styles
from retrograd.faces.page.viewer import Viewer
from retrograd.faces.page.wire import frame
from retrograd.rewind.files import write_whole
from retrograd.rewind.run import Run, Runs

MOST_MOMENTS = 200
# Learning is fastest at first: moment k of n lies at (k / n) ** POWER of the way.
POWER = 2
# Characters of the element around the answers about a moment.
ELEMENT = 100


class NoRoomError(ValueError):
    """Not even one moment finds room; so many bytes are missing."""

    def __init__(self, missing: int) -> None:
        super().__init__(f"{missing:,} bytes are missing")
        self.missing = missing


def write_html(run: Run, path: "str | PathLike", budget: int = 5_000_000) -> None:
    """Write a run's page as one file, which needs neither a server nor a network.

    Parameters
    ----------
    run : Run
    path : str or path
    budget : int
        Bytes that the file may take.

    Raises
    ------
    ValueError
        If not even one moment finds room.
    OSError
        If the file cannot be written, or one is there that is no page.
    """
    write_whole(Path(path), still_page(run, budget).encode(), "page")


def still_page(run: Run, budget: int) -> str:
    """Draw a run as a page of at most so many bytes."""
    alone = len(drawn(run, {}).encode())
    try:
        return drawn(run, kept_answers(run, budget - alone))
    except NoRoomError as error:
        raise ValueError(
            f"the page has no room in {budget:,} bytes: it takes {error.missing:,} more: "
            f"say budget={budget + error.missing}"
        ) from None


def drawn(run: Run, answers: dict[str, str]) -> str:
    """Draw a run as a page, given the answers that it keeps."""
    script = _harmless(join_modules("still"), "</script")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    # Nothing of the run is in the markup but its file's name, in which bytes may be no text, and
    # these letters and digits.
    title = escape(run.store.name.encode(errors="replace").decode())
    parts = "".join(
        f'<script type="text/plain" data-answers="{name}">{text}</script>\n'
        for name, text in answers.items()
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · retrograd</title>
<style>{_harmless(join_styles(), "</style")}</style>
</head>
<body>
<div id="retrograd" class="retrograd"><p class="opening">Opening the run …</p></div>
<noscript>This page is drawn by JavaScript, which is switched off.</noscript>
{parts}<script type="module">{script}</script>
</body>
</html>
"""


def _harmless(text: str, ending: str) -> str:
    """Let a text stand inside an element, which an ending in it would end."""
    if ending in text.lower() or "<!--" in text:
        raise ValueError(f"the page's own text has {ending!r} in it")
    return text


def kept_answers(run: Run, budget: int, patience: float = math.inf) -> dict[str, str]:
    """Answers about a run, and about as many of its moments as find room in so many characters.

    Parameters
    ----------
    run : Run
    budget : int
    patience : float
        Seconds after which no further moment is replayed.

    Returns
    -------
    dict
        Of "run", and of each moment's step, the answers: frames of ``wire``, deflated, in base64.

    Raises
    ------
    NoRoomError
        If not even one moment finds room.
    """
    viewer = Viewer(Runs(run.store, run.door), ANSWERS)
    viewer.adopt(run)
    about: dict[str, Any] = {
        "told_by": kept.TOLD_BY,
        "in_passing": kept.IN_PASSING,
        "run": run.number,
        "steps": [*range(MOST_MOMENTS)],  # to be replaced; it takes that much room at most
        "answers": [_kept(viewer, one) for one in kept.of_run(viewer, run.number)],
    }
    listed = about["answers"][0]["answer"]
    listed["runs"] = [one for one in listed["runs"] if one["run"] == run.number]
    left = budget - len(_packed(about)) - ELEMENT
    moments: dict[int, str] = {}
    end = math.inf
    for step in _worth_keeping(viewer, run):
        questions = kept.of_moment(viewer, run.number, step)
        packed = _packed({"answers": _once([_kept(viewer, one) for one in questions])})
        left -= len(packed) + ELEMENT
        if left < 0 or time.monotonic() > end:
            break
        if not moments:  # what comes once, such as imports, has come now
            end = time.monotonic() + patience
        moments[step] = packed
    if not moments:
        raise NoRoomError(-left)
    about["steps"] = sorted(moments)
    return {"run": _packed(about), **{str(step): moments[step] for step in sorted(moments)}}


def _worth_keeping(viewer: Viewer, run: Run) -> Iterator[int]:
    """Steps of a run, the ones that say most about it first: its ends, its best, halves between.

    Of a run whose data are not at hand there are only its checkpoints.
    """
    n = len(run)
    at_hand = range(n + 1) if run.has_data else run.store.steps_of(run.number)
    steps = (at_hand[round((len(at_hand) - 1) * part**POWER)] for part in _halves(8 * MOST_MOMENTS))
    best = viewer.answer("run", {"run": run.number})["best_epoch"]
    first = [n, 0]
    if best is not None:
        first.append(run.epochs[best["epoch"]].step)
    seen: set[int] = set()
    for step in [*first, *steps]:
        if step in at_hand and step not in seen and len(seen) < MOST_MOMENTS:
            seen.add(step)
            yield step


def _halves(count: int) -> Iterator[float]:
    """Halve from 0 to 1, then halve the halves, and so on.

    Examples
    --------
    >>> list(_halves(4))
    [0.5, 0.25, 0.75, 0.125]
    """
    for k in range(1, count + 1):
        part, scale = 0.0, 0.5
        while k:
            part += scale * (k & 1)
            k >>= 1
            scale /= 2
        yield part


def _kept(viewer: Viewer, question: kept.Question) -> dict[str, Any]:
    """A question and its answer, or why there is none."""
    name, arguments = question
    told = {"ask": name, "with": arguments}
    try:
        answer = viewer.answer(name, dict(arguments))
    except (ValueError, IndexError) as error:
        return {**told, "error": " ".join(str(error).split())}
    return {**told, "answer": _smaller(answer, kept.ENTRIES.get(name, kept.OTHER_ENTRIES))}


def _once(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Let an answer that is another's, too, stand there once; ``as`` says where."""
    first: dict[bytes, int] = {}
    found = []
    for k, told in enumerate(answers):
        at = first.setdefault(frame(told.get("answer")), k) if "answer" in told else k
        found.append(told if at == k else {"ask": told["ask"], "with": told["with"], "as": at})
    return found


def _smaller(value: Any, entries: int) -> Any:
    """Make the pictures in an answer coarser where they have more entries than are kept."""
    if isinstance(value, dict):
        array = value.get("values")
        if {"shape", "whole", "top"} <= value.keys() and isinstance(array, np.ndarray):
            return coarser(value, entries)
        return {key: _smaller(part, entries) for key, part in value.items()}
    return [_smaller(part, entries) for part in value] if isinstance(value, list) else value


def _packed(answers: dict[str, Any]) -> str:
    return base64.b64encode(zlib.compress(frame(answers), 9)).decode()
