"""The debugger on a terminal, or fed with commands through a pipe."""

import sys
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from retrograd.faces.history import Readline
from retrograd.faces.progress import CtrlC
from retrograd.faces.table_runs import numbering_of
from retrograd.faces.text import printable, stdout_console

if TYPE_CHECKING:
    from retrograd.rewind.debugger.session import Session
    from retrograd.rewind.debugger.told import Told
    from retrograd.rewind.run import Run

# Readable on dark and on light: weight, and no more than three colours.
STYLES = {
    "place": "bold",
    "head": "bold",
    "hit": "bold magenta",
    "bad": "bold red",
    "here": "bold cyan",
    "note": "dim",
    "error": "red",
}


def debug(run: "Run") -> None:
    """Talk about a run with whoever is at standard input, until told to quit.

    Errors of single commands are told in one line. Commands that come through a pipe are echoed
    behind their prompt, so that the output reads like a session.

    Parameters
    ----------
    run : Run
        As from ``open_run``.

    Raises
    ------
    RunFileError
        If the first step cannot be shown: the file keeps no data, or is damaged.
    KeyboardInterrupt
        If Ctrl-C comes while commands are read from a pipe.
    """
    from retrograd.rewind.debugger.session import Session

    Conversation(Session(run), stdout_console()).hold()


class Conversation:
    """Commands in, lines out.

    Parameters
    ----------
    session : Session
    console : Console
    """

    def __init__(self, session: "Session", console: Console) -> None:
        self.session, self.console = session, console
        self.interactive = sys.stdin.isatty() and sys.stdout.isatty()
        if hasattr(sys.stdin, "reconfigure"):  # what is no text is no command, but no crash
            sys.stdin.reconfigure(errors="replace")

    def hold(self) -> None:
        """Greet, and then follow commands until there are no more."""
        self._tell(self.session.greet())
        if numbering := numbering_of(self.session.debugger.run.facts):
            self._say(f"note: {numbering}", "note")
        if not self.interactive:
            self._follow_all()
            return
        with Readline(self.session.complete):
            self._follow_all()

    def _follow_all(self) -> None:
        while not self.session.over:
            try:
                self._follow(self._ask())
            except EOFError:
                if self.interactive:
                    print()
                return
            except KeyboardInterrupt:
                if not self.interactive:
                    raise
                self._say("", "note")
                self._say("to leave: quit, or Ctrl-D", "note")

    def _ask(self) -> str:
        """Read a line, behind the prompt."""
        prompt = self.session.prompt
        if self.interactive:
            # What takes no room on the screen is marked, or readline would count it.
            plain = self.console.color_system is None
            return input(prompt if plain else f"\001\033[1m\002{prompt}\001\033[0m\002")
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        self._say(f"{prompt}{line.rstrip()}")
        return line

    def _follow(self, line: str) -> None:
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                try:
                    with CtrlC():  # which nothing that is called can swallow
                        self._tell(self.session.execute(line))
                finally:
                    self._tell_notes(caught)
        except (ValueError, MemoryError) as error:
            self._say(f"error: {' '.join(str(error).split()) or type(error).__name__}", "error")
        except KeyboardInterrupt:
            if not self.interactive:
                raise
            step, phase = self.session.debugger.here
            self._say("")
            self._say(f"interrupted: still at step {step:,}, {phase}", "note")
        self.console.file.flush()

    def _tell(self, told: "Iterable[Told]") -> None:
        for line in told:
            self._say(*line)

    def _tell_notes(self, caught: list) -> None:
        for message in dict.fromkeys(str(warning.message) for warning in caught):
            self._say(f"note: {' '.join(message.split())}", "note")

    def _say(self, text: str, kind: str = "") -> None:
        # Lines are as long as they are: folded ones would tear arrays apart.
        self.console.print(Text(printable(text), STYLES.get(kind, "")), soft_wrap=True)
