"""What everything that can be walked through offers: text, LaTeX, HTML, plain data."""

from os import PathLike
from typing import TextIO

from retrograd.rewind.walk.document import Document
from retrograd.rewind.walk.spelling import SPELLED_OUT


class Shown:
    """A thing with a document: all its faces are drawn from that one."""

    def document(self) -> Document:
        """Tell it as a plain document: sections of lines, each a symbol, a formula, numbers."""
        raise NotImplementedError

    def to_dict(self) -> dict:
        """Tell it as plain data: dictionaries, lists, numbers and strings."""
        raise NotImplementedError

    def to_notebook(self, path: str | PathLike) -> None:
        """Write a Jupyter notebook that computes every number anew, and compares."""
        raise NotImplementedError

    def __str__(self) -> str:
        from retrograd.rewind.walk.text import text_of

        return text_of(self.document())

    def show(self, full: bool = False, file: TextIO | None = None) -> None:
        """Print the walk through the step.

        Parameters
        ----------
        full : bool, default=False
            Every number with all its digits; otherwise large arrays are abridged.
        file : text stream, optional
            Where to; standard output by default.
        """
        import sys

        from retrograd.rewind.walk.text import text_of

        file = sys.stdout if file is None else file
        text, encoding = text_of(self.document(), full), getattr(file, "encoding", None)
        if encoding:  # A stream that cannot say '→' says '->' rather than failing.
            text = text.encode(encoding, errors=SPELLED_OUT).decode(encoding)
        file.write(text + "\n")

    def to_latex(self) -> str:
        """Write the walk as LaTeX, a fragment for a document that uses amsmath and amssymb.

        Returns
        -------
        str
            ASCII; arrays larger than 6 × 6 are abridged.
        """
        from retrograd.rewind.walk.latex import latex_of

        return latex_of(self.document())

    def _repr_html_(self) -> str:
        from retrograd.rewind.walk.hypertext import html_of

        return html_of(self.document())
