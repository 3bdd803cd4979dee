"""Workers: Ctrl-C waits for them, an error in one ends all, the BLAS gets its threads back."""

import io
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from bits import in_forked_child
from retrograd.engine import threads, trainer
from retrograd.engine.batches import make_data
from retrograd.engine.jit import jit
from retrograd.engine.native import next_task, wait_for_all
from retrograd.engine.network import Network
from retrograd.engine.optimizers import Optimizer
from retrograd.engine.threads import (
    available_threads,
    interrupts_held,
    make_crew,
    one_blas_thread,
    run_workers,
)
from retrograd.engine.trainer import State, Trainer
from retrograd.engine.views import views


def test_ctrl_c_waits_for_the_end_of_the_block():
    done = []
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - the point is where it is raised
        with interrupts_held():
            signal.raise_signal(signal.SIGINT)
            done.append("all of it")
        done.append("never")
    assert done == ["all of it"]
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_ctrl_c_waits_for_the_outermost_block():
    done = []
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012, SIM117
        with interrupts_held():
            with interrupts_held():
                signal.raise_signal(signal.SIGINT)
                done.append("inner")
            done.append("outer")
    assert done == ["inner", "outer"]


def test_every_worker_works():
    worked = []
    assert run_workers(3, make_crew(3), lambda worker: worked.append(worker) or worker) == 0
    assert sorted(worked) == [0, 1, 2]


needs_moves = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="the system moves threads itself"
)


@needs_moves
def test_workers_settle_on_processors_of_their_own(monkeypatch):
    """Who finds its processor taken goes on on one that is free."""
    allowed, moves, me = {3, 4, 5}, [], threading.get_native_id()
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(allowed))
    monkeypatch.setattr(os, "sched_setaffinity", lambda thread, to: moves.append((thread, to)))
    monkeypatch.setattr(threads, "_processor_asker", lambda: lambda: 4)
    taken = {}
    threads._settle(1, taken)
    assert (taken, moves) == ({4: me}, [])
    threads._settle(2, taken)
    assert moves == [(me, {3, 5})]
    moves.clear()
    threads._settle(2, {3: 30, 4: 40, 5: 50})
    assert moves == [], "nobody is moved where all is taken"
    taken = {4: 40}
    threads._settle(0, taken)
    assert moves == [(40, {3, 5})], "not the caller's thread, but the other"
    assert taken == {4: me}


@needs_moves
@pytest.mark.parametrize("forbidden", [None, "sched_getaffinity", "sched_setaffinity"])
def test_nobody_moves_the_maker(monkeypatch, forbidden):
    """Where nothing may be moved, or asked, all work all the same."""
    allowed = os.sched_getaffinity(0)
    monkeypatch.setattr(threads, "_processor_asker", lambda: lambda: min(allowed))
    look, move, worked, moved = os.sched_getaffinity, os.sched_setaffinity, [], []

    def watched(thread, to):
        moved.append(thread)
        move(thread, to)

    def refused(*_):
        raise PermissionError

    monkeypatch.setattr(os, "sched_setaffinity", watched)
    if forbidden:
        monkeypatch.setattr(os, forbidden, refused)
    run_workers(3, make_crew(3), worked.append)
    assert sorted(worked) == [0, 1, 2]
    assert look(0) == allowed
    assert threading.get_native_id() not in moved
    assert forbidden or moved or len(allowed) == 1


@pytest.mark.parametrize(
    ("status", "may_move"),
    [
        ("Name:\tpython\nSeccomp:\t0\nSeccomp_filters:\t0\n", True),
        ("Name:\tpython\nSeccomp:\t2\nSeccomp_filters:\t1\n", False),
        ("Name:\tpython\n", False),
        (None, False),
    ],
)
def test_nobody_is_moved_under_a_filter_of_system_calls(monkeypatch, status, may_move):
    """Which may end the process; nor where the system does not tell."""

    def opened(path):
        assert path == "/proc/self/status"
        if status is None:
            raise FileNotFoundError(path)
        return io.StringIO(status)

    monkeypatch.setattr(threads, "open", opened, raising=False)
    ask = threads._processor_asker.__wrapped__()
    if not may_move:
        assert ask is None
    elif sys.platform == "linux":
        assert ask() in range(os.sysconf("SC_NPROCESSORS_CONF"))


@jit(entry=True)
def wait(crew, n_workers):
    wait_for_all(views(crew), n_workers)


@jit(entry=True)
def take_all(crew, order, n_tasks, worker, n_workers):
    crew, order, n = views(crew), views(order), 0
    task = next_task(crew, -1, n_tasks, worker, n_workers)
    while task < n_tasks:
        order[n] = task
        n += 1
        task = next_task(crew, task, n_tasks, worker, n_workers)
    return n


@pytest.mark.compiled
def test_a_worker_takes_its_share_and_then_what_others_have_left():
    order = np.empty(10, np.int64)
    assert take_all(make_crew(3), order, 10, 1, 3) == 10
    assert order.tolist() == [3, 4, 5, 6, 7, 8, 9, 0, 1, 2]


@pytest.mark.compiled
@pytest.mark.parametrize("n_tasks", [0, 1, 2, 5, 1000])
def test_each_task_is_taken_once(n_tasks):
    orders, crew = np.full((3, n_tasks), -1, np.int64), make_crew(3)
    run_workers(3, crew, lambda worker: take_all(crew, orders[worker], n_tasks, worker, 3))
    assert sorted(orders[orders >= 0].tolist()) == list(range(n_tasks))


@pytest.mark.compiled
@pytest.mark.parametrize("broken", [0, 1])
def test_an_error_in_one_worker_ends_all(broken):
    """The others wait for it; they must not wait for ever."""
    crew = make_crew(3)

    def work(worker):
        if worker == broken:
            raise MemoryError("no room")
        wait(crew, 3)

    with pytest.raises(MemoryError, match="no room"):
        run_workers(3, crew, work)


@pytest.mark.compiled
def test_batches_without_rows_keep_the_workers_together(monkeypatch):
    """A worker two steps ahead would write over the reports that another one still adds up."""
    network = Network((8, 8, 1), ("tanh",), "identity", "squared_error")
    rng, n_steps, batch_size = np.random.default_rng(0), 1500, 130
    X, y = rng.normal(size=(300, 8)), rng.normal(size=(300, 1))
    rows = rng.integers(0, 300, n_steps * batch_size)
    bounds = (np.arange(n_steps + 1) + 1) // 2 * batch_size  # 130 rows, none, 130 rows, none, ...
    theta, optimizer, results = rng.normal(size=network.n_parameters), Optimizer("adam"), []
    for n_workers in (1, 3):
        monkeypatch.setattr(trainer, "n_workers_for", lambda *_, n=n_workers: n)
        state = State.start(theta.copy(), optimizer)
        teacher = Trainer(network, optimizer, make_data(network, X, y), batch_size, state)
        losses = teacher.run(rows, bounds, np.full(n_steps, 1e-4))
        results.append((state.theta.tobytes(), losses.tobytes()))
    assert results[0] == results[1]


@pytest.mark.compiled
def test_kernels_that_a_program_has_left_uncompiled_run_in_one_thread():
    program = """
import numba
numba.config.DISABLE_JIT = True
from retrograd.engine.threads import n_workers_for
print(n_workers_for(1 << 40))
"""
    with threadpool_limits(2, user_api="blas"):
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
    assert done.stdout == "1\n"


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_the_blas_says_how_many_threads(limit):
    with threadpool_limits(limit, user_api="blas"):
        assert available_threads() == limit


def blas_threads():
    """Numbers of threads that the BLAS libraries are set to."""
    return {info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"}


def test_the_last_one_out_gives_the_blas_its_threads_back():
    """Whoever came first; and meanwhile kernels go on to have all the threads."""
    with threadpool_limits(3, user_api="blas"):
        first, second = one_blas_thread(), one_blas_thread()
        for change in (first.__enter__, second.__enter__, lambda: first.__exit__(None, None, None)):
            change()
            assert blas_threads() == {1}
            assert available_threads() == 3
        second.__exit__(None, None, None)
        assert blas_threads() == {3}
        assert available_threads() == 3


def test_limits_are_set_from_every_thread():
    """Whichever was first; and limits of the user's own are still heard in all of them."""

    def held():
        with one_blas_thread():
            return blas_threads()

    def limited():
        with threadpool_limits(2, user_api="blas"):
            return blas_threads()

    with ThreadPoolExecutor(1) as worker:
        before = worker.submit(blas_threads).result()
        assert held() == worker.submit(held).result() == held() == {1}
        assert worker.submit(limited).result() == limited() == {2}
        first, second = one_blas_thread(), one_blas_thread()
        worker.submit(first.__enter__).result()
        second.__enter__()
        worker.submit(first.__exit__, None, None, None).result()
        assert blas_threads() == {1}
        second.__exit__(None, None, None)
        assert worker.submit(limited).result() == {2}
        assert blas_threads() == before


class OfEachThread(threading.local):
    """A BLAS whose limit is that of the thread that sets it, as one with OpenMP has it."""

    threading_layer = "openmp"
    num_threads = 4

    def set_num_threads(self, n_threads):
        self.num_threads = n_threads


def test_limits_of_each_thread(monkeypatch):
    """Are set and given back in each of them, in whatever order they end."""
    blas = OfEachThread()
    monkeypatch.setattr(threads, "_blas", lambda: [blas])
    first, second = one_blas_thread(), one_blas_thread()
    with ThreadPoolExecutor(1) as worker:
        first.__enter__()
        worker.submit(second.__enter__).result()
        assert worker.submit(lambda: blas.num_threads).result() == blas.num_threads == 1
        assert worker.submit(available_threads).result() == available_threads() == 4
        first.__exit__(None, None, None)
        assert blas.num_threads == 4
        assert worker.submit(lambda: blas.num_threads).result() == 1
        worker.submit(second.__exit__, None, None, None).result()
        assert worker.submit(lambda: blas.num_threads).result() == 4


def test_an_error_gives_the_blas_its_threads_back():
    with threadpool_limits(3, user_api="blas"):
        with pytest.raises(ZeroDivisionError), one_blas_thread():  # noqa: PT012
            assert blas_threads() == {1}
            raise ZeroDivisionError
        assert blas_threads() == {3}


def test_ctrl_c_while_the_blas_is_taken_gives_it_back(monkeypatch):
    """It comes at the worst moment: the limit is set, and the block not yet entered."""
    take, done = threads._hold.take, []

    def press_and_take():
        signal.raise_signal(signal.SIGINT)
        take()

    monkeypatch.setattr(threads._hold, "take", press_and_take)
    with threadpool_limits(3, user_api="blas"):
        with pytest.raises(KeyboardInterrupt), one_blas_thread():
            done.append("never")
        assert blas_threads() == {3}
    assert not done


can_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
# Newer Pythons warn of what is tested here.
fork_is_meant = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")


@can_fork
@fork_is_meant
def test_a_forked_child_has_its_threads():
    """Also if it is forked while the BLAS is held in another thread, which it does not have."""
    with threadpool_limits(2, user_api="blas"):
        assert in_forked_child(lambda: available_threads() == 2) == "the same"
        with one_blas_thread():
            assert in_forked_child(lambda: blas_threads() == {2}) == "the same"
            assert blas_threads() == {1}
        assert blas_threads() == {2}
        with threads._hold.lock:  # as another thread has it that is about to hold the BLAS
            assert in_forked_child(can_hold_the_blas) == "the same"


def can_hold_the_blas() -> bool:
    """Whether the BLAS is held to one thread within a block."""
    with one_blas_thread():
        return blas_threads() == {1}


@can_fork
@fork_is_meant
def test_a_child_of_another_thread_hears_of_ctrl_c():
    """Also if it is forked while the main thread, which it does not have, holds it."""

    def press():
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            return True
        return False

    with ThreadPoolExecutor(1) as worker, interrupts_held():
        assert worker.submit(in_forked_child, press).result() == "the same"
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
