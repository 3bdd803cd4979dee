"""Playing: a playground on a page of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from retrograd.faces.page.serving import ended_by_signals
from retrograd.faces.page.viewing import serve
from retrograd.rewind.connection import Connection, RunFileError

if TYPE_CHECKING:
    from retrograd.faces.page.playground import Playground


def play(
    file: Path | None, target: str | None, record: Path | None, port: int, browser: bool
) -> None:
    """Serve a playground until Ctrl-C; a training begins at once, where it is clear of what.

    Raises
    ------
    TableError
        If the table cannot be read, or the target is none.
    RunFileError
        If trainings cannot be recorded there.
    PortError
        If the port is taken.
    """
    table = None
    if file is not None:
        from retrograd.tables.reading import read_table
        from retrograd.tables.task import pose

        table = read_table(file)
        if target is not None:
            pose(table.frame, target)

    def make() -> "Playground":
        from retrograd.faces.page.answers.playing import PLAY_ANSWERS
        from retrograd.faces.page.playground import Playground

        name, stays = "" if file is None else str(file), record is not None
        viewer = Playground(path, PLAY_ANSWERS, table, name, stays)
        begin(viewer, target)
        return viewer

    with ended_by_signals(), recording_to(record) as path:
        Connection(path, writable=True, row_bytes=0).close()
        serve(make, port, browser)


def begin(viewer: "Playground", target: str | None) -> None:
    """Choose the reader's own table, if there is one, and train if it is clear of what.

    What keeps it from being learned, the page asks by itself.
    """
    from retrograd.faces.page.answers.playing import build
    from retrograd.faces.page.settings import TABLE

    if viewer.table is not None:
        viewer.settings |= {"data": TABLE, "target": target or ""}
        if target is None:
            return
    build(viewer, viewer.settings)


@contextmanager
def recording_to(record: Path | None) -> Iterator[Path]:
    """A place to record to: the reader's, or one of ours that is gone in the end.

    Raises
    ------
    RunFileError
        If there is no folder that ours could be in.
    """
    if record is not None:
        yield record
        return
    try:
        folder = Path(mkdtemp(prefix="retrograd-"))
    except OSError:
        raise RunFileError(
            "trainings cannot be recorded: no folder for temporary files can be written to; "
            "--record FILE says where else"
        ) from None
    try:
        yield folder / "playground.retro"
    finally:
        rmtree(folder, ignore_errors=True)
