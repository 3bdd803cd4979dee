"""Why an answer may be late: kernels are compiled when a machine first needs them."""

from retrograd.engine.jit import is_compiling
from retrograd.faces.page.viewer import Viewer, apart


@apart
def compiling(viewer: Viewer) -> dict:
    """Say whether kernels are being compiled now: ``compiling``."""
    return {"compiling": is_compiling()}
