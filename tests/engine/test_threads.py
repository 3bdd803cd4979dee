"""Workers: Ctrl-C waits for them, an error in one ends all, the BLAS gets its threads back."""

import os
import signal

import pytest
from threadpoolctl import threadpool_limits

from retrograd.engine.jit import jit
from retrograd.engine.native import wait_for_all
from retrograd.engine.threads import (
    available_threads,
    interrupts_held,
    make_crew,
    run_workers,
)


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
    assert run_workers(3, make_crew(), lambda worker: worked.append(worker) or worker) == 0
    assert sorted(worked) == [0, 1, 2]


@jit(entry=True)
def wait(crew, n_workers):
    wait_for_all(crew, n_workers)


@pytest.mark.compiled
@pytest.mark.parametrize("broken", [0, 1])
def test_an_error_in_one_worker_ends_all(broken):
    """The others wait at the barrier; they must not wait for ever."""
    crew = make_crew()

    def work(worker):
        if worker == broken:
            raise MemoryError("no room")
        wait(crew, 3)

    with pytest.raises(MemoryError, match="no room"):
        run_workers(3, crew, work)


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_the_blas_says_how_many_threads(limit):
    with threadpool_limits(limit, user_api="blas"):
        assert available_threads() == limit


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_has_its_threads():
    with threadpool_limits(2, user_api="blas"):
        child = os.fork()
        if child == 0:
            os._exit(0 if available_threads() == 2 else 1)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
