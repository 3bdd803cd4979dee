"""The one decorator that compiles, and where the machine code is kept.

Under ``NUMBA_DISABLE_JIT=1`` kernels are plain Python and can be walked through with an ordinary
debugger.
"""

import gc
import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cache, partial
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryFile
from types import FunctionType
from typing import Any

import numpy as np

from retrograd.engine.threads import interrupts_held


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep Python from looking for garbage: loading a compiler, and compiling, makes hardly any.

    What it makes is a million small objects, and looking through them again and again takes a
    fifth of the first fit's time. They then count as old: the next look at all there is finds those
    that are garbage.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            if not gc.get_freeze_count():  # what a user has frozen stays so
                gc.freeze()
                gc.unfreeze()
            gc.enable()


with collector_paused():
    import numba
    from llvmlite.binding import get_host_cpu_name
    from numba.core.codegen import get_host_cpu_features

    from retrograd.engine.parts import PartCompiler, for_all_constants

COMPILED = not numba.config.DISABLE_JIT


def _cache_folder() -> Path:
    """Where compiled kernels are kept: in the user's cache, under a digest of all that they are.

    Numba looks only at the file of the function it loads, not at those whose functions that one
    calls; the digest over all of maths/ and engine/ keeps stale machine code from ever running.
    Processors, Pythons and installations, of which one home may see several, have their own: Numba
    keeps them apart as well, by a file's place and time, but what is to be compiled is to be told.
    """
    package = Path(__file__).parents[1]
    config = numba.config
    features = get_host_cpu_features() if config.CPU_FEATURES is None else config.CPU_FEATURES
    made_for = (
        numba.__version__, sys.implementation.cache_tag,
        config.CPU_NAME or get_host_cpu_name(), features,
    )  # fmt: skip
    digest = hashlib.sha256("\n".join([*made_for, str(package)]).encode(errors="replace"))
    for room in ("maths", "engine"):
        for source in sorted((package / room).rglob("*.py")):
            digest.update(source.read_bytes() + str(source.stat().st_mtime_ns).encode())
    home = os.path.expanduser("~")
    if home == "~":  # there is none; and in this one nothing can be kept
        home = os.devnull
    base = os.environ.get("NUMBA_CACHE_DIR") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache"), "retrograd"
    )
    return Path(base) / f"kernels-{digest.hexdigest()[:16]}"


CACHE_FOLDER = _cache_folder()
# Seconds: three months.
FORGOTTEN_AFTER = 90 * 86400


def jit(function: Callable | None = None, *, entry: bool = False, inline: bool = True) -> Callable:
    """Compile a kernel: no Python inside, no lock held.

    - No fast-math flag: ``isnan`` stays honest, sums keep their order, and the interpreted kernel
      gives the same numbers.
    - No reference counting (``_nrt``), which costs a tiny network ten times its arithmetic. It
      also makes the compiler refuse any kernel that allocates.
    - What is inlined is compiled where it is called and nowhere else: to compile it by itself,
      and all that calls it around it once more, was most of the first fit's time. With
      ``inline=False`` there is one copy of it that is called: for what is large.
    - An ``entry`` is called from Python: its machine code is kept on disk.
    """
    if function is None:
        return partial(jit, entry=entry, inline=inline)
    if not COMPILED:
        return function
    if entry:
        return _keep_on_disk(numba.njit(no_cfunc_wrapper=True, **OPTIONS)(function))
    return for_all_constants(numba.njit(
        forceinline=inline, no_cpython_wrapper=True, no_cfunc_wrapper=True,
        pipeline_class=PartCompiler, **OPTIONS,
    )(function))  # fmt: skip


OPTIONS = {"nogil": True, "error_model": "numpy", "_nrt": False}


@cache
def formula(function: Callable) -> Callable:
    """Compile a formula of maths/, which knows no compiler, with those that it calls by name."""
    known = {name: function.__globals__.get(name) for name in function.__code__.co_names}
    called = {name: formula(f) for name, f in known.items() if isinstance(f, FunctionType)}
    twin = FunctionType(function.__code__, function.__globals__ | called, function.__name__)
    return jit(twin)


def _keep_on_disk(dispatcher: Callable) -> Callable:
    if not _can_be_written(CACHE_FOLDER):
        return dispatcher  # It compiles anew in every process.
    configured = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(CACHE_FOLDER)
    try:
        dispatcher.enable_caching()
    except RuntimeError:
        pass  # There is no source file to look at: the package is in an archive.
    finally:
        numba.config.CACHE_DIR = configured
    kept = dispatcher._cache
    if hasattr(kept, "_load_overload"):
        kept.load_overload = partial(_load, kept)
    kept.save_overload = partial(_save, kept.save_overload)
    return dispatcher


def _load(kept: Any, signature: Any, context: Any) -> Any:
    """Load a kernel, without all that Numba needs to compile one: a third of a new process's wait.

    Its own way first fills the tables of what it can compile, which it does again before it
    compiles. One that is damaged, as by a power cut, is compiled anew.
    """
    try:
        return kept._load_overload(signature, context)
    except MemoryError:
        raise
    except OSError:  # that it cannot be read now, as while another process writes it, is no damage
        return None
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        _say(f"a kept kernel is damaged ({reason[:100]}): compiling anew, some seconds ...")
        with suppress(OSError, AttributeError):
            # All of this function's kernels: what is to be kept next would read it again.
            Path(kept._cache_file._index_path).unlink(missing_ok=True)
        return None


def _save(save: Callable, signature: Any, compiled: Any) -> None:
    """Keep a kernel, or go on without."""
    try:
        save(signature, compiled)
    except OSError as error:
        _say(f"kernels cannot be kept in {CACHE_FOLDER} ({error.strerror})")


def _say(what: str) -> None:
    print(f"retrograd: {what}", file=sys.stderr, flush=True)


@cache
def _can_be_written(folder: Path) -> bool:
    """Whether files can be put there. Where not, Numba would take a folder without our digest."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


# Called whenever kernels begin to be compiled, and when they are.
on_compiling: list[Callable[[], None]] = []
_compiled: set[tuple[str, np.dtype]] = set()
_under_way: dict[tuple[str, np.dtype], object] = {}
_seconds_of_compiling: list[float] = []
_NOTHING_TO_SAY = nullcontext()


def compiling(kernel: str, dtype: np.dtype) -> AbstractContextManager[None]:
    """Say so, once and in one line, when what follows has to compile the kernels first."""
    if (kernel, dtype) in _compiled or not COMPILED:
        return _NOTHING_TO_SAY
    return _first_use(kernel, dtype)


def is_compiling() -> bool:
    """Whether kernels are being compiled now, in whichever thread."""
    return bool(_under_way)


def seconds_of_compiling() -> float:
    """Seconds that this process has waited for kernels to be compiled."""
    return sum(_seconds_of_compiling)


@contextmanager
def _first_use(kernel: str, dtype: np.dtype) -> Iterator[None]:
    mark = CACHE_FOLDER / f"compiled-{kernel}-{dtype}"
    # One that we may not even look at is not kept.
    is_kept = _can_be_written(CACHE_FOLDER) and mark.exists()
    # Ctrl-C amid the compiler's work would leave half a kernel, which every later call trips over.
    with nullcontext() if is_kept else _said(kernel, dtype), interrupts_held():
        begin = time.perf_counter()
        with collector_paused():
            yield
        _compiled.add((kernel, dtype))
        if not is_kept:
            _seconds_of_compiling.append(time.perf_counter() - begin)
            with suppress(OSError):
                mark.touch()
                _forget_old(CACHE_FOLDER.parent)


@contextmanager
def _said(kernel: str, dtype: np.dtype) -> Iterator[None]:
    """Say that kernels are compiled, and let those know who show it otherwise.

    Of several threads that wait for the same ones only the first does.
    """
    mine = object()
    if _under_way.setdefault((kernel, dtype), mine) is not mine:
        yield
        return
    how_often = (
        "once on this machine" if _can_be_written(CACHE_FOLDER) else
        "anew in each process, as kernels cannot be kept (NUMBA_CACHE_DIR may name a folder that "
        "can be written)"
    )  # fmt: skip
    _say(f"compiling {kernel!r} for {dtype}, {how_often}; some seconds ...")
    _tell()
    try:
        yield
    finally:
        del _under_way[kernel, dtype]
        _tell()


def _tell() -> None:
    for told in on_compiling:
        told()


def _forget_old(base: Path) -> None:
    """Remove the kernels of versions that nobody has compiled anything of for long."""
    for folder in base.glob("kernels-*"):
        if folder != CACHE_FOLDER and time.time() - folder.stat().st_mtime > FORGOTTEN_AFTER:
            rmtree(folder, ignore_errors=True)
