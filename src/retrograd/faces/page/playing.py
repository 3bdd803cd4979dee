"""Playing: a playground on a page of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from retrograd.faces.page.answers.playing import PLAY_ANSWERS, build
from retrograd.faces.page.playground import Playground
from retrograd.faces.page.settings import TABLE
from retrograd.faces.page.viewing import serve
from retrograd.tables.errors import TableError
from retrograd.tables.reading import read_table


def play(
    file: Path | None, target: str | None, record: Path | None, port: int, browser: bool
) -> None:
    """Serve a playground until Ctrl-C; a training begins at once, where it is clear of what.

    Raises
    ------
    TableError
        If the table cannot be read, or the target cannot be learned.
    RunFileError
        If trainings cannot be recorded there.
    """
    table = None if file is None else read_table(file)
    with recording_to(record) as path:
        viewer = Playground(path, PLAY_ANSWERS, table, "" if file is None else str(file))
        try:
            begin(viewer, target)
            serve(viewer.answer, port, browser)
        finally:
            viewer.close()


def begin(viewer: Playground, target: str | None) -> None:
    """Choose the reader's own table, if there is one, and train if it is clear of what.

    Raises
    ------
    TableError
        If the target cannot be learned.
    """
    if viewer.table is not None:
        viewer.settings |= {"data": TABLE, "target": target or ""}
        if target is None:
            return
    wrong = build(viewer, viewer.settings)["wrong"]
    if wrong:
        raise TableError(next(iter(wrong.values())))


@contextmanager
def recording_to(record: Path | None) -> Iterator[Path]:
    """A place to record to: the reader's, or one of ours that is gone in the end."""
    if record is not None:
        yield record
        return
    folder = Path(mkdtemp(prefix="retrograd-"))
    try:
        yield folder / "playground.retro"
    finally:
        rmtree(folder, ignore_errors=True)
