"""How many threads there are to use is said from outside, and left as it is found."""

import io
import os
import signal

import numpy as np
import pytest
import sklearn.utils._openmp_helpers  # noqa: F401 - the OpenMP that is asked must be there
from joblib import Parallel, cpu_count, delayed
from threadpoolctl import threadpool_info, threadpool_limits

from bits import fingerprint, problem_of, python, share_all
from problems import OPTIMIZERS, Problem, plan
from retrograd.engine import threads
from retrograd.engine import trainer as trainer_module
from retrograd.engine.divergence import DivergenceError
from retrograd.engine.threads import (
    MEET_FROM,
    MEET_FROM_BUSY,
    SHARE_FROM,
    available_threads,
    n_workers_for,
)
from retrograd.engine.trainer import State, Trainer

MUCH = 1 << 40
# The true one: tests are told that the machine is not busy.
is_busy = threads._is_busy
# Whatever is set where the tests run; a limit of the BLAS's own goes before OpenMP's.
UNSET = {
    f"{name}_NUM_THREADS": None
    for name in ("OMP", "OPENBLAS", "GOTO", "MKL", "BLIS", "NUMBA", "NUMEXPR", "VECLIB_MAXIMUM")
}
INTERPRETED = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


def cores() -> int:
    """Cores that this process may run on."""
    has_affinity = hasattr(os, "sched_getaffinity")
    return len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1


@pytest.mark.parametrize("limit", [1, 2, 3, 8])
def test_threadpoolctl_decides(limit: int) -> None:
    """By the limit of the BLAS, or that of all libraries; and only while it holds."""
    before = available_threads()
    many = 1 if INTERPRETED else limit
    for user_api in ("blas", None):
        with threadpool_limits(limit, user_api=user_api):
            assert available_threads() == limit
            assert n_workers_for(MUCH) == n_workers_for(SHARE_FROM) == many
            assert n_workers_for(SHARE_FROM - 1) == n_workers_for(MEET_FROM - 1, MUCH) == 1
            for worth in range(1, 10):
                for n in (MEET_FROM * worth, MEET_FROM * (worth + 1) - 1):
                    assert n_workers_for(n, SHARE_FROM) == min(many, worth)
        assert available_threads() == before


@pytest.mark.parametrize(("limit", "n_workers"), [(1, 1), (2, 2), (8, 3)])
def test_on_a_busy_machine_a_worker_needs_more_to_do(
    limit: int, n_workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two meetings, at which it may wait for one that waits for a processor."""
    monkeypatch.setattr(threads, "_is_busy", lambda: True)
    with threadpool_limits(limit, user_api="blas"):
        many = 1 if INTERPRETED else n_workers
        assert n_workers_for(3 * MEET_FROM_BUSY, MUCH) == many
        assert n_workers_for(2 * MEET_FROM_BUSY - 1, MUCH) == 1
        assert n_workers_for(MEET_FROM_BUSY - 1, MUCH) == 1


@pytest.mark.parametrize(
    ("content", "busy"),
    [
        ("0.50 0.20 0.10 {cores}/345 6789\n", False),
        ("0.50 0.20 0.10 {more}/345 6789\n", True),
        ("0.50 0.20 0.10\n", False),
        ("0.50 0.20 0.10 many/345 6789\n", False),
        (None, False),
    ],
)
def test_a_machine_is_busy_when_more_threads_run_than_it_has_processors(
    content: str | None, busy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that asks is one of them. Where nobody tells, the machine is taken for idle."""
    n = 64

    def opened(path: str) -> io.StringIO:
        assert path == "/proc/loadavg"
        if content is None:
            raise FileNotFoundError(path)
        return io.StringIO(content.format(cores=n, more=n + 1))

    monkeypatch.setattr(threads, "open", opened, raising=False)
    monkeypatch.setattr(os, "sysconf", {"SC_NPROCESSORS_ONLN": n}.get, raising=False)
    assert is_busy() is busy


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_where_nobody_can_ask_the_blas(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a Mac, whose BLAS threadpoolctl does not know: OpenMP, or else the cores, decide."""
    monkeypatch.setattr(threads, "_blas", lambda: [])
    for user_api in ("openmp", None):
        with threadpool_limits(limit, user_api=user_api):
            assert available_threads() == limit
    with threads.one_blas_thread():
        assert available_threads() > 0
    monkeypatch.setattr(threads, "_openmp", lambda: [])
    assert available_threads() == os.cpu_count()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")
def test_a_fork_outside_of_a_fit_looks_for_no_blas() -> None:
    """That would take its time, and be done in a child of a process that may have any threads."""
    program = (
        "import os, retrograd.engine.threads as threads\n"
        "threads._blas = lambda: os._exit(1)\n"
        "child = os.fork()\n"
        "print(os.waitpid(child, 0)[1]) if child else os._exit(0)"
    )
    assert python(program, {}).strip() == "0"


@pytest.mark.compiled
@pytest.mark.parametrize("setting", [1, 2, None])
def test_the_environment_decides(setting: int | None) -> None:
    """OMP_NUM_THREADS, in a new process; as many as there are cores where it says nothing."""
    program = f"from retrograd.engine.threads import n_workers_for; print(n_workers_for({MUCH}))"
    value = None if setting is None else str(setting)
    used = int(python(program, {**UNSET, "OMP_NUM_THREADS": value}))
    # OpenBLAS makes no more threads than there are cores.
    assert used == min(setting or cores(), cores())


@pytest.mark.compiled
@pytest.mark.parametrize("n_jobs", [1, 2, 3])
def test_workers_of_joblib_share_the_cores(n_jobs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers times threads are no more than there are cores, one thread at least for each."""
    for name in UNSET:
        monkeypatch.delenv(name, raising=False)
    used = Parallel(n_jobs=n_jobs)(delayed(n_workers_for)(MUCH) for _ in range(2 * n_jobs))
    if n_jobs == 1:  # joblib works here, then, and limits nothing
        assert set(used) == {available_threads()}
    else:
        assert set(used) == {max(1, min(cpu_count(), cores()) // n_jobs)}
        assert n_jobs * max(used) <= max(cores(), n_jobs)


def a_trainer(problem: Problem, batch_size: int) -> Trainer:
    """Trainer before its first step."""
    optimizer = OPTIMIZERS["adam"]
    state = State.start(problem.theta.copy(), optimizer)
    return Trainer(problem.network, optimizer, problem.data("dense"), batch_size, state)


@pytest.fixture
def settings_stay(monkeypatch: pytest.MonkeyPatch):
    """Share all work with other numbers of threads than usual, which must still be set after."""
    share_all(monkeypatch)
    with threadpool_limits({"libscipy_openblas": 3, "openmp": 2}):
        before, handler = threadpool_info(), signal.getsignal(signal.SIGINT)
        yield
        assert threadpool_info() == before
        assert signal.getsignal(signal.SIGINT) is handler


@pytest.mark.usefixtures("settings_stay")
def test_settings_after_a_training_and_after_one_that_diverges() -> None:
    """They are never touched."""
    problem = problem_of("narrow")
    rows, bounds = plan(len(problem.X), 100, 1)
    rates = np.full(bounds.size - 1, 0.01)
    a_trainer(problem, 100).run(rows, bounds, rates)
    rates[1] = np.inf
    with pytest.raises(DivergenceError), np.errstate(all="ignore"):
        a_trainer(problem, 100).run(rows, bounds, rates)


@pytest.mark.usefixtures("settings_stay")
def test_interrupted_and_continued(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C amid the steps: those begun are finished and counted, the rest gives the same bits."""
    problem = problem_of("narrow")
    rows, bounds = plan(len(problem.X), 100, 2)
    rates = 0.01 * 0.9 ** np.arange(bounds.size - 1)
    whole, parts = a_trainer(problem, 100), a_trainer(problem, 100)
    losses = whole.run(rows, bounds, rates)
    take, pressed_before = trainer_module.share_steps, []

    def press_and_take(*arguments):
        pressed_before.append(parts.state.step)
        if len(pressed_before) == 3:
            signal.raise_signal(signal.SIGINT)
        return take(*arguments)

    with monkeypatch.context() as patches:
        patches.setattr(trainer_module, "share_steps", press_and_take)
        patches.setattr(trainer_module, "CALL_WORK", 1)  # a step a call
        with pytest.raises(KeyboardInterrupt):
            parts.run(rows, bounds, rates)
    assert pressed_before == [0, 1, 2]
    assert parts.state.step == 3, "the step that was begun when it was pressed is counted"
    rest = parts.run(rows, bounds[3:], rates[3:])
    np.testing.assert_array_equal(rest, losses[3:], strict=True)
    ends = [fingerprint(t.state.theta, t.state.slots) for t in (whole, parts)]
    assert ends[0] == ends[1]
