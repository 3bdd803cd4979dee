"""The one decorator that compiles, and the few things Numba needs help with.

Under ``NUMBA_DISABLE_JIT=1`` everything here is plain Python, so that the kernels can be walked
through with an ordinary debugger.
"""

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numba
import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

COMPILED = not numba.config.DISABLE_JIT


def _cache_folder() -> Path:
    """Where compiled kernels are kept: in the user's cache, under a digest of all that they are.

    Numba looks only at the file of the function it loads, not at those whose functions that one
    calls; the digest over all of maths/ and engine/ keeps stale machine code from ever running.
    """
    package = Path(__file__).parents[1]
    digest = hashlib.sha256(numba.__version__.encode())
    for room in ("maths", "engine"):
        for source in sorted((package / room).rglob("*.py")):
            digest.update(source.read_bytes())
    base = os.environ.get("NUMBA_CACHE_DIR") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "retrograd"
    )
    return Path(base) / f"kernels-{digest.hexdigest()[:16]}"


CACHE_FOLDER = _cache_folder()


def jit(function: Callable) -> Callable:
    """Compile a kernel: no Python inside, no lock held, machine code kept on disk.

    No fast-math flag is set: ``isnan`` stays honest, sums keep their order, and the interpreted
    kernel gives the same numbers.
    """
    dispatcher = numba.njit(nogil=True, error_model="numpy")(function)
    if COMPILED:
        configured = numba.config.CACHE_DIR
        numba.config.CACHE_DIR = str(CACHE_FOLDER)
        try:
            dispatcher.enable_caching()
        except RuntimeError:
            pass  # No place on this machine can be written to: it compiles anew in every process.
        finally:
            numba.config.CACHE_DIR = configured
    return dispatcher


if COMPILED:

    def _borrow(context, builder, signature, flat, start, shape):  # noqa: ANN001, ANN202
        """Build an array that looks at ``flat[start:]`` without counting a reference to it."""
        array_type, result_type = signature.args[0], signature.return_type
        source = make_array(array_type)(context, builder, flat)
        result = make_array(result_type)(context, builder)
        itemsize = context.get_constant(
            types.intp, context.get_abi_sizeof(context.get_data_type(array_type.dtype))
        )
        strides = [itemsize] if len(shape) == 1 else [builder.mul(shape[1], itemsize), itemsize]
        populate_array(
            result,
            data=builder.gep(source.data, [start]),
            shape=cgutils.pack_array(builder, shape),
            strides=cgutils.pack_array(builder, strides),
            itemsize=itemsize,
            meminfo=None,
            parent=None,
        )
        return result._getvalue()

    @intrinsic
    def vector(typing_context, flat, start, n):  # noqa: ANN001, ANN201
        """View ``flat[start : start + n]``, at no cost; valid while ``flat`` is."""
        result = types.Array(flat.dtype, 1, "C", readonly=not flat.mutable)

        def codegen(context, builder, signature, args):  # noqa: ANN001, ANN202
            return _borrow(context, builder, signature, args[0], args[1], [args[2]])

        return result(flat, types.intp, types.intp), codegen

    @intrinsic
    def matrix(typing_context, flat, start, n_rows, n_columns):  # noqa: ANN001, ANN201
        """View ``flat[start:]`` as a matrix, at no cost; valid while ``flat`` is."""
        result = types.Array(flat.dtype, 2, "C", readonly=not flat.mutable)

        def codegen(context, builder, signature, args):  # noqa: ANN001, ANN202
            return _borrow(context, builder, signature, args[0], args[1], [args[2], args[3]])

        return result(flat, types.intp, types.intp, types.intp), codegen

else:

    def vector(flat: np.ndarray, start: int, n: int) -> np.ndarray:
        """View ``flat[start : start + n]``."""
        return flat.reshape(-1)[start : start + n]

    def matrix(flat: np.ndarray, start: int, n_rows: int, n_columns: int) -> np.ndarray:
        """View ``flat[start:]`` as a matrix of shape (n_rows, n_columns)."""
        return flat.reshape(-1)[start : start + n_rows * n_columns].reshape(n_rows, n_columns)


if COMPILED:

    @intrinsic
    def _fetch_add(typing_context, counters, index, amount):  # noqa: ANN001, ANN202
        """Add to ``counters[index]`` in one indivisible step and return what was there before."""

        def codegen(context, builder, signature, args):  # noqa: ANN001, ANN202
            array = make_array(signature.args[0])(context, builder, args[0])
            place = builder.gep(array.data, [args[1]])
            return builder.atomic_rmw("add", place, args[2], "seq_cst")

        return types.int64(counters, types.intp, types.int64), codegen

    _yield_processor = types.ExternalFunction("sched_yield", types.int32())

    @jit
    def wait_for_all(barrier: np.ndarray, n_workers: int) -> None:
        """Return once all workers have come here; ``barrier`` is two int64 counters, 0 at first.

        Waiting spins, since a step is short, and after a while hands the processor to others, so
        that a busy machine is not kept from doing the very work that is waited for.
        """
        if n_workers == 1:
            return
        round_before = _fetch_add(barrier, 1, 0)
        if _fetch_add(barrier, 0, 1) == n_workers - 1:
            _fetch_add(barrier, 0, -n_workers)
            _fetch_add(barrier, 1, 1)
            return
        spins = 0
        while _fetch_add(barrier, 1, 0) == round_before:
            spins += 1
            if spins > 200:
                _yield_processor()

else:

    def wait_for_all(barrier: np.ndarray, n_workers: int) -> None:
        """Return at once: interpreted kernels run in one thread."""


@contextmanager
def compiling(dtype: np.dtype) -> Iterator[None]:
    """Say so, once and in one line, when what follows has to compile the kernels first."""
    mark = CACHE_FOLDER / f"compiled-{dtype}"
    if not COMPILED or dtype in _compiled or mark.exists():
        yield
        return
    print(
        f"retrograd: compiling its kernels for {dtype}, once on this machine; some seconds ...",
        file=sys.stderr,
        flush=True,
    )
    yield
    _compiled.add(dtype)
    with suppress(OSError):
        mark.touch()


_compiled: set[np.dtype] = set()
