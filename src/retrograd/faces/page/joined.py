"""All modules of the page as one, and all its styles as one.

A notebook's widget, and a page in one file, cannot fetch what a module imports, and a browser that
fetches three dozen files shows the page later. So every module becomes a function that is called
once and returns what it exports; its other names stay its own.
"""

import re
from pathlib import Path

STATIC = Path(__file__).parent / "static"
# What a module may say to take and to give; it begins a line, as nothing inside a function does.
IMPORT = re.compile(r'^import \{([^{}]*)\} from "\./([\w-]+)\.js";\n', re.MULTILINE)
EXPORT = re.compile(r"^export ((?:async )?function\*?|class|const) ([\w$]+)", re.MULTILINE)
# What is then left must have no line like these; a method may be called import.
STATEMENT = re.compile(r"(?:import|export|await)\b|(?:const|let|var) .*\bawait\b")
EXPRESSION = re.compile(r"(?<![.\w])import\s*\(|\bimport\.meta\b")
STYLE_IMPORT = re.compile(r'^@import "([\w-]+\.css)";\n', re.MULTILINE)


class JoinError(ValueError):
    """A module says something that a joined one cannot."""


def join_modules(entry: str, folder: Path = STATIC) -> str:
    """Join a module and all that it imports into one, each behind those that it imports.

    Parameters
    ----------
    entry : str
        Name of the module to begin at, without its ``.js``. The joined module has its exports, too,
        in a constant of its name.
    folder : Path

    Raises
    ------
    JoinError
        If modules import each other in a circle; if one imports what another does not export; if
        it imports or exports in another form than ``import {a, b} from "./c.js"`` and ``export``
        before a function, class or const.
    """
    joined: dict[str, str] = {}
    _join(entry, folder, joined, {}, [])
    return "\n".join(joined.values())


def _join(
    name: str, folder: Path, joined: dict[str, str], exported: dict[str, set[str]], way: list[str]
) -> None:
    """Join a module behind what it imports; ``way`` is how we came to it."""
    if name in way:
        raise JoinError(f"modules import each other: {' → '.join([*way[way.index(name) :], name])}")
    if name in joined:
        return
    path = folder / f"{name}.js"
    if not path.is_file():
        raise JoinError(f"{way[-1] if way else 'nobody'} imports {path.name}: there is none")
    source = path.read_text(encoding="utf-8")
    taken = []
    for names, other in IMPORT.findall(source):
        _join(other, folder, joined, exported, [*way, name])
        wanted = [one.strip() for one in names.split(",") if one.strip()]
        for missing in sorted({*wanted} - exported[other]):
            raise JoinError(f"{path.name} imports {missing} from {other}.js, which exports none")
        taken.append(f"const {{ {', '.join(wanted)} }} = {_constant(other)};\n")
    body = IMPORT.sub("", source)
    exported[name] = {given for _, given in EXPORT.findall(body)}
    body = EXPORT.sub(r"\1 \2", body)
    for line in body.splitlines():
        if STATEMENT.match(line) or ("import" in line and EXPRESSION.search(line)):
            raise JoinError(f"{path.name} says {line.strip()!r}, which cannot be joined")
    given = ", ".join(sorted(exported[name]))
    joined[name] = (
        f"// {path.name}\nconst {_constant(name)} = (() => {{\n{''.join(taken)}{body}"
        f"return {{ {given} }};\n}})();\n"
    )


def _constant(name: str) -> str:
    """Name of the constant that holds what a module exports."""
    return f"module_{name.replace('-', '_')}"


def join_styles(folder: Path = STATIC) -> str:
    """Join the style sheets, in the order in which ``page.css`` imports them."""
    page = (folder / "page.css").read_text(encoding="utf-8")
    return "\n".join(
        (folder / name).read_text(encoding="utf-8") for name in STYLE_IMPORT.findall(page)
    )
