"""Colours as the colour-blind see them: signs, and classes, stay apart."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

# What light becomes in eyes without one kind of cones: Machado, Oliveira and Fernandes, "A
# physiologically-based model for simulation of color vision deficiency", IEEE TVCG 15 (2009),
# severity 1.0; they act on linear RGB.
EYES = {
    "trichromacy": np.eye(3),
    "protanopia": np.array([
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ]),
    "deuteranopia": np.array([
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]),
    "tritanopia": np.array([
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ]),
}  # fmt: skip
# From linear sRGB to XYZ, and white there (IEC 61966-2-1).
TO_XYZ = np.array([
    [0.4124, 0.3576, 0.1805],
    [0.2126, 0.7152, 0.0722],
    [0.0193, 0.1192, 0.9505],
])  # fmt: skip
WHITE = TO_XYZ.sum(axis=1)
# Distances in CIE Lab; some 2.3 can just be told apart, side by side.
OF_CLASSES, OF_SIGNS, OF_GROUND = 15, 80, 40
COLOURS = """
async () => {
  const here = document.querySelector("script[type=module]").src;
  const { classColour, signed } = await import(new URL("colours.js", here));
  const classes = Array.from({ length: 10 }, (_, k) => [1, 3, 5].map(
    (at) => parseInt(classColour(k).slice(at, at + 2), 16)));
  const scale = (dark) => [-1, -0.25, 0, 0.25, 1].map((value) => signed(value, dark));
  return { classes, light: scale(false), dark: scale(true) };
}
"""


def seen(colours: list, eyes: str) -> np.ndarray:
    """Colours of shape (n, 3), 0 to 255, as points of CIE Lab."""
    share = np.array(colours) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    xyz = np.clip(linear @ EYES[eyes].T, 0, 1) @ TO_XYZ.T / WHITE
    x, y, z = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


@pytest.fixture(scope="module")
def colours() -> dict:
    """Those of the page, once they are known."""
    return {}


@pytest.mark.parametrize("eyes", EYES)
def test_classes_and_signs(
    serve: Callable, browse: Callable, recorded: dict[str, Path], colours: dict, eyes: str
) -> None:
    """Ten classes from each other; negative from positive, large or not, and both from nothing."""
    if not colours:
        colours |= browse(serve(recorded["spiral"])).evaluate(COLOURS)
    for one, other in itertools.combinations(seen(colours["classes"], eyes), 2):
        assert np.linalg.norm(one - other) > OF_CLASSES
    for theme in ("light", "dark"):
        low, lower, ground, higher, high = seen(colours[theme], eyes)
        assert np.linalg.norm(high - low) > OF_SIGNS
        assert np.linalg.norm(higher - lower) > OF_GROUND
        assert min(np.linalg.norm(end - ground) for end in (low, high)) > OF_GROUND
