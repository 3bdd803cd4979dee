"""Workers: Ctrl-C waits for them, an error in one ends all, the BLAS gets its threads back."""

import os
import signal

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from retrograd.engine.native import wait_for_all
from retrograd.engine.threads import (
    interrupts_held,
    make_barrier,
    run_workers,
    single_threaded_blas,
)


def blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


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
    assert run_workers(3, make_barrier(), lambda worker: worked.append(worker) or worker) == 0
    assert sorted(worked) == [0, 1, 2]


@pytest.mark.compiled
@pytest.mark.parametrize("broken", [0, 1])
def test_an_error_in_one_worker_ends_all(broken):
    """The others wait at the barrier; they must not wait for ever."""
    barrier = make_barrier()

    def work(worker):
        if worker == broken:
            raise MemoryError("no room")
        wait_for_all(barrier, 3)

    with pytest.raises(MemoryError, match="no room"):
        run_workers(3, barrier, work)


def test_the_blas_gets_its_threads_back():
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        with single_threaded_blas() as n_threads:
            assert set(blas_threads()) == {1}
            with single_threaded_blas() as inner:
                assert inner == n_threads == max(before)
            assert set(blas_threads()) == {1}
        assert blas_threads() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_has_its_threads():
    """Even if another thread of the parent was in a fit, which the child knows nothing of."""
    with threadpool_limits(2, user_api="blas"):
        before = max(blas_threads())
        with single_threaded_blas():
            child = os.fork()
            if child == 0:
                with single_threaded_blas() as n_threads:
                    os._exit(0 if n_threads == before and np.ones(2).sum() == 2 else 1)
            _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
