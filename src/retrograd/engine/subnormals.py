"""Numbers too small to be normal, which training takes for 0: processors are slow at them.

Of float64 these are smaller than 2.2e-308. What fades by a factor a step, as the moments and the
penalised weights of a dead unit do, comes there after some thousand steps and stays there, and
steps then take ten times as long. Processors have a mode that flushes such numbers to 0 (Intel's
Software Developer's Manual, volume 1, 10.2.3; Arm's Architecture Reference Manual, FPCR). It is a
thread's own, and the caller's must be as it was.
"""

import platform

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from retrograd.engine.jit import COMPILED

NAMES = {"amd64": "x86_64", "arm64": "aarch64"}
MACHINE = NAMES.get(platform.machine().lower(), platform.machine())
# Bits of the control register that flush results and operands: x86's has one for each.
FLUSH = {"x86_64": 0x8040, "aarch64": 1 << 24}.get(MACHINE, 0)

if not COMPILED:

    def flush_subnormals() -> int:
        """Do nothing: interpreted kernels compute as NumPy does."""
        return 0

    def restore_mode(mode: int) -> None:
        """Do nothing."""

else:
    MODE, WORD, NOTHING = ir.IntType(64), ir.IntType(32), ir.VoidType()
    BYTES = ir.IntType(8).as_pointer()

    @intrinsic
    def flush_subnormals(typing_context):
        """Have this thread take subnormal numbers for 0; return the mode that it was in."""

        def codegen(context, builder, signature, args):
            before = _read_mode(builder)
            _set_mode(builder, builder.or_(before, ir.Constant(MODE, FLUSH)))
            return before

        return types.uint64(), codegen

    @intrinsic
    def restore_mode(typing_context, mode):
        """Put this thread back into the mode that ``flush_subnormals`` found it in."""

        def codegen(context, builder, signature, args):
            _set_mode(builder, args[0])
            return context.get_dummy_value()

        return types.none(types.uint64), codegen

    def _read_mode(builder):
        """Read the control register; 0 on a machine of which we know none."""
        if MACHINE == "aarch64":
            return builder.call(_instruction(builder, "aarch64.get.fpcr", MODE), [])
        if MACHINE != "x86_64":
            return ir.Constant(MODE, 0)
        place = cgutils.alloca_once(builder, WORD)
        store = _instruction(builder, "x86.sse.stmxcsr", NOTHING, BYTES)
        builder.call(store, [builder.bitcast(place, BYTES)])
        return builder.zext(builder.load(place), MODE)

    def _set_mode(builder, mode):
        """Write it."""
        if MACHINE == "aarch64":
            builder.call(_instruction(builder, "aarch64.set.fpcr", NOTHING, MODE), [mode])
        elif MACHINE == "x86_64":
            place = cgutils.alloca_once_value(builder, builder.trunc(mode, WORD))
            load = _instruction(builder, "x86.sse.ldmxcsr", NOTHING, BYTES)
            builder.call(load, [builder.bitcast(place, BYTES)])

    def _instruction(builder, name, result, *arguments):
        """Declare one of LLVM's names for a single instruction."""
        return cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(result, arguments), f"llvm.{name}"
        )
