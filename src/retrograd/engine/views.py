"""Views: how the kernels see arrays, a pointer and the lengths of one or two dimensions.

Numba's own arrays carry seven to nine numbers each, for strides, owners and slices that no kernel
has a use for, and to hand forty of them from one small function to the next would keep the compiler
busy for seconds. A view has two numbers, or three; it is row-major, owns nothing, and is valid
while what it looks at is. As with arrays in compiled code, nobody checks an index.

What the interpreted kernels need of it stands here twice, with the same meaning.
"""

import operator

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typeconv import Conversion
from numba.core.typing.templates import (
    AbstractTemplate,
    AttributeTemplate,
    infer_getattr,
    infer_global,
    signature,
)
from numba.extending import (
    intrinsic,
    lower_builtin,
    lower_cast,
    lower_getattr,
    models,
    register_model,
)

from retrograd.engine.jit import COMPILED

INDEX = ir.IntType(64)


class View(types.Type):
    """The compiler's type of a view."""

    def __init__(self, dtype: types.Type, ndim: int, mutable: bool) -> None:
        self.dtype, self.ndim, self.mutable = dtype, ndim, mutable
        kind = "View" if mutable else "ReadOnlyView"
        super().__init__(f"{kind}({dtype}, {ndim})")

    def unify(self, typing_context, other):
        """Return the type of what is sometimes this, sometimes the other: read-only if one is."""
        if isinstance(other, View) and (other.dtype, other.ndim) == (self.dtype, self.ndim):
            return View(self.dtype, self.ndim, self.mutable and other.mutable)
        return None

    def can_convert_to(self, typing_context, other):
        """Return at what cost: none, for one that may be read only."""
        if self.unify(typing_context, other) == other:
            return Conversion.safe
        return None


def data_of(builder: ir.IRBuilder, view: ir.Value, start: ir.Value) -> ir.Value:
    """Pointer to a view's entry ``start``, counted through all rows."""
    return builder.gep(builder.extract_value(view, 0), [start])


def lengths_of(builder: ir.IRBuilder, view: ir.Value) -> list[ir.Value]:
    """Lengths of a view's dimensions."""
    n_members = len(view.type.elements)
    return [builder.extract_value(view, i) for i in range(1, n_members)]


def make_view(builder: ir.IRBuilder, data: ir.Value, lengths: list[ir.Value]) -> ir.Value:
    """Put a view together."""
    return cgutils.pack_struct(builder, [data, *lengths])


@register_model(View)
class _Model(models.StructModel):
    def __init__(self, manager, view):
        lengths = [(f"length_{i}", types.intp) for i in range(view.ndim)]
        super().__init__(manager, view, [("data", types.CPointer(view.dtype)), *lengths])


@lower_cast(View, View)
def _cast(context, builder, from_type, to_type, view):
    return view


# What kernels do with them: x.size, x.shape, x.dtype, x.itemsize, x[i], x[r, o], x[i] = number.


@infer_getattr
class _Attributes(AttributeTemplate):
    key = View

    def resolve_size(self, view):
        return types.intp

    def resolve_shape(self, view):
        return types.UniTuple(types.intp, view.ndim)

    def resolve_itemsize(self, view):
        return types.intp

    def resolve_dtype(self, view):
        return types.DType(view.dtype)


@lower_getattr(View, "size")
def _size(context, builder, view_type, view):
    lengths = lengths_of(builder, view)
    return lengths[0] if len(lengths) == 1 else builder.mul(*lengths)


@lower_getattr(View, "shape")
def _shape(context, builder, view_type, view):
    return cgutils.pack_array(builder, lengths_of(builder, view))


@lower_getattr(View, "itemsize")
def _itemsize(context, builder, view_type, view):
    return context.get_constant(types.intp, view_type.dtype.bitwidth // 8)


@lower_getattr(View, "dtype")
def _dtype(context, builder, view_type, view):
    return context.get_dummy_value()


def _place_type(view, index):
    """Type that an index of a view is taken as; None if it can't be one."""
    if view.ndim == 1 and isinstance(index, types.Integer):
        return types.intp
    if isinstance(index, types.BaseTuple) and view.ndim == len(index) == 2:
        return types.UniTuple(types.intp, 2)
    return None


@infer_global(operator.getitem)
class _Get(AbstractTemplate):
    def generic(self, args, kws):
        view, index = args
        if isinstance(view, View) and (place := _place_type(view, index)) is not None:
            return signature(view.dtype, view, place)
        return None


@infer_global(operator.setitem)
class _Set(AbstractTemplate):
    def generic(self, args, kws):
        view, index, _ = args
        if isinstance(view, View) and (place := _place_type(view, index)) is not None:
            if not view.mutable:
                raise TypeError(f"{view} can't be written to")
            return signature(types.none, view, place, view.dtype)
        return None


def _place(builder, view, index):
    """Pointer to the entry of an index, a number or two."""
    if isinstance(index.type, ir.ArrayType):
        r, o = cgutils.unpack_tuple(builder, index, 2)
        index = builder.add(builder.mul(r, lengths_of(builder, view)[1]), o)
    return data_of(builder, view, index)


@lower_builtin(operator.getitem, View, types.Any)
def _get(context, builder, signature, args):
    return builder.load(_place(builder, *args))


@lower_builtin(operator.setitem, View, types.Any, types.Any)
def _set(context, builder, signature, args):
    view, index, number = args
    builder.store(number, _place(builder, view, index))


def _place_at(builder, view, i):
    """Pointer to x[-1] and the like, the only negative indices there are: those in the code."""
    place = ir.Constant(INDEX, i)
    if i < 0:
        place = builder.add(lengths_of(builder, view)[0], place)
    return data_of(builder, view, place)


@lower_builtin("static_getitem", View, types.IntegerLiteral)
def _get_at(context, builder, signature, args):
    return builder.load(_place_at(builder, *args))


@lower_builtin("static_setitem", View, types.Integer, types.Any)
def _set_at(context, builder, signature, args):
    view, i, number = args
    builder.store(number, _place_at(builder, view, i))


if not COMPILED:

    def views(arrays):
        """See an array, or all those of a named tuple, as a view."""
        return arrays

    def vector(flat: np.ndarray, start: int, n: int) -> np.ndarray:
        """View n entries of ``flat`` from ``start`` on."""
        return flat.reshape(-1)[start : start + n]

    def matrix(flat: np.ndarray, start: int, n_rows: int, n_columns: int) -> np.ndarray:
        """View the entries of ``flat`` from ``start`` on as a matrix."""
        return flat.reshape(-1)[start : start + n_rows * n_columns].reshape(n_rows, n_columns)

    def row(rows: np.ndarray, r: int) -> np.ndarray:
        """View one row of a matrix."""
        return rows[r]

else:

    def _view_type(kind):
        """Type that something is seen as: an array as a view, a tuple as one of views."""
        if isinstance(kind, types.Array):
            if kind.layout != "C":
                raise TypeError(f"kernels take contiguous arrays, got {kind}")
            return View(kind.dtype, kind.ndim, kind.mutable)
        if isinstance(kind, (types.NamedTuple, types.NamedUniTuple)):
            return types.NamedTuple(
                [_view_type(field) for field in kind.types], kind.instance_class
            )
        return kind

    def _seen(context, builder, kind, value):
        """What has that type, seen so."""
        if isinstance(kind, types.Array):
            array = context.make_array(kind)(context, builder, value)
            lengths = cgutils.unpack_tuple(builder, array.shape, kind.ndim)
            return make_view(builder, array.data, lengths)
        if isinstance(kind, (types.NamedTuple, types.NamedUniTuple)):
            fields = cgutils.unpack_tuple(builder, value)
            pairs = zip(kind.types, fields, strict=True)
            seen = [_seen(context, builder, *pair) for pair in pairs]
            return context.make_tuple(builder, _view_type(kind), seen)
        return value

    @intrinsic
    def views(typing_context, arrays):
        """See an array, or all those of a named tuple, as a view."""

        def codegen(context, builder, signature, args):
            return _seen(context, builder, signature.args[0], args[0])

        return _view_type(arrays)(arrays), codegen

    @intrinsic
    def vector(typing_context, flat, start, n):
        """View n entries of ``flat`` from ``start`` on."""

        def codegen(context, builder, signature, args):
            return make_view(builder, data_of(builder, *args[:2]), [args[2]])

        return View(flat.dtype, 1, flat.mutable)(flat, types.intp, types.intp), codegen

    @intrinsic
    def matrix(typing_context, flat, start, n_rows, n_columns):
        """View the entries of ``flat`` from ``start`` on as a matrix."""

        def codegen(context, builder, signature, args):
            return make_view(builder, data_of(builder, *args[:2]), args[2:])

        place = types.intp
        return View(flat.dtype, 2, flat.mutable)(flat, place, place, place), codegen

    @intrinsic
    def row(typing_context, rows, r):
        """View one row of a matrix."""

        def codegen(context, builder, signature, args):
            _, n_columns = lengths_of(builder, args[0])
            data = data_of(builder, args[0], builder.mul(args[1], n_columns))
            return make_view(builder, data, [n_columns])

        return View(rows.dtype, 1, rows.mutable)(rows, types.intp), codegen

    @intrinsic(prefer_literal=True)
    def scratch(typing_context, like, n_bytes):
        """Room for so many bytes of ``like``'s numbers on the stack, until the function returns."""

        def codegen(context, builder, signature, args):
            size = n_bytes.literal_value // (like.dtype.bitwidth // 8)
            with builder.goto_entry_block():
                data = builder.alloca(context.get_data_type(like.dtype), size=size)
                data.align = 64
            return make_view(builder, data, [context.get_constant(types.intp, size)])

        return View(like.dtype, 1, True)(like, types.literal(n_bytes.literal_value)), codegen
