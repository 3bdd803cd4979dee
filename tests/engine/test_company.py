"""A training beside others: in two threads, in a forked child, beside other parallel code.

It gives what it gives alone, and ends.
"""

import importlib
import os
import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from bits import NETWORKS, becomes_true, in_forked_child, python, share_all, trained

pytestmark = pytest.mark.compiled
may_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
# Newer Pythons warn of what is tested here.
fork_is_meant = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")


@pytest.mark.parametrize("limit", [2, 3])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_all_networks_at_once(dtype: type, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each network twice, in a thread of its own, each of which shares with more of them."""
    share_all(monkeypatch)
    results: dict[tuple[str, int], dict] = {}

    def work(name: str, number: int) -> None:
        results[name, number] = trained(name, "adam", "dense", dtype)

    with threadpool_limits(limit, user_api="blas"):
        before = threadpool_info()
        keys = [(name, number) for name in NETWORKS for number in (1, 2)]
        crowd = [threading.Thread(target=work, args=key, daemon=True) for key in keys]
        for thread in crowd:
            thread.start()
        assert becomes_true(lambda: not any(thread.is_alive() for thread in crowd))
        assert threadpool_info() == before
    for name in NETWORKS:
        work(name, 0)
        assert results[name, 1] == results[name, 2] == results[name, 0]


@may_fork
@fork_is_meant
@pytest.mark.parametrize("limit", [1, 3])
@pytest.mark.parametrize("name", ["shared", "wide"])
def test_in_a_forked_child(name: str, limit: int) -> None:
    """After a training that used several threads, none of which the child has."""
    with threadpool_limits(limit, user_api="blas"):
        alone = trained(name, "adam", "dense", np.float32)
        for _ in range(2):
            outcome = in_forked_child(lambda: trained(name, "adam", "dense", np.float32) == alone)
            assert outcome == "the same"
        assert trained(name, "adam", "dense", np.float32) == alone


@may_fork
@fork_is_meant
def test_forked_from_a_thread_beside_a_training() -> None:
    """From another thread than the main one, while a training goes on there."""
    outcomes: list[str] = []
    with threadpool_limits(2, user_api="blas"):
        alone = trained("shared", "adam", "dense", np.float64)

        def fork() -> None:
            child = in_forked_child(lambda: trained("shared", "adam", "dense", np.float64) == alone)
            outcomes.append(child)

        thread = threading.Thread(target=fork, daemon=True)
        thread.start()
        while thread.is_alive() and not outcomes:
            assert trained("shared", "adam", "dense", np.float64) == alone
        assert becomes_true(lambda: not thread.is_alive())
    assert outcomes == ["the same"]


PARALLEL = """
import threading
import numpy as np
from numba import njit, prange, threading_layer
from threadpoolctl import threadpool_info, threadpool_limits
from bits import becomes_true, in_forked_child, trained

@njit(parallel=True)
def total(x):
    result = 0.0
    for i in prange(x.size):
        result += np.sqrt(x[i])
    return result

def work():
    return trained("shared", "adam", "dense", np.float32)

def calls():
    global n_calls
    while not enough.is_set():
        total(x)
        n_calls += 1

x, enough, n_calls = np.ones(100_000), threading.Event(), 0
total(x)
with threadpool_limits(1, user_api="blas"):
    alone = work()
with threadpool_limits(3, user_api="blas"):
    other = threading.Thread(target=calls, daemon=True)
    other.start()
    assert becomes_true(lambda: n_calls > 0)
    before, same = threadpool_info(), [work() == alone for _ in range(20)]
    assert threadpool_info() == before
    enough.set()
    assert becomes_true(lambda: not other.is_alive())
    print(threading_layer(), all(same), n_calls > 1, in_forked_child(lambda: work() == alone))
"""


@may_fork
@pytest.mark.parametrize(
    ("layer", "module"), [("omp", "omppool"), ("tbb", "tbbpool"), ("workqueue", "workqueue")]
)
def test_beside_a_parallel_function(layer: str, module: str) -> None:
    """Of Numba's, in a second thread, on each of its threading layers; and forked after that."""
    try:
        importlib.import_module(f"numba.np.ufunc.{module}")
    except ImportError:
        pytest.skip(f"Numba's threading layer {layer} is not there")
    out = python(PARALLEL, {"NUMBA_THREADING_LAYER": layer})
    assert out.split(maxsplit=3) == [layer, "True", "True", "the same\n"]
