"""The debugger's help."""

from collections.abc import Sequence

from retrograd.rewind.debugger.commands import Command
from retrograd.rewind.debugger.told import Told
from retrograd.rewind.vocabulary import FUNCTIONS, NAMES

GROUPS = (
    ("move", ("step", "back", "next", "previous", "goto", "continue", "reverse-continue")),
    ("stop and watch", ("break", "watch", "delete")),
    ("look", ("print", "trace", "list", "info")),
    ("ask", ("why", "log")),
    ("other futures", ("branch", "run")),
    ("", ("help", "quit")),
)
MORE = {
    "step": (
        "The phases of a step: forward through layer 0, 1, ..., the loss, backward through the",
        "layers from the last to the first, and the update of all parameters.",
    ),
    "back": ("Nothing is approximated: the state is replayed from a checkpoint, bit for bit.",),
    "next": ("It stops before the step's first phase: the parameters are as after so many steps.",),
    "previous": ("From amid a step it first goes to that step's begin.",),
    "goto": (
        "goto 421           the step that is taken after 421 others",
        "goto 421 loss      one of its phases",
        "goto epoch 3       the first step after 3 epochs; goto epoch 3 loss, a phase of it",
        "goto end           the end, or the step that diverged",
    ),
    "continue": ("Ctrl-C ends a long search; we are then where we were.",),
    "reverse-continue": ("Ctrl-C ends a long search; we are then where we were.",),
    "break": (
        "A condition is asked before each step, and of the step that is then taken:",
        "  break any(isnan(dW[1]))",
        "  break max(abs(coefs[0])) > 10 and epoch >= 3",
        "  break dead(0, 7)",
        "  break backward 1      at this phase of every step",
        "Without anything it lists the breakpoints. See help expressions.",
    ),
    "watch": (
        "It does not stop anything; a breakpoint does. Without anything it shows the watches.",
        "See help expressions.",
    ),
    "print": (
        "All numbers are those of this step, whatever the phase: coefs before it, dW in it.",
        "See help expressions.",
    ),
    "trace": ("trace           every number of this phase", "trace all       of the whole step",
              "trace all full  and each with all of its digits"),
    "why": (
        "why 0 3 2          coefs[0][3, 2], which leads from input 3 to unit 2",
        "why 0 bias 2       intercepts[0][2]",
        "The shares of the rows, of momentum and of the penalty add up to the update.",
    ),
    "log": (
        "log loss                              some twenty of all steps",
        "log norm(dW[0]) every 10 from 100 to 200",
        "A and B may also be start, here and end.",
    ),
    "branch": (
        "branch learning_rate_init=0.01 momentum=0.5",
        "branch coefs[0][3, 2]=0.5 y[17]=virginica   another weight, another target",
        "It trains from this step to the end, and is written to the file; run N goes there.",
        "Ctrl-C ends its training; what it has come to is kept.",
    ),
    "run": ("A run that was left is come back to where it was left.",),
    "delete": ("Breakpoints and watches are numbered together.",),
    "list": ("It shows the shapes at the arrow.",),
    "info": ("info epochs shows how the epochs ended.",),
}  # fmt: skip


def tell_commands(commands: Sequence[Command]) -> list[Told]:
    """List all commands by what they are for."""
    by_name = {command.name: command for command in commands}
    width = max(len(_with_short(command)) for command in commands)
    told = []
    for title, names in GROUPS:
        told.append(Told(title, "head"))
        told += [
            Told(f"  {_with_short(by_name[name]):<{width}}  {by_name[name].says}") for name in names
        ]
    told.append(Told(""))
    told.append(Told("Any beginning of a name that no other has will do; an empty line moves again "
                     "as before.", "note"))  # fmt: skip
    told.append(Told("help COMMAND says more, help expressions what can be asked.", "note"))
    return told


def _with_short(command: Command) -> str:
    short = next((word for word in command.short if len(word) <= 2), "")
    return f"{command.name}{f', {short}' if short else ''}"


def tell_help(topic: str) -> list[Told]:
    """Say more about a command, or about expressions."""
    if topic != "expressions":
        return [Told(f"  {line}") for line in MORE.get(topic, ())]
    width = max(map(len, {**NAMES, **FUNCTIONS}))
    told = [Told("Arithmetic, comparisons, and, or, not; [..] takes entries, as in a[0][:, 3].")]
    told.append(Told("names", "head"))
    told += [Told(f"  {name:<{width}}  {says}") for name, says in NAMES.items()]
    told.append(Told("functions", "head"))
    return told + [Told(f"  {name:<{width}}  {one.says}") for name, one in FUNCTIONS.items()]
