"""Asking: what a page sends, answered in one message, however the two are connected."""

import json
import traceback
from collections.abc import Callable
from typing import Any

from retrograd.faces.page.wire import frame, unframe

Answering = Callable[[str, dict[str, Any]], Any]


def reply(asked: str | bytes, answering: Answering) -> bytes:
    """Answer a question that came as JSON: its number, and the answer or what is wrong.

    With a file's content behind it, that is its argument ``content``.

    Examples
    --------
    >>> reply('{"number": 1, "ask": "runs"}', lambda name, arguments: name)[4:]
    b'{"number":1,"answer":"runs"}'
    """
    number = None
    try:
        question, content = (json.loads(asked), None) if isinstance(asked, str) else unframe(asked)
        if not isinstance(question, dict) or not isinstance(question.get("ask"), str):
            raise ValueError("a question is an object with 'ask' and 'with'")
        number = question.get("number")
        arguments = question.get("with") or {}
        if content is not None and isinstance(arguments, dict):
            arguments = arguments | {"content": content}
        return frame({"number": number, "answer": answering(question["ask"], arguments)})
    except (ValueError, IndexError, MemoryError, RecursionError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
    except Exception as error:  # a fault of ours: the page is told, and the terminal, where
        traceback.print_exc()
        said = f"something is wrong in retrograd itself: {type(error).__name__}: {error}"
    return frame({"number": number if isinstance(number, int) else None, "error": said})
