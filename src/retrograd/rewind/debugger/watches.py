"""Watches: expressions whose values are shown at every stop."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from retrograd.rewind.expressions import Expression
from retrograd.rewind.syntax import ExpressionError


@dataclass
class Watch:
    """An expression whose value is shown at every stop."""

    number: int
    expression: Expression
    value: Any = None

    def look(self, values: Mapping[str, Any]) -> "Watched":
        """Work it out anew, given the values of a step."""
        before = self.value
        try:
            self.value = self.expression.value(values)
        except ExpressionError as error:
            self.value = None
            return Watched(self.number, self.expression.text, error, before)
        return Watched(self.number, self.expression.text, self.value, before)


class Watched(NamedTuple):
    """A watch at a stop.

    Attributes
    ----------
    number : int
    text : str
    value : number, array, or the ExpressionError of a step that has no answer
    before : number, array or None
        At the last stop; None if there was no answer.
    """

    number: int
    text: str
    value: Any
    before: Any
