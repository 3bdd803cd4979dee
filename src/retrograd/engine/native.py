"""What the kernels need beyond loops: the width of vectors, tasks to take, a meeting point.

What the interpreted kernels need of it stands here twice, with the same meaning.
"""

import sys

import numpy as np
from numba import config, types
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic

from retrograd.engine.jit import COMPILED, jit
from retrograd.engine.threads import APART, ARRIVED, GAVE_UP, NEXT, ROUND
from retrograd.engine.views import data_of


def _vector_bytes() -> int:
    """Width of the processor's vectors: 64 bytes, 32 or 16."""
    features = config.CPU_FEATURES
    if features is None:
        features = get_host_cpu_features()  # what Numba compiles for; "" where nobody knows
    if "+avx512f" in features.split(","):
        return 64
    return 32 if "+avx" in features.split(",") else 16


VECTOR_BYTES = _vector_bytes()
# How often a worker looks before it sleeps: a millisecond, about, far longer than others take on a
# machine that is not busy.
SPINS = 200_000


def sleeping(platform: str) -> tuple[str, int]:
    """Name the system's function to sleep, and for how long: Windows counts milliseconds."""
    return ("Sleep", 0) if platform == "win32" else ("usleep", 50)


if not COMPILED:

    def wait_for_all(crew: np.ndarray, n_workers: int) -> None:
        """Return at once: interpreted kernels run in one thread."""

    def next_task(crew: np.ndarray, task: int, n_tasks: int, worker: int, n_workers: int) -> int:
        """Return the number after ``task``."""
        return task + 1

else:

    @intrinsic
    def _fetch_add(typing_context, counters, index, amount):
        """Add to ``counters[index]`` in one indivisible step and return what was there before."""

        def codegen(context, builder, signature, args):
            place = data_of(builder, args[0], args[1])
            return builder.atomic_rmw("add", place, args[2], "seq_cst")

        return types.int64(counters, types.intp, types.int64), codegen

    @intrinsic
    def _look(typing_context, counters, index):
        """Read ``counters[index]`` as others have left it."""

        def codegen(context, builder, signature, args):
            return builder.load_atomic(data_of(builder, args[0], args[1]), "acquire", 8)

        return types.int64(counters, types.intp), codegen

    _NAME, SLEEP = sleeping(sys.platform)
    _sleep = types.ExternalFunction(_NAME, types.int32(types.uint32))  # nobody reads its result

    @jit(inline=False)
    def wait_for_all(crew: np.ndarray, n_workers: int) -> None:
        """Return once all workers have come here, or one has given up (see ``make_crew``).

        The last to come puts the counters of tasks back to 0 for what follows. Waiting spins, since
        a step is short. When it takes long, the machine is busy and a worker does not get a
        processor: then waiting sleeps. That leaves the processor to others, perhaps to that very
        worker, and who has slept is given it back sooner than who has used it up spinning.
        """
        if n_workers == 1:
            return
        round_before = _look(crew, ROUND)
        if _fetch_add(crew, ARRIVED, 1) == n_workers - 1:
            _fetch_add(crew, ARRIVED, -n_workers)
            for share in range(n_workers):
                taken = NEXT + share * APART
                _fetch_add(crew, taken, -_look(crew, taken))
            _fetch_add(crew, ROUND, 1)
            return
        spins = 0
        while _look(crew, ROUND) == round_before and _look(crew, GAVE_UP) == 0:
            spins += 1
            if spins > SPINS:
                _sleep(types.uint32(SLEEP))

    @jit(inline=False)
    def next_task(crew: np.ndarray, task: int, n_tasks: int, worker: int, n_workers: int) -> int:
        """Return a task that no worker has or had, n_tasks if none is left; at first task is -1.

        Each worker has its share of them, the same in every step: then what one writes stays in
        the cache of its processor. Who has done with it takes over what others have not begun, so
        that one that a busy machine holds up holds up one task.
        """
        if n_workers == 1:
            return task + 1
        for turn in range(n_workers):
            share = (worker + turn) % n_workers
            begin = n_tasks * share // n_workers
            n_own = n_tasks * (share + 1) // n_workers - begin
            taken = NEXT + share * APART
            if _look(crew, taken) < n_own:
                before = _fetch_add(crew, taken, 1)
                if before < n_own:
                    return begin + before
        return n_tasks
