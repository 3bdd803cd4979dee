"""The command's frame: its sub-commands, its errors, its exit codes.

Exit codes: 0 all is well; 1 the data or the model are not; 2 the command was used wrongly;
130 Ctrl-C; 141 whoever read the output has read enough. Errors are one line on standard error.
"""

import errno
import io
import os
import sys
import threading
from contextlib import suppress
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from retrograd.faces.cli.debug import debug
from retrograd.faces.cli.errors import Stopped
from retrograd.faces.cli.info import info
from retrograd.faces.cli.play import play
from retrograd.faces.cli.predict import predict
from retrograd.faces.cli.resume import resume
from retrograd.faces.cli.runs import runs
from retrograd.faces.cli.trace import trace
from retrograd.faces.cli.train import train
from retrograd.faces.cli.view import view
from retrograd.faces.complaining import complain
from retrograd.rewind.walk.spelling import SPELLED_OUT

CTRL_C = 130
# As shells tell of those that SIGPIPE has ended.
READ_ENOUGH = 141
# How a system says that standard output takes no more.
UNWRITABLE = (errno.ENOSPC, errno.EFBIG, errno.EIO, errno.EPIPE)


class Commands(TyperGroup):
    """The group of sub-commands; turns whatever goes wrong into one line and an exit code."""

    def main(self, *args: Any, standalone_mode: bool = True, **options: Any) -> Any:
        """Run a command line."""
        options["standalone_mode"] = False
        if not standalone_mode:
            return super().main(*args, **options)
        kept = "nothing was saved"
        _mend_streams()
        try:
            options["prog_name"] = "retrograd"
            code = super().main(*args, **options)
            sys.stdout.flush()  # while what goes wrong with it can still be told
        except KeyboardInterrupt:
            code = CTRL_C
        except typer.Abort as abort:
            if isinstance(abort.__cause__, EOFError):  # which is no Ctrl-C, as Typer takes it for
                raise abort.__cause__ from None
            code = CTRL_C
        except SystemExit as left:
            # Typer and Rich leave so when whoever read the output has read enough; and say 1.
            if not isinstance(left.__context__, BrokenPipeError):
                raise
            code = READ_ENOUGH
        except Stopped as stopped:
            code, kept = CTRL_C, str(stopped)
        except OSError as error:
            if error.filename is not None:
                complain(f"{error.filename} cannot be used: {error.strerror}")
                sys.exit(1)
            if error.errno not in UNWRITABLE:
                raise
            code = READ_ENOUGH if error.errno == errno.EPIPE else 1
            # What is left of the output would fail again when Python ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if code != READ_ENOUGH:  # the reader knows why
                complain(f"the output cannot be written: {error.strerror}")
        except Exception as error:
            # What a command line can be blamed for says how to write itself and which exit code
            # it has; anything else is ours, and keeps its traceback.
            if not hasattr(error, "format_message"):
                raise
            code = getattr(error, "exit_code", 1)
            where = getattr(getattr(error, "ctx", None), "command_path", None) or "retrograd"
            if message := error.format_message():  # there is none where help was printed
                complain(f"{message} (see {where} --help)")
        if code == CTRL_C:
            complain(f"stopped by Ctrl-C: {kept}")
        sys.exit(code or 0)


def _mend_streams() -> None:
    """Have standard streams that are there, and an output that writes all or says so."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed, as a daemon's may be
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - until the process ends
    for stream in (sys.stdout, sys.stderr):
        # One that cannot say '→' says '->' rather than failing.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=SPELLED_OUT)
    raw, text = getattr(sys.stdout, "buffer", None), sys.stdout
    if isinstance(raw, io.RawIOBase):
        # Python's own, with PYTHONUNBUFFERED, takes no notice of what did not fit on the disk.
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(raw), text.encoding, text.errors, line_buffering=True
        )


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Neural networks on tables: train one, predict with it, see what is in it, rewind it.",
)
for command in (train, predict, info, runs, view, play, debug, trace, resume):
    app.command()(command)


def _show_version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"retrograd {version('retrograd')}")
        except PackageNotFoundError:
            print("retrograd, not installed")
        raise typer.Exit


@app.callback()
def _retrograd(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line."""
    try:
        app()
    except SystemExit as ended:
        others = {*threading.enumerate()} - {threading.current_thread()}
        if all(one.daemon for one in others):
            raise
        # Python would wait for them: for a page, that has ended, they may be compiling kernels.
        with suppress(OSError):
            sys.stdout.flush()
        os._exit(int(ended.code or 0))
