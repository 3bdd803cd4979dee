"""What the kernels need beyond loops: views without cost, room on the stack, a meeting point.

What the interpreted kernels need of it stands here twice, with the same meaning.
"""

import sys

import numpy as np
from numba import config, types
from numba.core import cgutils
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

from retrograd.engine.jit import COMPILED, jit
from retrograd.engine.threads import ARRIVED, GAVE_UP, NEXT, ROUND


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

    def vector(flat: np.ndarray, start: int, n: int) -> np.ndarray:
        """View n entries of ``flat`` from ``start`` on."""
        return flat.reshape(-1)[start : start + n]

    def matrix(flat: np.ndarray, start: int, n_rows: int, n_columns: int) -> np.ndarray:
        """View the entries of ``flat`` from ``start`` on as a matrix."""
        return flat.reshape(-1)[start : start + n_rows * n_columns].reshape(n_rows, n_columns)

    def row(rows: np.ndarray, r: int) -> np.ndarray:
        """View one row of a matrix."""
        return rows[r]

    def wait_for_all(crew: np.ndarray, n_workers: int) -> None:
        """Return at once: interpreted kernels run in one thread."""

    def next_task(crew: np.ndarray, task: int, n_workers: int) -> int:
        """Return the number after ``task``."""
        return task + 1

else:

    def _view(context, builder, signature, flat, start, shape):
        """Build an array that looks at ``flat`` from ``start`` on and owns nothing."""
        array_type = signature.args[0]
        source = make_array(array_type)(context, builder, flat)
        data = builder.gep(source.data, [start])
        return _borrowed(context, builder, signature.return_type, data, shape)

    def _borrowed(context, builder, array_type, data, shape):
        """Build an array of memory that it does not own."""
        result = make_array(array_type)(context, builder)
        itemsize = context.get_constant(
            types.intp, context.get_abi_sizeof(context.get_data_type(array_type.dtype))
        )
        strides = [itemsize] if len(shape) == 1 else [builder.mul(shape[1], itemsize), itemsize]
        populate_array(
            result,
            data=data,
            shape=cgutils.pack_array(builder, shape),
            strides=cgutils.pack_array(builder, strides),
            itemsize=itemsize,
            meminfo=None,
            parent=None,
        )
        return result._getvalue()

    @intrinsic
    def vector(typing_context, flat, start, n):
        """View n entries of ``flat`` from ``start`` on; valid while ``flat`` is."""
        result = types.Array(flat.dtype, 1, "C", readonly=not flat.mutable)

        def codegen(context, builder, signature, args):
            return _view(context, builder, signature, args[0], args[1], [args[2]])

        return result(flat, types.intp, types.intp), codegen

    @intrinsic
    def matrix(typing_context, flat, start, n_rows, n_columns):
        """View the entries of ``flat`` from ``start`` on as a matrix; valid while ``flat`` is."""
        result = types.Array(flat.dtype, 2, "C", readonly=not flat.mutable)

        def codegen(context, builder, signature, args):
            return _view(context, builder, signature, args[0], args[1], [args[2], args[3]])

        return result(flat, types.intp, types.intp, types.intp), codegen

    @intrinsic
    def row(typing_context, rows, r):
        """View one row of a matrix; valid while the matrix is."""
        result = types.Array(rows.dtype, 1, "C", readonly=not rows.mutable)

        def codegen(context, builder, signature, args):
            shape = make_array(signature.args[0])(context, builder, args[0]).shape
            n_columns = builder.extract_value(shape, 1)
            start = builder.mul(args[1], n_columns)
            return _view(context, builder, signature, args[0], start, [n_columns])

        return result(rows, types.intp), codegen

    @intrinsic(prefer_literal=True)
    def scratch(typing_context, like, n_bytes):
        """Room for so many bytes of ``like``'s numbers on the stack, until the function returns."""
        result = types.Array(like.dtype, 1, "C")

        def codegen(context, builder, signature, args):
            size = n_bytes.literal_value // (like.dtype.bitwidth // 8)
            with builder.goto_entry_block():
                data = builder.alloca(context.get_data_type(like.dtype), size=size)
                data.align = 64
            n = context.get_constant(types.intp, size)
            return _borrowed(context, builder, result, data, [n])

        return result(like, types.literal(n_bytes.literal_value)), codegen

    @intrinsic
    def _fetch_add(typing_context, counters, index, amount):
        """Add to ``counters[index]`` in one indivisible step and return what was there before."""

        def codegen(context, builder, signature, args):
            array = make_array(signature.args[0])(context, builder, args[0])
            place = builder.gep(array.data, [args[1]])
            return builder.atomic_rmw("add", place, args[2], "seq_cst")

        return types.int64(counters, types.intp, types.int64), codegen

    @intrinsic
    def _look(typing_context, counters, index):
        """Read ``counters[index]`` as others have left it."""

        def codegen(context, builder, signature, args):
            array = make_array(signature.args[0])(context, builder, args[0])
            return builder.load_atomic(builder.gep(array.data, [args[1]]), "acquire", 8)

        return types.int64(counters, types.intp), codegen

    _NAME, SLEEP = sleeping(sys.platform)
    _sleep = types.ExternalFunction(_NAME, types.int32(types.uint32))  # nobody reads its result

    @jit(inline=False)
    def wait_for_all(crew: np.ndarray, n_workers: int) -> None:
        """Return once all workers have come here, or one has given up (see ``make_crew``).

        The last to come puts the tasks' counter back to 0 for what follows. Waiting spins, since
        a step is short. When it takes long, the machine is busy and a worker does not get a
        processor: then waiting sleeps. That leaves the processor to others, perhaps to that very
        worker, and who has slept is given it back sooner than who has used it up spinning.
        """
        if n_workers == 1:
            return
        round_before = _look(crew, ROUND)
        if _fetch_add(crew, ARRIVED, 1) == n_workers - 1:
            _fetch_add(crew, ARRIVED, -n_workers)
            _fetch_add(crew, NEXT, -_look(crew, NEXT))
            _fetch_add(crew, ROUND, 1)
            return
        spins = 0
        while _look(crew, ROUND) == round_before and _look(crew, GAVE_UP) == 0:
            spins += 1
            if spins > SPINS:
                _sleep(types.uint32(SLEEP))

    @jit
    def next_task(crew: np.ndarray, task: int, n_workers: int) -> int:
        """Return the number of a task that no other worker has or had; at first ``task`` is -1.

        Who is quick takes more of them: a worker that a busy machine holds up holds up one task.
        """
        return task + 1 if n_workers == 1 else _fetch_add(crew, NEXT, 1)
