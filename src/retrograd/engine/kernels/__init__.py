"""The arithmetic, once: read ``seed``, then ``forward``, ``backward``, ``update``, ``steps``."""
