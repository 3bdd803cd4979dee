"""Machine code on disk and how it is made: only under its digest, and with any Numba."""

import errno
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numba
import pytest

from retrograd.engine import jit
from retrograd.engine.native import sleeping

pytestmark = pytest.mark.compiled


def run(program: str, **environment: str) -> str:
    """What a program prints in a process of its own."""
    known = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**known, **environment}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def test_nothing_is_kept_where_the_digest_is_not(tmp_path: Path) -> None:
    """Numba would take the package's own folder, and look at the entry's file alone."""
    (tmp_path / "file").touch()
    program = "from retrograd.engine.kernels import steps; print(steps.train.stats.cache_path)"
    assert run(program, XDG_CACHE_HOME=str(tmp_path / "file")) == "None"
    assert run(program, XDG_CACHE_HOME=str(tmp_path)).startswith(str(tmp_path))


def test_every_processor_python_and_installation_has_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A home may be seen by several, and each is told when its kernels are compiled."""
    folders = {jit._cache_folder()}
    monkeypatch.setattr(numba.config, "CPU_NAME", "generic")
    folders.add(jit._cache_folder())
    monkeypatch.setattr(numba.config, "CPU_FEATURES", "+sse,+sse2")
    folders.add(jit._cache_folder())
    monkeypatch.setattr(sys.implementation, "cache_tag", "cpython-999")
    folders.add(jit._cache_folder())
    assert len(folders) == 4
    elsewhere = tmp_path / "retrograd" / "engine"
    shutil.copytree(Path(jit.__file__).parent, elsewhere)
    monkeypatch.setattr(jit, "__file__", str(elsewhere / "jit.py"))
    folders.add(jit._cache_folder())
    os.utime(elsewhere / "trainer.py")
    folders.add(jit._cache_folder())
    assert len(folders) == 6
    assert len({folder.parent for folder in folders}) == 1


def test_a_numba_with_another_inside(tmp_path: Path) -> None:
    """Parts are then compiled as all else is, and compute the same.

    And whoever compiles clears away what other versions have left months ago, but nothing else.
    """
    for name in ("kernels-old", "kernels-new", "others-old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "kept").touch()
        if name.endswith("old"):
            os.utime(tmp_path / name, (1e9, 1e9))
    program = """
import sys
import numpy as np
if sys.argv[1:] == ["another"]:
    import numba.core.codegen
    del numba.core.codegen.JITCodeLibrary
from retrograd.engine import parts
from retrograd.engine.network import Network
from retrograd.engine.prediction import Predictor
network = Network((3, 40, 2), ("tanh",), "softmax", "log_loss")
rows = np.linspace(-1.0, 1.0, 15).reshape(5, 3)
print(Predictor(network, np.linspace(-2.0, 2.0, network.n_parameters))(rows)[0].tobytes().hex())
print(parts.PartCompiler.__module__, file=sys.stderr)
"""
    same = program.replace("sys.argv[1:]", '["another"]')
    assert run(same, NUMBA_CACHE_DIR=str(tmp_path)) == run(program)
    (fresh,) = {path.name for path in tmp_path.iterdir()} - {"kernels-new", "others-old"}
    assert (tmp_path / fresh / "compiled-predict-float64").exists()
    assert (tmp_path / "kernels-new" / "kept").exists()
    assert (tmp_path / "others-old" / "kept").exists()


def test_loading_needs_no_compiler() -> None:
    """Kernels that are on disk compute the same, and what has to be compiled then still can be."""
    program = """
import sys
import numba
import numpy as np
from retrograd.engine.network import Network
from retrograd.engine.prediction import Predictor
network = Network((3, 40, 2), ("tanh",), "softmax", "log_loss")
rows = np.linspace(-1.0, 1.0, 15).reshape(5, 3)
print(Predictor(network, np.linspace(-2.0, 2.0, network.n_parameters))(rows)[0].tobytes().hex())
print("numba.cpython.listobj" in sys.modules, numba.njit(lambda x: [np.sqrt(x)][0])(2.25))
"""
    first, again = run(program).splitlines(), run(program).splitlines()
    assert again[0] == first[0]
    assert again[1] == "False 1.5"


def test_a_processor_that_nobody_knows() -> None:
    """LLVM cannot say what some processors can do; Numba then compiles for any of their kind."""
    program = """
from llvmlite import binding
binding.get_host_cpu_features = lambda: (_ for _ in ()).throw(RuntimeError("unknown"))
from retrograd.engine.native import VECTOR_BYTES
print(VECTOR_BYTES)
"""
    assert run(program) == "16"


def test_vectors_that_the_user_has_forbidden() -> None:
    program = "from retrograd.engine.native import VECTOR_BYTES; print(VECTOR_BYTES)"
    assert run(program, NUMBA_ENABLE_AVX="0") == "16"


def test_every_system_has_a_function_to_sleep() -> None:
    assert sleeping("linux") == sleeping("darwin") == ("usleep", 50)
    assert sleeping("win32") == ("Sleep", 0)


class Damaged:
    """A kernel's cache whose files were cut off."""

    def __init__(self, folder):
        self._cache_file = SimpleNamespace(_index_path=folder / "one.nbi")
        self._cache_file._index_path.write_bytes(b"")

    def _load_overload(self, signature, context):
        return pickle.loads(self._cache_file._index_path.read_bytes())


def test_a_damaged_kernel_is_compiled_anew(tmp_path, capfd):
    """It is said, and what is damaged is not read again."""
    kept = Damaged(tmp_path)
    assert jit._load(kept, None, None) is None
    assert os.listdir(tmp_path) == []
    said = capfd.readouterr().err
    assert said == (
        "retrograd: a kept kernel is damaged (Ran out of input): compiling anew, some seconds ...\n"
    )


def test_a_kernel_that_cannot_be_read_now(tmp_path, capfd):
    """As while another process writes it: that is no damage, and nothing is thrown away."""
    kept = Damaged(tmp_path)

    def held(signature, context):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    kept._load_overload = held
    assert jit._load(kept, None, None) is None
    assert os.listdir(tmp_path) == ["one.nbi"]
    assert capfd.readouterr().err == ""


def test_a_kernel_that_cannot_be_kept(capfd):
    """It is used all the same, and said."""

    def full(signature, compiled):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    jit._save(full, None, None)
    assert f"({os.strerror(errno.ENOSPC)})" in capfd.readouterr().err
