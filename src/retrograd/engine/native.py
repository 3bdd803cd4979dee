"""What the kernels need beyond loops: views without cost, the BLAS product, a meeting point.

Each stands here twice, compiled and interpreted, with the same meaning.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

from retrograd.engine.jit import COMPILED, jit

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

    def product(
        a: np.ndarray, turn_a: bool, b: np.ndarray, turn_b: bool, out: np.ndarray, add: bool
    ) -> None:
        """Out = a b, or out += a b with ``add``; a, b transposed where their ``turn`` says so."""
        result = np.dot(a.T if turn_a else a, b.T if turn_b else b)
        if add:
            result += out
        out[:] = result

    def wait_for_all(barrier: np.ndarray, n_workers: int) -> None:
        """Return at once: interpreted kernels run in one thread."""

else:

    def _view(context, builder, signature, flat, start, shape):
        """Build an array that looks at ``flat`` from ``start`` on and owns nothing."""
        array_type = signature.args[0]
        source = make_array(array_type)(context, builder, flat)
        result = make_array(signature.return_type)(context, builder)
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

    @intrinsic
    def product(typing_context, a, turn_a, b, turn_b, out, add):
        """Out = a b, or out += a b with ``add``; a, b transposed where their ``turn`` says so.

        The BLAS is SciPy's, through the function that Numba's own ``np.dot`` calls. BLAS counts
        in columns: a row-major matrix is to it the transposed one, so b comes first.
        """

        def codegen(context, builder, signature, args):
            arrays = [make_array(signature.args[i])(context, builder, args[i]) for i in (0, 2, 4)]
            shapes = [cgutils.unpack_tuple(builder, array.shape, 2) for array in arrays]
            number = context.get_data_type(signature.args[4].dtype)
            char, size = ir.IntType(8), context.get_data_type(types.intp)
            pointer = cgutils.voidptr_t

            def flag(turned):
                return builder.select(
                    cgutils.is_true(builder, turned), char(ord("t")), char(ord("n"))
                )

            def slot(value):
                return builder.bitcast(cgutils.alloca_once_value(builder, value), pointer)

            one, zero = ir.Constant(number, 1.0), ir.Constant(number, 0.0)
            beta = builder.select(cgutils.is_true(builder, args[5]), one, zero)
            inner = builder.select(cgutils.is_true(builder, args[1]), shapes[0][0], shapes[0][1])
            data = [builder.bitcast(array.data, pointer) for array in arrays]
            function = cgutils.get_or_insert_function(
                builder.module,
                ir.FunctionType(
                    ir.IntType(32),
                    [char] * 3 + [size] * 3 + [pointer, pointer, size, pointer, size]
                    + [pointer, pointer, size],
                ),
                "numba_xxgemm",
            )  # fmt: skip
            kind = char(ord("d" if signature.args[4].dtype == types.float64 else "s"))
            builder.call(
                function,
                [
                    kind, flag(args[3]), flag(args[1]), shapes[2][1], shapes[2][0], inner,
                    slot(one), data[1], shapes[1][1], data[0], shapes[0][1],
                    slot(beta), data[2], shapes[2][1],
                ],
            )  # fmt: skip
            return context.get_dummy_value()

        yes_no = types.boolean
        return types.none(a, yes_no, b, yes_no, out, yes_no), codegen

    @intrinsic
    def _fetch_add(typing_context, counters, index, amount):
        """Add to ``counters[index]`` in one indivisible step and return what was there before."""

        def codegen(context, builder, signature, args):
            array = make_array(signature.args[0])(context, builder, args[0])
            place = builder.gep(array.data, [args[1]])
            return builder.atomic_rmw("add", place, args[2], "seq_cst")

        return types.int64(counters, types.intp, types.int64), codegen

    _yield_processor = types.ExternalFunction("sched_yield", types.int32())

    @jit
    def wait_for_all(barrier: np.ndarray, n_workers: int) -> None:
        """Return once all workers have come here, or one has given up (see ``make_barrier``).

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
        while _fetch_add(barrier, 1, 0) == round_before and _fetch_add(barrier, 2, 0) == 0:
            spins += 1
            if spins > 2000:
                _yield_processor()
