"""Readline for a while: what was typed before, and Tab."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

LINES_KEPT = 1000
# A word to complete begins behind one of these.
DELIMITERS = " \t()[],+-*/%<>=!:"


def history_path() -> Path:
    """Where the debugger's history is kept: in the user's folder for such things."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "retrograd" / "debug_history"


class Readline:
    """Lends the terminal history and completion, and takes both away again.

    Where there is no readline, or no folder that can be written to, it does without.

    Parameters
    ----------
    complete : callable (line before the word, word) -> list of str
    """

    def __init__(self, complete: Callable[[str, str], list[str]]) -> None:
        self._complete, self._found = complete, [""]
        self._readline: ModuleType | None = None
        with contextlib.suppress(ImportError):
            import readline

            self._readline = readline

    def __enter__(self) -> "Readline":
        """Begin."""
        readline = self._readline
        if readline is None:
            return self
        self._before = readline.get_completer(), readline.get_completer_delims()
        readline.set_completer(self.suggest)
        readline.set_completer_delims(DELIMITERS)
        libedit = "libedit" in (readline.__doc__ or "")
        readline.parse_and_bind("bind ^I rl_complete" if libedit else "tab: complete")
        with contextlib.suppress(OSError, RuntimeError):
            readline.read_history_file(history_path())
        return self

    def __exit__(self, *error: object) -> None:
        """Keep what was typed."""
        readline = self._readline
        if readline is None:
            return
        readline.set_completer(self._before[0])
        readline.set_completer_delims(self._before[1])
        with contextlib.suppress(OSError, RuntimeError):
            path = history_path()
            path.parent.mkdir(parents=True, exist_ok=True)
            readline.set_history_length(LINES_KEPT)
            readline.write_history_file(path)

    def suggest(self, word: str, k: int) -> str | None:
        """Tell readline the k-th word that the begun one may become."""
        if k == 0 and self._readline is not None:
            line, begin = self._readline.get_line_buffer(), self._readline.get_begidx()
            # An error in here would be told nowhere, and is none worth telling.
            with contextlib.suppress(ValueError):
                self._found = self._complete(line[:begin], word)
        return self._found[k] if k < len(self._found) else None
