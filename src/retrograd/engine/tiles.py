"""The two innermost loops, in vectors: a tile of a matrix product, a block turned about.

Numba's own loops keep a product's sums in memory. Here a tile of them, up to 24 vectors, stays in
the processor's registers while all of its terms are added, as every fast BLAS does it. Each sum
adds its terms one after another, each a fused multiplication and addition where the processor has
that: the bits depend neither on the tile's shape nor on the vectors' width.
"""

import platform
from contextlib import contextmanager

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from retrograd.engine.native import VECTOR_BYTES
from retrograd.engine.views import data_of, lengths_of

# Rows of a tile that is 1, 2, ... vectors wide: as many as there are registers for their sums.
MANY_REGISTERS = VECTOR_BYTES == 64 or platform.machine().lower() in ("aarch64", "arm64")
TILE_ROWS = (12, 12, 8, 6) if MANY_REGISTERS else (12, 6)
# Whether to load only some lanes is as fast as all of them.
FREE_MASKS = VECTOR_BYTES == 64
# Rows of a that a tile finds from one pointer: there are registers for so many distances.
NEAR_ROWS = 6
# Of a sum that is spread over lanes the bits depend on their number: the same on every machine.
DOT_LANES_BYTES = 64
INT, INDEX = ir.IntType(32), ir.IntType(64)
# What a tile asks for ahead, if anything.
NOTHING, ROWS_OF_B, ROWS_OF_A = range(3)


class _Lanes:
    """The vectors of one dtype, and what can be done with them."""

    def __init__(self, context, builder, dtype, n_bytes=VECTOR_BYTES):
        self.builder = builder
        self.itemsize = dtype.bitwidth // 8
        self.n = n_bytes // self.itemsize
        self.type = ir.VectorType(context.get_data_type(dtype), self.n)
        self.suffix = f"v{self.n}f{dtype.bitwidth}"
        self.zero = ir.Constant(self.type, [0.0] * self.n)
        self.undefined = ir.Constant(self.type, ir.Undefined)

    def _function(self, name, result, arguments):
        kind = ir.FunctionType(result, arguments)
        return cgutils.get_or_insert_function(self.builder.module, kind, name)

    def place(self, pointer, offset):
        """Pointer to the vector that begins so many numbers after a pointer to a number."""
        return self.builder.bitcast(self.builder.gep(pointer, [offset]), self.type.as_pointer())

    def offsets(self, n_vectors, n_columns):
        """Where vectors begin that have all columns: the last one with the last column.

        So it may overlap the one before it. That costs nothing, while to load only some lanes of it
        takes the processor's place for a multiplication.
        """
        offsets = [INDEX(v * self.n) for v in range(n_vectors)]
        if n_vectors > 1:
            offsets[-1] = self.builder.sub(n_columns, INDEX(self.n))
        return offsets

    def mask(self, n_columns):
        """Which lanes are among the first n_columns."""
        numbers = ir.VectorType(INT, self.n)
        limit = self._spread(self.builder.trunc(n_columns, INT), ir.Constant(numbers, ir.Undefined))
        return self.builder.icmp_signed("<", ir.Constant(numbers, list(range(self.n))), limit)

    def spread(self, number):
        """One number in all lanes."""
        return self._spread(number, self.undefined)

    def _spread(self, number, undefined):
        first = self.builder.insert_element(undefined, number, INT(0))
        everywhere = ir.Constant(ir.VectorType(INT, self.n), [0] * self.n)
        return self.builder.shuffle_vector(first, undefined, everywhere)

    def load(self, pointer, mask=None):
        """Load a vector; lanes that the mask leaves out are 0 and not touched."""
        if mask is None:
            value = self.builder.load(pointer)
            value.align = self.itemsize
            return value
        arguments = [pointer, INT(self.itemsize), mask, self.zero]
        function = self._function(
            f"llvm.masked.load.{self.suffix}.p0", self.type, [a.type for a in arguments]
        )
        return self.builder.call(function, arguments)

    def store(self, value, pointer, mask=None):
        """Store a vector, of it only the lanes that the mask has."""
        if mask is None:
            self.builder.store(value, pointer).align = self.itemsize
            return
        arguments = [value, pointer, INT(self.itemsize), mask]
        function = self._function(
            f"llvm.masked.store.{self.suffix}.p0", ir.VoidType(), [a.type for a in arguments]
        )
        self.builder.call(function, arguments)

    def total(self, value):
        """Sum of all lanes: the upper half is added to the lower half until one is left."""
        n = self.n
        while n > 1:
            n //= 2
            lower, upper = (
                self.builder.shuffle_vector(
                    value,
                    ir.Constant(value.type, ir.Undefined),
                    ir.Constant(ir.VectorType(INT, n), list(range(start, start + n))),
                )
                for start in (0, n)
            )
            value = self.builder.fadd(lower, upper)
        return self.builder.extract_element(value, INT(0))

    def prefetch(self, pointer):
        """Have a line of memory come to the outer cache; at a wrong address nothing happens."""
        line = self.builder.bitcast(pointer, ir.IntType(8).as_pointer())
        to_read, outer, of_data = INT(0), INT(2), INT(1)
        arguments = [line, to_read, outer, of_data]
        function = self._function("llvm.prefetch.p0", ir.VoidType(), [a.type for a in arguments])
        self.builder.call(function, arguments)

    def multiply_add(self, a, b, total):
        """Return a b + total, rounded once where the processor can."""
        function = self._function(f"llvm.fmuladd.{self.suffix}", self.type, [self.type] * 3)
        return self.builder.call(function, [a, b, total])


@contextmanager
def _whole_steps(builder, counter, step, end):
    """While counter + step <= end: yield the counter, then move it on by step."""
    test, body, after = (builder.append_basic_block() for _ in range(3))
    builder.branch(test)
    builder.position_at_end(test)
    value = builder.load(counter)
    next_value = builder.add(value, INDEX(step))
    builder.cbranch(builder.icmp_signed("<=", next_value, end), body, after)
    builder.position_at_end(body)
    yield value
    builder.store(next_value, counter)
    builder.branch(test)
    builder.position_at_end(after)


class _Matrices:
    """The operands of a product: c[r, o] = start[r, o] + sum over k < n_k of a[r, k] b[k, o]."""

    def __init__(
        self, a, a_row, a_column, n_k, b, b_size, b_row, starts, start, start_row, c, c_row,
        onward, a_next,
    ):  # fmt: skip
        self.a, self.a_row, self.a_column, self.n_k = a, a_row, a_column, n_k
        # What stands in memory from b on, all of its array, are b_size numbers.
        self.b, self.b_size, self.b_row = b, b_size, b_row
        self.starts, self.start, self.start_row = starts, start, start_row
        self.c, self.c_row = c, c_row
        self.onward, self.a_next = onward, a_next


def _has_entries(builder, vector):
    (size,) = lengths_of(builder, vector)
    return builder.icmp_signed(">", size, INDEX(0))


def _terms(builder, lanes, m, k, offsets, mask):
    """Load row k of b, a vector from each offset on; of a masked one only some lanes count."""
    at = builder.mul(k, m.b_row)
    places = [lanes.place(builder.gep(m.b, [at]), offset) for offset in offsets]
    if mask is None:
        return [lanes.load(place) for place in places]
    [place] = places
    if FREE_MASKS:
        return [lanes.load(place, mask)]
    # What lanes hold that are not stored is all the same: they may read on in the array's next row.
    last = builder.sub(m.b_size, INDEX(lanes.n))
    term = cgutils.alloca_once(builder, lanes.type)
    with builder.if_else(builder.icmp_signed("<=", at, last), likely=True) as (then, otherwise):
        with then:
            builder.store(lanes.load(place), term)
        with otherwise:
            builder.store(lanes.load(place, mask), term)
    return [builder.load(term)]


def _in_register(builder, number):
    """The same number, of which the compiler knows nothing but that it is in a register.

    What it knows to be multiples of a distance it adds up anew for every term, a chain of sums that
    takes the processor's place for multiplications.
    """
    nothing = ir.InlineAsm(ir.FunctionType(number.type, [number.type]), "", "=r,0")
    return builder.call(nothing, [number])


def _tile(builder, lanes, m, first_row, n_rows, offsets, mask, onward):
    """Emit the tile of n_rows rows from ``first_row`` on, with a vector from each offset on.

    A mask is for a tile that is less than a vector wide. With ``onward`` it asks for what comes
    next: of the rows of b that follow these for one vector each, since the next tile asks for the
    next; or of ``a_next`` for as much as it reads of a.
    """
    places = [(r, v) for r in range(n_rows) for v in range(len(offsets))]
    sums = {place: cgutils.alloca_once(builder, lanes.type) for place in places}

    def row_of(first, distance, r):
        row = builder.add(first_row, INDEX(r))
        return builder.gep(first, [builder.mul(distance, row)])

    a_first = row_of(m.a, m.a_row, 0)
    others = range(1, min(n_rows, NEAR_ROWS + 1))
    apart = [_in_register(builder, builder.mul(m.a_row, INDEX(r))) for r in others]
    distances = [INDEX(0), *apart]
    c_rows = [row_of(m.c, m.c_row, r) for r in range(n_rows)]
    start_rows = [row_of(m.start, m.start_row, r) for r in range(n_rows)]
    if onward:
        number = builder.udiv(first_row, INDEX(n_rows))
        vector = builder.urem(number, INDEX(len(offsets)))
        b_next = builder.gep(m.b, [builder.mul(m.n_k, m.b_row)])
        b_next = builder.gep(b_next, [builder.mul(vector, INDEX(lanes.n))])
        a_next = builder.gep(m.a_next, [builder.mul(first_row, m.n_k)])
        of_b = builder.icmp_signed("==", m.onward, ir.Constant(m.onward.type, ROWS_OF_B))
        ahead = builder.select(of_b, b_next, a_next)
        ahead_step = builder.select(of_b, m.b_row, INDEX(n_rows))
    with builder.if_else(m.starts) as (then, otherwise):
        with then:
            for r, v in places:
                start = lanes.load(lanes.place(start_rows[r], offsets[v]), mask)
                builder.store(start, sums[r, v])
        with otherwise:
            for place in places:
                builder.store(lanes.zero, sums[place])
    with cgutils.for_range(builder, m.n_k) as loop:
        if onward:
            lanes.prefetch(builder.gep(ahead, [builder.mul(loop.index, ahead_step)]))
        terms = _terms(builder, lanes, m, loop.index, offsets, mask)
        near = builder.gep(a_first, [builder.mul(loop.index, m.a_column)])
        for r in range(n_rows):
            if r == NEAR_ROWS:
                near = builder.gep(near, [distances[NEAR_ROWS]])
            place = builder.gep(near, [distances[r % NEAR_ROWS]])
            factor = lanes.spread(builder.load(place))
            for v, term in enumerate(terms):
                total = lanes.multiply_add(factor, term, builder.load(sums[r, v]))
                builder.store(total, sums[r, v])
    for r, v in places:
        lanes.store(builder.load(sums[r, v]), lanes.place(c_rows[r], offsets[v]), mask)


@intrinsic
def tile_column(
    typing_context, a, a_at, a_row, a_column, n_k, b, b_at, b_row, start, start_row, c, left,
    n_columns, onward, a_next
):  # fmt: skip
    """c[r, o] = start[r, o] + sum over k < n_k of a[r, k] b[k, o], for all r.

    Of the columns o there are n_columns from ``left`` on, no more than ``TILE_ROWS`` has vectors
    for. Of a and b it is told where in the array their first entry stands and how far apart their
    rows are, of a also the columns; of ``start`` how far apart the rows are. Without entries in it
    the sums start from 0. ``onward`` says what will be needed next, so that it is loaded meanwhile:
    ``ROWS_OF_B`` those that follow these, ``ROWS_OF_A`` what stands from ``a_next`` on.
    """

    def codegen(context, builder, signature, args):
        lanes = _Lanes(context, builder, c.dtype)
        a_, a_at, a_row, a_column, n_k, b_, b_at, b_row, start_, start_row, c_ = args[:11]
        left, n_columns, onward, a_next = args[11:]
        n_rows, c_row = lengths_of(builder, c_)
        matrices = _Matrices(
            data_of(builder, a_, a_at), a_row, a_column, n_k,
            data_of(builder, b_, b_at), builder.sub(lengths_of(builder, b_)[0], b_at), b_row,
            _has_entries(builder, start_), data_of(builder, start_, left), start_row,
            data_of(builder, c_, left), c_row, onward, data_of(builder, a_, a_next),
        )  # fmt: skip
        row = cgutils.alloca_once(builder, INDEX)

        def tiles(heights, offsets, mask=None, onward=False):
            for height in heights:
                with _whole_steps(builder, row, height, n_rows) as first:
                    _tile(builder, lanes, matrices, first, height, offsets, mask, onward)

        builder.store(INDEX(0), row)
        n_vectors = builder.sdiv(builder.add(n_columns, INDEX(lanes.n - 1)), INDEX(lanes.n))
        are_few = builder.icmp_signed("<", n_columns, INDEX(lanes.n))
        with builder.if_else(are_few) as (then, otherwise):
            with then:
                tiles((TILE_ROWS[0], 2, 1), [INDEX(0)], lanes.mask(n_columns))
            with otherwise:
                for n, tile_rows in enumerate(TILE_ROWS, start=1):
                    with builder.if_then(builder.icmp_signed("==", n_vectors, INDEX(n))):
                        offsets = lanes.offsets(n, n_columns)
                        if n == len(TILE_ROWS):
                            with builder.if_then(cgutils.is_true(builder, onward)):
                                tiles((tile_rows,), offsets, onward=True)
                        tiles((tile_rows, 2, 1), offsets)
        return context.get_dummy_value()

    place = types.intp
    return types.none(
        a, place, place, place, place, b, place, place, start, place, c, place, place, place, place
    ), codegen


@intrinsic
def row_dots(typing_context, a, b, start, start_row, c):
    """c[r] = start[r] + sum over k of a[r, k] b[k], for a matrix and vectors; see ``tile_column``.

    A single column would leave all lanes but one idle. So each lane sums up its own terms, those
    ``lanes`` apart, and the lanes are added in pairs, pairs of pairs, and so on.
    """

    def codegen(context, builder, signature, args):
        lanes = _Lanes(context, builder, c.dtype, DOT_LANES_BYTES)
        n_rows, n_k = lengths_of(builder, args[0])
        first = INDEX(0)
        a_first = data_of(builder, args[0], first)
        b_first = data_of(builder, args[1], first)
        start_first, start_row = data_of(builder, args[2], first), args[3]
        starts, c_first = _has_entries(builder, args[2]), data_of(builder, args[4], first)
        whole = builder.and_(n_k, INDEX(-lanes.n))
        n_left = builder.sub(n_k, whole)
        row = cgutils.alloca_once_value(builder, first)
        for height in (4, 1):
            sums = [cgutils.alloca_once(builder, lanes.type) for _ in range(height)]
            with _whole_steps(builder, row, height, n_rows) as r:
                a_rows = []
                for i, lane_sums in enumerate(sums):
                    builder.store(lanes.zero, lane_sums)
                    row_start = builder.mul(n_k, builder.add(r, INDEX(i)))
                    a_rows.append(builder.gep(a_first, [row_start]))

                def add_terms(k, mask, a_rows=a_rows, sums=sums):
                    factor = lanes.load(lanes.place(builder.gep(b_first, [k]), first), mask)
                    for a_row, lane_sums in zip(a_rows, sums, strict=True):
                        terms = lanes.load(lanes.place(builder.gep(a_row, [k]), first), mask)
                        total = lanes.multiply_add(terms, factor, builder.load(lane_sums))
                        builder.store(total, lane_sums)

                k = cgutils.alloca_once_value(builder, first)
                builder.store(first, k)
                with _whole_steps(builder, k, lanes.n, whole) as start:
                    add_terms(start, None)
                with builder.if_then(cgutils.is_true(builder, n_left)):
                    add_terms(whole, lanes.mask(n_left))
                for i, lane_sums in enumerate(sums):
                    number = builder.add(r, INDEX(i))
                    place = builder.gep(c_first, [number])
                    before = cgutils.alloca_once(builder, lanes.type.element)
                    builder.store(ir.Constant(lanes.type.element, 0.0), before)
                    with builder.if_then(starts):
                        begin = builder.gep(start_first, [builder.mul(number, start_row)])
                        builder.store(builder.load(begin), before)
                    total = lanes.total(builder.load(lane_sums))
                    builder.store(builder.fadd(builder.load(before), total), place)
        return context.get_dummy_value()

    return types.none(a, b, start, types.intp, c), codegen


@intrinsic
def turn_block(typing_context, source, source_at, source_row, target, target_at, target_row):
    """target[o, i] = source[i, o] for one square block, a vector's lanes wide and high.

    Lanes are exchanged between rows 1, 2, 4, ... apart: each exchange turns all blocks of two
    blocks by two, so that in the end every entry has changed sides.
    Source: Eklundh, A fast computer method for matrix transposing (1972).
    """

    def codegen(context, builder, signature, args):
        lanes = _Lanes(context, builder, target.dtype)
        first = data_of(builder, args[0], args[1])
        rows = []
        for r in range(lanes.n):
            start = builder.gep(first, [builder.mul(args[2], INDEX(r))])
            rows.append(lanes.load(lanes.place(start, INDEX(0))))
        apart = 1
        while apart < lanes.n:
            for r in range(lanes.n):
                if r & apart:
                    continue
                upper, lower = rows[r], rows[r + apart]
                left = [c if not c & apart else lanes.n + c - apart for c in range(lanes.n)]
                right = [c + apart if not c & apart else lanes.n + c for c in range(lanes.n)]
                for place, chosen in ((r, left), (r + apart, right)):
                    order = ir.Constant(ir.VectorType(INT, lanes.n), chosen)
                    rows[place] = builder.shuffle_vector(upper, lower, order)
            apart *= 2
        first = data_of(builder, args[3], args[4])
        for r in range(lanes.n):
            start = builder.gep(first, [builder.mul(args[5], INDEX(r))])
            lanes.store(rows[r], lanes.place(start, INDEX(0)))
        return context.get_dummy_value()

    place = types.intp
    return types.none(source, place, place, target, place, place), codegen
