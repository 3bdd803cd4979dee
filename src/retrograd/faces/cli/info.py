"""``retrograd info``: what a model file holds, read from its description alone."""

from pathlib import Path
from typing import Annotated

import typer

from retrograd.faces.cli.errors import mendable
from retrograd.faces.cli.output import print_json


def info(
    model: Annotated[Path, typer.Argument(help="A model saved by retrograd train.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the file's own description as JSON.")
    ] = False,
) -> None:
    """Show what is in a model file, without loading any code from it."""
    with mendable():
        from retrograd.export.model_file import read_facts

        document = read_facts(model)
        if as_json:
            print_json(document)
            return
        from retrograd.faces.modelcard import describe
        from retrograd.faces.text import draw_facts, stdout_console

        draw_facts(stdout_console(), model.name, describe(document))
