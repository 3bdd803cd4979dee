"""The debugger's commands: their names and abbreviations, and what each of them takes."""

from difflib import get_close_matches
from typing import NamedTuple

from retrograd.rewind.debugger.track import DebuggerError


class Command(NamedTuple):
    """One command.

    Attributes
    ----------
    name, usage : str
    says : str
        What it does, in a sentence.
    short : tuple of str
        Abbreviations, beside every beginning of the name that no other name has.
    moves : bool
        Whether an empty line repeats it.
    takes : str
        What Tab completes: an 'expression', 'place', 'parameters', 'command', 'run', 'number',
        'trace' or 'info'; '' for nothing.
    """

    name: str
    usage: str
    says: str
    short: tuple[str, ...] = ()
    moves: bool = False
    takes: str = ""


COMMANDS = [
    Command("step", "step [N]", "on to the next phase, or by N of them", ("s",), True),
    Command("back", "back [N]", "back to the phase before", ("rs", "reverse-step"), True),
    Command("next", "next [N]", "on to the next step of the training", ("n",), True),
    Command("previous", "previous [N]", "back to the step before", ("rn", "reverse-next"), True),
    Command("goto", "goto N | start | end | epoch N | PHASE",
            "to a step, an epoch's first step, or a phase, such as backward 1", ("g",),
            takes="place"),
    Command("continue", "continue", "on to the next breakpoint, or to the end", ("c", "cont"),
            True),
    Command("reverse-continue", "reverse-continue",
            "back to the last breakpoint, or to the start", ("rc",), True),
    Command("break", "break CONDITION | PHASE",
            "stop where a condition holds, as in break loss > 2, or at a phase of every step",
            ("b",), takes="expression"),
    Command("watch", "watch EXPRESSION", "show an expression's value at every stop",
            ("w", "display"), takes="expression"),
    Command("delete", "delete N", "delete a breakpoint or a watch", ("d",), takes="number"),
    Command("print", "print EXPRESSION", "the value of an expression here, as in print dW[0][3, 2]",
            ("p",), takes="expression"),
    Command("trace", "trace [all] [full]",
            "every number of this phase, or of all of the step; full: with all digits", ("t",),
            takes="trace"),
    Command("list", "list", "the algorithm, and where we are in it", ("l", "where", "bt")),
    Command("why", "why LAYER I O | LAYER bias O",
            "which rows move a weight in this step, and what else does"),
    Command("log", "log EXPRESSION [every N] [from A] [to B]",
            "print an expression as the training could have, step after step", takes="expression"),
    Command("info", "info [epochs]", "facts of the run; breakpoints and watches", ("i",),
            takes="info"),
    Command("branch", "branch NAME=VALUE ...",
            "train on from this step with other parameters, as a run of its own",
            takes="parameters"),
    Command("run", "run [N]", "the runs of this file; go to another one", ("runs",), takes="run"),
    Command("help", "help [COMMAND | expressions]", "this list, or more about a command",
            ("h", "?"), takes="command"),
    Command("quit", "quit", "leave; the file keeps all runs", ("q", "exit")),
]  # fmt: skip
BY_WORD = {word: command for command in COMMANDS for word in (command.name, *command.short)}


def find_command(word: str) -> Command:
    """Find the command of a name, an abbreviation, or a beginning that only one name has.

    Raises
    ------
    DebuggerError
        If there is none, or several.

    Examples
    --------
    >>> [find_command(word).name for word in ("b", "ba", "rc", "go")]
    ['break', 'back', 'reverse-continue', 'goto']
    """
    if word in BY_WORD:
        return BY_WORD[word]
    found = [command for command in COMMANDS if command.name.startswith(word)]
    if len(found) == 1:
        return found[0]
    if found:
        names = " or ".join(command.name for command in found)
        raise DebuggerError(f"{word} may be {names}")
    near = get_close_matches(word, BY_WORD, n=1)
    shown = word if word.isprintable() else repr(word)
    raise DebuggerError(
        f"no command {shown[:40]!r}{f'; did you mean {near[0]}?' if near else ' (see help)'}"
    )
