"""What the tests of equal bits share: networks of every kind, and company to train them in."""

import hashlib
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from problems import OPTIMIZERS, Problem, make_problem, plan, train_engine
from retrograd.engine import threads
from retrograd.engine.prediction import predict

SOFTMAX = ("log_loss", "softmax")
TESTS = Path(__file__).parent

# Name: widths, activation, loss and output, rows, rows of a batch. The engine goes different ways
# in each: see TASK_ROWS, PANEL_ROWS, WIDE in engine/work.py, and the products.
NETWORKS = {
    "no hidden layer": ((70, 9), "identity", SOFTMAX, 230, 150),
    "narrow": ((5, 6, 4, 3), "gelu", SOFTMAX, 230, 150),
    "shared": ((40, 160, 60, 5), "tanh", SOFTMAX, 640, 520),
    "several panels": ((33, 80, 3), "silu", SOFTMAX, 2400, 2150),
    "one output": ((60, 200, 100, 1), "relu", ("log_loss", "logistic"), 400, 300),
    "wide": ((24, 530, 513), "logistic", ("squared_error", "identity"), 200, 150),
    "wide on both sides": ((515, 530, 7), "tanh", SOFTMAX, 100, 60),
}
# Those that are shared by several workers of their own accord.
SHARED = ("shared", "several panels", "one output", "wide", "wide on both sides")


@cache
def problem_of(name: str) -> Problem:
    """Problem of that name; not to be changed."""
    widths, activation, pair, n_rows, _ = NETWORKS[name]
    return make_problem(widths, activation, pair, n_rows)


def fingerprint(*arrays: np.ndarray) -> str:
    """Digest of the arrays' bytes."""
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()


def work_of(name: str) -> tuple[int, int]:
    """Multiplications of a step, and steps: what the number of workers follows from."""
    n_rows, batch_size = NETWORKS[name][-2:]
    return 3 * batch_size * problem_of(name).network.n_parameters, 2 * -(-n_rows // batch_size)


def trained(name: str, optimizer: str, storage: str, dtype: type) -> dict[str, str]:
    """Fingerprints of all that a training leaves: two epochs, the last batches being smaller."""
    problem, batch_size = problem_of(name), NETWORKS[name][-1]
    n_rows = len(problem.X)
    rows, bounds = plan(n_rows, batch_size, 2)
    rates = np.full(bounds.size - 1, 0.01)
    result = train_engine(problem, OPTIMIZERS[optimizer], rows, bounds, rates, storage, dtype)
    outputs = predict(problem.network, result.theta, problem.data(storage, dtype), n_rows)
    return {
        "parameters": fingerprint(result.theta),
        "memory": fingerprint(result.slots),
        "losses": fingerprint(result.losses),
        "predictions": fingerprint(outputs),
    }


def share_all(patches: pytest.MonkeyPatch) -> None:
    """Let all threads share however little work there is."""
    patches.setattr(threads, "MEET_FROM", 1)
    patches.setattr(threads, "SHARE_FROM", 0)


def becomes_true(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Wait for a condition, but not for ever.

    Looks are counted, not the clock's seconds: a machine that stops all of us for a while must
    not make a test fail.
    """
    for _ in range(int(seconds / 0.01)):
        if condition():
            return True
        time.sleep(0.01)
    return condition()


def in_forked_child(work: Callable[[], bool]) -> str:
    """Let a forked child do the work: 'the same' if that is true, or what happened else."""
    child = os.fork()
    if child == 0:
        code = 2
        try:
            code = 0 if work() else 1
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    ended: list[int] = []

    def has_ended() -> bool:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            ended.append(os.waitstatus_to_exitcode(status))
        return bool(ended)

    if not becomes_true(has_ended):
        os.kill(child, 9)
        os.waitpid(child, 0)
        return "it hangs"
    return {0: "the same", 1: "another"}.get(ended[0], f"it ended with {ended[0]}")


def python(program: str, environment: Mapping[str, str | None]) -> str:
    """What a program prints in a new process, which finds the tests' modules; errors fail.

    An environment variable that is None is removed.
    """
    variables = {**os.environ, **environment}
    process = subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(TESTS)!r})\n{program}"],
        env={name: value for name, value in variables.items() if value is not None},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    hangs = not becomes_true(lambda: process.poll() is not None, 120.0)
    if hangs:
        process.kill()
    out, errors = process.communicate()
    assert not hangs, f"the process hangs\n{errors}"
    assert process.returncode == 0, f"it ended with {process.returncode}\n{errors}"
    return out
