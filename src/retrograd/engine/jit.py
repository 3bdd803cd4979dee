"""The one decorator that compiles, and where the machine code is kept.

Under ``NUMBA_DISABLE_JIT=1`` kernels are plain Python and can be walked through with an ordinary
debugger.
"""

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path

import numba
import numpy as np

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


def jit(function: Callable | None = None, *, inline: bool = True) -> Callable:
    """Compile a kernel: no Python inside, no lock held.

    - No fast-math flag: ``isnan`` stays honest, sums keep their order, and the interpreted kernel
      gives the same numbers.
    - No reference counting (``_nrt``), which costs a tiny network ten times its arithmetic. It
      also makes the compiler refuse any kernel that allocates.
    - Inlined into its caller, since a call costs more than a tiny layer does. ``inline=False`` is
      for the large kernels: compiling those anew into every caller takes seconds. Their machine
      code is kept on disk; that of the inlined ones is part of it.
    """
    if function is None:
        return partial(jit, inline=inline)
    dispatcher = numba.njit(nogil=True, error_model="numpy", forceinline=inline, _nrt=False)(
        function
    )
    if COMPILED and not inline:
        configured = numba.config.CACHE_DIR
        numba.config.CACHE_DIR = str(CACHE_FOLDER)
        try:
            dispatcher.enable_caching()
        except RuntimeError:
            pass  # No place on this machine can be written to: it compiles anew in every process.
        finally:
            numba.config.CACHE_DIR = configured
    return dispatcher


_compiled: set[tuple[str, np.dtype]] = set()
_NOTHING_TO_SAY = nullcontext()


def compiling(kernel: str, dtype: np.dtype) -> AbstractContextManager[None]:
    """Say so, once and in one line, when what follows has to compile the kernels first."""
    if (kernel, dtype) in _compiled or not COMPILED:
        return _NOTHING_TO_SAY
    return _first_use(kernel, dtype)


@contextmanager
def _first_use(kernel: str, dtype: np.dtype) -> Iterator[None]:
    mark = CACHE_FOLDER / f"compiled-{kernel}-{dtype}"
    if mark.exists():
        _compiled.add((kernel, dtype))
        yield
        return
    print(
        f"retrograd: compiling {kernel!r} for {dtype}, once on this machine; some seconds ...",
        file=sys.stderr,
        flush=True,
    )
    yield
    _compiled.add((kernel, dtype))
    with suppress(OSError):
        mark.touch()
