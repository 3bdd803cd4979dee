"""retrograd: neural networks you can rewind."""

import lazy_loader

__version__ = "0.1.0"
# Names are in __init__.pyi; each is imported when it is first used, since the engine takes a second
# to import, and a page, or a command's help, is to be there before.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
