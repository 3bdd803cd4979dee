"""The debugger on a terminal: Ctrl-C, completion, history."""

import os
import re
import select
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from command_line import UNDER_WAY, watching

from retrograd.estimators.notebook import MLP
from retrograd.estimators.recorder import Recorder

# These train for real, and interpreted kernels would take minutes.
pytestmark = pytest.mark.compiled


@pytest.mark.skipif(os.name != "posix", reason="signals and terminals of POSIX")
def test_ctrl_c_on_a_terminal_interrupts_a_search_and_keeps_the_place(tmp_path):
    np.random.seed(2)
    # Some 300,000 steps, each of which is looked into: more than can be done while we wait.
    recorder = Recorder(tmp_path / "l.retro")
    MLP(2, 0.01, 3000).fit(np.random.randn(100, 2), np.arange(100) % 2, recorder)
    command = watching("retrograd.rewind.run.Run.first", 1)
    with Terminal([*command, "debug", "l.retro"], tmp_path) as terminal:
        terminal.expect("(retrograd 0 forward 0) ")
        terminal.type("goto 7 loss\n")
        terminal.expect("(retrograd 7 loss) ")
        terminal.type("break max(abs(z[0])) > 1e9\n")
        terminal.expect("(retrograd 7 loss) ")
        terminal.type("continue\n")
        terminal.expect(UNDER_WAY)
        terminal.type("\x03")
        terminal.expect("interrupted: still at step 7, loss")
        terminal.expect("(retrograd 7 loss) ")
        terminal.rest()
        terminal.type("\x03")
        terminal.expect("to leave: quit, or Ctrl-D")
        terminal.expect("(retrograd 7 loss) ")
        terminal.type("step\n")
        terminal.expect("(retrograd 7 backward 1) ")
        # Tab completes both words.
        terminal.type("hel\t exp\t\n")
        terminal.expect("help expressions")
        terminal.expect("gradient_norm")
        terminal.expect("(retrograd 7 backward 1) ")
        terminal.type("\x04")
        assert terminal.wait() == 0
    history = tmp_path / "state" / "retrograd" / "debug_history"
    assert "break max(abs(z[0])) > 1e9" in history.read_text()


# Seconds without a word from a program, after which it will say no more.
PATIENCE = 30.0


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, command, folder):
        import pty

        self.pid, self.end = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.environ |= {"TERM": "xterm", "XDG_STATE_HOME": str(folder / "state")}
            os.execv(command[0], command)
        self.seen = ""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.end)

    def type(self, text):
        os.write(self.end, text.encode())

    def rest(self):
        """Wait until it waits for a key: until then, behind its prompt, Ctrl-C may be lost."""
        state, end = Path(f"/proc/{self.pid}/stat"), time.monotonic() + PATIENCE
        if not state.exists():
            time.sleep(1.0)
            return
        while state.read_text().rpartition(") ")[2][0] != "S":
            assert time.monotonic() < end
            time.sleep(0.001)

    def expect(self, text):
        """Read until a text comes, colours left out; forget what came before."""
        while text not in self.seen:
            came, _, _ = select.select([self.end], [], [], PATIENCE)
            assert came, f"{text!r} did not come; what came was {self.seen!r}"
            try:
                read = os.read(self.end, 4096)
            except OSError:  # as Linux ends a terminal
                read = b""
            assert read, f"{text!r} never came; what came was {self.seen!r}"
            self.seen += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", read.decode(errors="replace"))
        self.seen = self.seen.partition(text)[2]

    def wait(self):
        """Wait for its end; return its exit code."""
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)
