"""A session with the debugger: lines of commands in, lines of text out."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from retrograd.rewind.debugger.commands import COMMANDS, find_command
from retrograd.rewind.debugger.engine import Debugger, Stop
from retrograd.rewind.debugger.helping import tell_commands, tell_help
from retrograd.rewind.debugger.places import read_phase
from retrograd.rewind.debugger.reading import count, integer, log_options, nothing, read_changes
from retrograd.rewind.debugger.telling import (
    describe,
    tell_epochs,
    tell_info,
    tell_listing,
    tell_runs,
    tell_stop,
    tell_trace,
    tell_watched,
)
from retrograd.rewind.debugger.told import Told, brief, tell_value
from retrograd.rewind.debugger.track import DebuggerError
from retrograd.rewind.expressions import completions
from retrograd.rewind.run import Run, Runs
from retrograd.rewind.store import RunFileError
from retrograd.rewind.vocabulary import FUNCTIONS, LAYERED

# Lines that a log is thinned to, unless it is told how dense to be.
LOG_LINES = 20


class Session:
    """A conversation with the debugger: lines of commands in, lines of text out.

    Parameters
    ----------
    run : Run

    Attributes
    ----------
    debugger : Debugger
    over : bool
        Whether it has been told to quit.

    Examples
    --------
    >>> import numpy as np
    >>> from retrograd.estimators.notebook import MLP
    >>> from retrograd.estimators.recorder import Recorder
    >>> from retrograd.estimators.rewinding import open_run
    >>> recorder = Recorder()
    >>> np.random.seed(2)
    >>> _ = MLP(2, 0.1, 3).fit(np.eye(2), np.array([0, 1]), recorder)
    >>> session = Session(open_run(recorder))
    >>> for line in session.execute("goto 3 loss"):
    ...     print(line.text)
    step 3 (epoch 1), 1 row: loss
      loss_per_row = −y log(y_pred) − (1 − y) log(1 − y_pred)   (1,)  [ 0.234652 ]
      loss = mean(loss_per_row) = 0.234652
    """

    def __init__(self, run: Run) -> None:
        self.debugger, self.over = Debugger(run), False
        self._last_move = ""

    @property
    def prompt(self) -> str:
        """Where we are, as a prompt says it."""
        run, n = self.debugger.run, len(self._runs)
        return f"(retrograd {f'{run.number}: ' if n > 1 else ''}{self.debugger.here}) "

    @property
    def _runs(self) -> Runs:
        return Runs(self.debugger.run.store, self.debugger.run.door)

    def execute(self, line: str) -> Iterable[Told]:
        """Follow one line; an empty one moves again as before.

        Raises
        ------
        DebuggerError
            If it cannot be followed; everything is then as it was.
        """
        line = line.strip() or self._last_move
        # ``p(x)`` and ``?`` need no space.
        found = re.match(r"([\w-]+|\?)\s*(.*)", line)
        if not line or line.startswith("#"):
            return []
        if found is None:
            raise DebuggerError(f"no command {line[:40]!r} (see help)")
        command, rest = find_command(found[1]), found[2]
        method: Callable[[str], Any] = getattr(self, f"_{command.name.replace('-', '_')}")
        told = method(rest)
        self._last_move = line if command.moves else self._last_move
        return tell_stop(self.debugger, told) if isinstance(told, Stop) else told

    def greet(self) -> list[Told]:
        """Say at the begin what this is about."""
        run = self.debugger.run
        return [
            Told(describe(run), "head"),
            Told("help lists the commands; an empty line moves again as before", "note"),
            *tell_stop(self.debugger, self.debugger.look()),
        ]

    # One method for each command; the text behind its name comes in.

    def _step(self, rest: str) -> Stop:
        return self.debugger.step(count(rest))

    def _back(self, rest: str) -> Stop:
        return self.debugger.back(count(rest))

    def _next(self, rest: str) -> Stop:
        return self.debugger.next(count(rest))

    def _previous(self, rest: str) -> Stop:
        return self.debugger.previous(count(rest))

    def _continue(self, rest: str) -> Stop:
        nothing(rest, "continue")
        return self.debugger.go_on()

    def _reverse_continue(self, rest: str) -> Stop:
        nothing(rest, "reverse-continue")
        return self.debugger.go_back()

    def _goto(self, rest: str) -> Stop:
        word, _, more = " ".join(rest.split()).partition(" ")
        n_layers = self.debugger.run.header.network.n_layers
        if word == "end":
            if more:
                raise DebuggerError("from the end no step is taken: goto end takes no phase")
            return self.debugger.goto_end()
        if phase := read_phase(rest, n_layers):
            return self.debugger.goto(phase=phase)
        if not word:
            raise DebuggerError("goto where? a step, start, end, epoch N, or a phase")
        step = epoch = None
        if word == "epoch":
            number, _, more = more.partition(" ")
            epoch = integer(number, "goto epoch N: N")
        elif word in {phase.kind for phase in self.debugger.phases}:
            more = f"{word} {more}"
        else:
            step = 0 if word == "start" else integer(word, "goto N: N")
        phase = read_phase(more, n_layers)
        if more and phase is None:
            raise DebuggerError(f"no phase {more!r}; phases are {_listed(self.debugger.phases)}")
        return self.debugger.goto(step, phase, epoch=epoch)

    def _break(self, rest: str) -> list[Told]:
        debugger = self.debugger
        if not rest:
            told = [Told(f"  {one.number}: {one.text}") for one in debugger.breakpoints]
            return told or [Told("no breakpoints: break CONDITION makes one")]
        made = debugger.add_breakpoint(rest)
        what = "stops at" if made.phase else "stops where"
        return [Told(f"breakpoint {made.number} {what} {made.text}")]

    def _watch(self, rest: str) -> list[Told]:
        if rest:
            return tell_watched(self.debugger.add_watch(rest))
        told = [line for one in self.debugger.look().watched for line in tell_watched(one)]
        return told or [Told("no watches: watch EXPRESSION makes one")]

    def _delete(self, rest: str) -> list[Told]:
        number = integer(rest, "delete N: N")
        self.debugger.delete(number)
        return [Told(f"deleted {number}")]

    def _print(self, rest: str) -> list[Told]:
        return [Told(line) for line in tell_value(self.debugger.evaluate(rest))]

    def _trace(self, rest: str) -> list[Told]:
        words = set(rest.split())
        if not words <= {"all", "full"}:
            raise DebuggerError("trace takes all (the whole step), full (all digits), or both")
        return tell_trace(self.debugger, "all" in words, "full" in words)

    def _list(self, rest: str) -> list[Told]:
        nothing(rest, "list")
        return tell_listing(self.debugger)

    def _why(self, rest: str) -> list[Told]:
        words = re.findall(r"-?\d+|bias", rest)
        of_bias = rest.startswith("intercepts")
        if len(words) == 2 and of_bias:
            words.insert(1, "bias")
        usage = "why LAYER I O, as in why 0 3 2 (I may be the word bias), or why coefs[0][3, 2]"
        is_other = re.match(r"(?!coefs|intercepts|bias)[^\W\d]", rest) is not None
        is_other = is_other or (of_bias and words[1:2] != ["bias"])
        if len(words) != 3 or is_other or re.search(r"[^\w\s,\[\]-]", rest):
            raise DebuggerError(f"say {usage}")
        layer, o = integer(words[0], "LAYER"), integer(words[2], "O")
        i = None if words[1] == "bias" else integer(words[1], "I")
        return [Told(line) for line in str(self.debugger.why(layer, i, o)).split("\n")]

    def _log(self, rest: str) -> Iterator[Told]:
        text, options = log_options(rest)
        debugger = self.debugger
        begin = self._moment(options.get("from", "start"))
        end = self._moment(options.get("to", "end"))
        n = end + 1 - begin
        if n < 1:
            raise DebuggerError(f"from {begin} to {end} there is no step")
        every = max(1, -(-(n - 1) // LOG_LINES))
        if "every" in options:
            every = integer(options["every"], "log ... every N: N")
        found = debugger.log(text, begin, end + 1, every)
        is_told = False
        for step, value in found:
            is_told = True
            yield Told(f"  step {step:<{len(f'{end}')}}  {text} = {brief(value)}")
        if not is_told:
            raise DebuggerError(f"of step {end} there is no {text}: no step is taken from the end")
        if "every" not in options and every > 1:
            yield Told(f"told every {every} steps; log {text} every 1 tells all", "note")

    def _moment(self, word: str) -> int:
        named = {"start": 0, "here": self.debugger.here.step, "end": len(self.debugger.run)}
        step = named[word] if word in named else integer(word, "from A and to B: a step")
        if not 0 <= step <= len(self.debugger.run):
            raise DebuggerError(
                f"step {step} is not in the run, which has steps 0 to {len(self.debugger.run)}"
            )
        return step

    def _info(self, rest: str) -> list[Told]:
        if rest.strip() == "epochs":
            return tell_epochs(self.debugger.run)
        nothing(rest, "info, but for epochs,")
        return tell_info(self.debugger)

    def _branch(self, rest: str) -> list[Told]:
        old = self.debugger.run
        new = self.debugger.branch(read_changes(rest))
        told = [Told(f"{describe(new)}; it branches off run {old.number} at step "
                     f"{self.debugger.here.step:,}", "head")]  # fmt: skip
        told += [
            Told(f"  run {run.number}: loss {run.epochs[-1].loss:.6g} in its last epoch")
            for run in (old, new)
            if run.epochs
        ]
        told.append(
            Told(f"still in run {old.number}; 'run {new.number}' goes to the new one", "note")
        )
        return told

    def _run(self, rest: str) -> Stop | list[Told]:
        runs = self._runs
        if not rest:
            return tell_runs(runs, self.debugger.run.number)
        number = integer(rest, "run N: N")
        if number not in runs.numbers:
            raise DebuggerError(f"there is no run {number}; there are {_listed(runs.numbers)}")
        if number == self.debugger.run.number:
            return self.debugger.look(f"this is run {number}")
        try:
            run = runs[runs.numbers.index(number)]
        except RunFileError as error:
            raise DebuggerError(str(error)) from None
        return self.debugger.go_to_run(run)._replace(reasons=(describe(run),))

    def _help(self, rest: str) -> list[Told]:
        word = rest.strip()
        if not word:
            return tell_commands(COMMANDS)
        if "expressions".startswith(word) and len(word) > 1:
            return tell_help("expressions")
        command = find_command(word)
        short = f" (short: {', '.join(command.short)})" if command.short else ""
        return [Told(f"{command.usage}{short}", "head"), Told(f"  {command.says}"),
                *tell_help(command.name)]  # fmt: skip

    def _quit(self, rest: str) -> list[Told]:
        nothing(rest, "quit")
        self.over = True
        return []

    def complete(self, before: str, word: str) -> list[str]:
        """Words that the begun one may become, given the line before it."""
        first = before.split()[:1]
        if not first:
            return sorted(c.name for c in COMMANDS if c.name.startswith(word))
        try:
            takes = find_command(first[0]).takes
        except DebuggerError:
            return []
        if takes == "expression":
            phases = sorted({phase.kind for phase in self.debugger.phases})
            more = phases if first[0].startswith("b") and len(before.split()) == 1 else []
            return sorted({*map(_opened, completions(word)), *_starting(more, word)})
        parameters = self.debugger.run.header.estimator.get("parameters", {})
        known: dict[str, list[str]] = {
            "command": [command.name for command in COMMANDS] + ["expressions"],
            "info": ["epochs"],
            "number": self.debugger.numbers,
            "parameters": [f"{name}=" for name in sorted(parameters)],
            "place": ["start", "end", "epoch", *{p.kind for p in self.debugger.phases}],
            "run": [str(number) for number in self._runs.numbers],
            "trace": ["all", "full"],
        }  # fmt: skip
        return sorted(_starting(known.get(takes, []), word))


def _opened(word: str) -> str:
    """Write a word of an expression with the bracket that has to follow."""
    return f"{word}(" if word in FUNCTIONS else f"{word}[" if word in LAYERED else word


def _starting(words: Iterable[str], begin: str) -> list[str]:
    return [word for word in words if word.startswith(begin)]


def _listed(things: Iterable[Any]) -> str:
    return ", ".join(map(str, things))
