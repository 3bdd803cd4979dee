"""What the tests of this room share stands beside them."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Train a classifier of species and a regressor of body mass; hand on path and output."""
    from command_line import PENGUINS, run

    folder = tmp_path_factory.mktemp("models")
    made = {}
    for target in ("species", "body_mass_g"):
        path = folder / f"{target}.safetensors"
        out, _ = run("train", PENGUINS, "--target", target, "--out", path, "--epochs", 60)
        made[target] = path, out
    return made
