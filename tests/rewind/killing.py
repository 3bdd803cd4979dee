"""Kills recorded trainings at random moments, looks at what they leave, and resumes them.

A script of its own, since it forks: ``python killing.py FOLDER KILLS SEED``. It prints what it has
seen as JSON, and fails at the first file that is not as it should be.
"""

import json
import os
import random
import signal
import struct
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from small_runs import classifier, model_numbers, often, record, regressor, same, table

from retrograd.engine import trainer
from retrograd.estimators import fitting, notebook
from retrograd.estimators.notebook import MLP
from retrograd.estimators.rewinding import open_runs
from retrograd.rewind.store import RunFileError, Store

# Seconds between checkpoints, and multiplications between two looks: many commits in little time.
SPACING, CALL_WORK, DRAWN = 0.003, 1 << 18, 1 << 10
# Seconds that a child takes to begin, which the original did not.
START = 0.015
# What a commit is told as: run, steps, epochs, checkpoints.
COMMIT = struct.Struct("4q")


def many_epochs(path: Path | None) -> list[Any]:
    """Many short epochs, Adam, shuffled."""
    model = classifier(max_iter=400, tol=0.0, n_iter_no_change=400)
    record(path, model, *table())
    return [model]


def planned_epochs(path: Path | None) -> list[Any]:
    """The same, some dozen epochs at a time planned, trained and recorded together."""
    before, fitting.UNWATCHED_WORK = fitting.UNWATCHED_WORK, 1 << 22
    try:
        return many_epochs(path)
    finally:
        fitting.UNWATCHED_WORK = before


def early_stopping(path: Path | None) -> list[Any]:
    """Validation, labels, and a best epoch to go back to."""
    X, y = table(80)
    model = classifier(early_stopping=True, max_iter=400, n_iter_no_change=300, solver="rmsprop")
    record(path, model, X, np.array(["no", "perhaps", "yes"])[y])
    return [model]


def long_epochs(path: Path | None) -> list[Any]:
    """Two long epochs, with checkpoints within, and a rate that falls from one to the other."""
    X, _ = table(60_000, 5, seed=1)
    model = regressor(max_iter=2, batch_size=4, hidden_layer_sizes=(8,), alpha=0.1)
    model.set_params(learning_rate="invscaling")
    record(path, model, X, np.sin(X[:, 0]))
    return [model]


def adaptive(path: Path | None) -> list[Any]:
    """A rate that falls when the loss does."""
    X, _ = table(100)
    model = regressor(max_iter=600, learning_rate="adaptive", n_iter_no_change=80, tol=1e-2)
    record(path, model, X, np.cos(X[:, 0]))
    return [model]


def notebooks(path: Path | None) -> list[Any]:
    """The notebook's class, which draws its rows."""
    X, y = table(5_000)
    np.random.seed(3)
    model = MLP(hidden_units=3, epochs=8)
    record(path, model, X, (y > 0).astype(int))
    return [model]


def large_states(path: Path | None) -> list[Any]:
    """States of a quarter of a megabyte, each written in its place in the file."""
    model = classifier(hidden_layer_sizes=(100, 100), max_iter=60, tol=0.0, n_iter_no_change=60)
    record(path, model, *table())
    return [model]


def two_fits(path: Path | None) -> list[Any]:
    """Two runs in one file."""
    return many_epochs(path) + notebooks(path)


KINDS: list[Callable[[Path | None], list[Any]]] = [
    many_epochs, planned_epochs, early_stopping, long_epochs, adaptive, notebooks, large_states,
    two_fits,
]  # fmt: skip


class Original:
    """What a kind of training comes to if nobody kills it."""

    def __init__(self, kind: Callable[[Path | None], list[Any]], folder: Path) -> None:
        path = folder / f"{kind.__name__}.retro"
        kind(folder / "warm.retro")
        begin = time.perf_counter()
        self.models = [model_numbers(model) for model in kind(path)]
        self.seconds = time.perf_counter() - begin
        self.runs = list(open_runs(path))
        assert all(run.verify() is None and run.status == "ended" for run in self.runs)


def forked(work: Callable[[], Any]) -> int:
    """Let a forked child do some work and leave, with 0 or with what it failed of; its number."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return pid


def in_child(work: Callable[[], Any], seconds: float) -> list[tuple[int, ...]]:
    """Let a child do some work, and kill it after so many seconds; the commits that it told of."""
    told, tell = os.pipe()

    def reporting() -> None:
        report_commits(tell)
        work()

    pid = forked(reporting)
    os.close(tell)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert status in (0, signal.SIGKILL), f"the child came to {status}"
    with os.fdopen(told, "rb") as pipe:
        raw = pipe.read()
    raw = raw[: len(raw) // COMMIT.size * COMMIT.size]
    return list(COMMIT.iter_unpack(raw))


def report_commits(tell: int) -> None:
    """Tell of every commit of progress, once it is through."""
    write = Store.write

    def reported(self: Store, tables: Any, *others: Any, **named: Any) -> bool:
        done = write(self, tables, *others, **named)
        for run, _, _, steps, epochs, checkpoints, _ in tables.get("progress", ()):
            os.write(tell, COMMIT.pack(run, steps, epochs, checkpoints))
        return done

    Store.write = reported


def tried(work: Callable[[], Any]) -> tuple[Any, str]:
    """What some work gives, and what a file was refused for."""
    try:
        return work(), ""
    except RunFileError as error:
        return None, str(error)


def look(path: Path, commits: list[tuple[int, ...]], original: Original, seen: Counter) -> list:
    """Check a file that a kill has left; its runs that have steps."""
    journal = Path(f"{path}-journal")
    seen["amid a commit"] += journal.exists() and journal.read_bytes()[:1] not in (b"", b"\0")
    runs, refusal = tried(lambda: open_runs(path))
    if refusal:
        assert not commits, f"{refusal}, after {len(commits)} commits"
        assert "does not exist" in refusal or "is empty" in refusal, refusal
        seen["no file yet"] += 1
        return []
    begun = []
    for k, number in enumerate(runs.numbers):
        last = max((commit for commit in commits if commit[0] == number), default=None)
        run = runs[k]
        if last is not None:
            assert len(run) >= last[1]
            assert len(run.epochs) >= last[2]
        whole = original.runs[k]
        assert run.verify() is None
        assert run.status in ("running", "ended")
        assert run.epochs == whole.epochs[: len(run.epochs)]
        check_losses(run, whole)
        begun.append(run)
        seen["amid a training"] += run.status == "running"
        seen["with checkpoints"] += len(run.store.steps_of(number)) > 2
    if not runs.numbers:
        seen["no run yet"] += 1
    return begun


def check_losses(run: Any, whole: Any) -> None:
    """Every loss that both have kept is the same, and of every hundredth step it is kept."""
    steps, losses = run.losses
    others = dict(zip(*(part.tolist() for part in whole.losses), strict=True))
    assert len(steps) * 100 >= len(run)
    assert np.isfinite(losses).all()
    for step, loss in zip(steps.tolist(), losses.tolist(), strict=True):
        assert others.get(step, loss) == loss


def resume(path: Path, k: int, original: Original, rng: random.Random, seen: Counter) -> None:
    """Resume a run, killed some more times on the way; it ends as if it had never been."""
    for _ in range(rng.choice([0, 0, 1, 2])):
        before = open_runs(path)[k]
        commits = in_child(open_runs(path)[k].resume, rng.uniform(0.005, original.seconds))
        (after,) = [run for run in look(path, commits, original, seen) if run.number == k + 1]
        assert len(after) >= len(before), "a resumed run went back"
        seen["killed"] += 1
        seen["killed while resumed"] += 1
    run = open_runs(path)[k]
    was_ended = run.status == "ended"
    model = run.resume()
    assert same(model_numbers(model), original.models[k]), "the resumed model is another one"
    if not was_ended:
        assert not Path(f"{path}-journal").exists(), "the killed one's journal is left"
    again, whole = open_runs(path)[k], original.runs[k]
    assert (again.status, len(again), again.epochs) == ("ended", len(whole), whole.epochs)
    assert again.verify() is None
    check_losses(again, whole)
    assert same(model_numbers(again.estimator()), original.models[k])
    seen["resumed to the end"] += 1


def main(folder: Path, kills: int, seed: int) -> Counter:
    """Kill so many trainings; how many were met where."""
    warnings.simplefilter("ignore")
    trainer.CALL_WORK, notebook.DRAWN_AT_ONCE = CALL_WORK, DRAWN
    rng, seen = random.Random(seed), Counter()
    with often(SPACING):
        originals = [Original(kind, folder) for kind in KINDS]
        for k in count():
            if seen["killed"] >= kills:
                break
            kind, original = KINDS[k % len(KINDS)], originals[k % len(KINDS)]
            path = folder / f"{k}.retro"
            commits = in_child(lambda: kind(path), rng.uniform(0.005, START + original.seconds))  # noqa: B023
            seen["killed"] += 1
            runs = look(path, commits, original, seen)
            for run in runs:
                resume(path, run.number - 1, original, rng, seen)
            del runs
            path.unlink(missing_ok=True)
    return {
        "seconds": {k.__name__: o.seconds for k, o in zip(KINDS, originals, strict=True)},
        **seen,
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
