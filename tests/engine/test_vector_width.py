"""The bits do not depend on the width of the processor's vectors."""

from pathlib import Path

import numpy as np
import pytest
from llvmlite import binding

from bits import NETWORKS, python, trained
from retrograd.engine.native import VECTOR_BYTES

# A processor with vectors of 32 bytes.
NARROWER = (
    "avx,avx2,bmi,bmi2,cmov,cx16,f16c,fma,lzcnt,mmx,movbe,popcnt,sse,sse2,sse3,sse4.1,sse4.2,ssse3"
)
HOST = binding.get_host_cpu_features()

PROGRAM = """
import numpy as np
from bits import NETWORKS, trained
from retrograd.engine.native import VECTOR_BYTES
print(VECTOR_BYTES)
for name in NETWORKS:
    print(name, trained(name, "adam", "dense", np.float32))
"""


@pytest.mark.compiled
@pytest.mark.skipif(VECTOR_BYTES != 64, reason="this processor has no vectors of 64 bytes")
@pytest.mark.skipif(
    not (HOST.get("avx2") and HOST.get("fma")), reason="not an x86-64 with AVX2 and FMA"
)
def test_vectors_of_half_the_width(tmp_path: Path) -> None:
    """Kernels compiled for an older processor leave the same parameters, losses, predictions.

    In a process, and a cache of machine code, of its own: they have to be compiled.
    """
    features = ",".join(f"+{name}" for name in NARROWER.split(","))
    out = python(
        PROGRAM,
        {
            "NUMBA_CPU_NAME": "haswell",
            "NUMBA_CPU_FEATURES": features,
            "NUMBA_CACHE_DIR": str(tmp_path),
        },
    )
    width, *lines = out.splitlines()
    assert width == "32", "the test must really have compiled for other vectors"
    expected = [f"{name} {trained(name, 'adam', 'dense', np.float32)}" for name in NETWORKS]
    assert lines == expected
