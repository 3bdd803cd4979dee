"""The house rules, checked: floors, docstrings, a small front door, nothing of one machine.

Every rule is also shown something that breaks it, which proves that the check can fail.
"""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "retrograd"

# A room may import from the floors below its own, and from itself.
FLOORS = {
    "maths": 1,
    "engine": 2,
    "rewind": 3,
    "estimators": 4,
    "tables": 5,
    "export": 5,
    "scale": 5,
    "faces": 6,
}
SOURCES = sorted(PACKAGE.rglob("*.py"))
IDS = [str(path.relative_to(PACKAGE)) for path in SOURCES]


def imported_modules(tree: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    """Full names of all modules that a file imports, anywhere in it; relative ones resolved."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.split(".")
                kept = parents[: len(parents) - node.level + is_package]
                base = ".".join([*kept, base] if base else kept)
            # ``from retrograd.maths import activations`` and ``from retrograd import maths``
            # name modules in their second half.
            yield from (f"{base}.{alias.name}" for alias in node.names)


def floor_faults(source: str, module: str, is_package: bool = False) -> list[str]:
    """List the imports of a file that its floor does not allow."""
    parts = module.split(".")
    room = parts[1] if len(parts) > 1 else ""
    floor = FLOORS.get(room, 99)
    faults = []
    for name in imported_modules(ast.parse(source), module, is_package):
        target = name.split(".")
        if target[0] != "retrograd":
            continue
        other = target[1] if len(target) > 1 else ""
        if other not in FLOORS:
            faults.append(f"{module} imports {name}: nothing inside imports from the front door")
        elif other != room and FLOORS[other] >= floor:
            faults.append(f"{module} (floor {floor}) imports {name} (floor {FLOORS[other]})")
    return faults


def module_name(path: Path) -> str:
    """Name of the module that a source file is."""
    parts = ("retrograd", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("path", SOURCES, ids=IDS)
def test_floors(path: Path) -> None:
    """Every file imports from floors below its own only."""
    room = module_name(path).split(".")[1:2]
    assert not room or room[0] in {*FLOORS, "__main__"}, f"{room[0]} has no floor in DESIGN"
    faults = floor_faults(path.read_text(), module_name(path), path.name == "__init__.py")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("retrograd.maths.losses", "from retrograd.engine.jit import jit"),
        ("retrograd.maths.losses", "def f():\n    import retrograd.engine.jit"),
        ("retrograd.maths.losses", "from ..engine import jit"),
        ("retrograd.maths.losses", "from .. import engine"),
        ("retrograd.engine.kernels.forward", "from ...estimators import classifier"),
        ("retrograd.tables.encoder", "from retrograd.export.container import read"),
        ("retrograd.export.parts", "if True:\n    from retrograd import tables"),
        ("retrograd.estimators.classifier", "from retrograd.faces import cli"),
        ("retrograd.faces.cli", "from retrograd import MLPClassifier"),
        ("retrograd.faces.cli", "import retrograd"),
    ],
)
def test_the_floors_can_be_broken(module: str, line: str) -> None:
    """Each of these is found; so the check above says something."""
    assert len(floor_faults(line, module)) == 1


@pytest.mark.parametrize(
    ("module", "line", "is_package"),
    [
        ("retrograd.engine.trainer", "from retrograd.maths import losses\nimport numpy", False),
        ("retrograd.engine.trainer", "from .kernels import forward\nfrom ..maths import x", False),
        ("retrograd.engine", "from .trainer import Trainer", True),
        ("retrograd.faces.cli", "from retrograd.tables.encoder import TableEncoder", False),
        ("retrograd", "from retrograd.estimators.classifier import MLPClassifier", True),
        ("retrograd", "from .estimators.classifier import MLPClassifier", True),
    ],
)
def test_downwards_is_allowed(module: str, line: str, is_package: bool) -> None:
    """What the floors allow is not complained about."""
    assert floor_faults(line, module, is_package) == []


def front_door_faults(source: str, stub: str) -> list[str]:
    """List what a front door does besides handing on, lazily, at most sixteen names of its stub."""
    faults = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import) and [alias.name for alias in node.names] == ["lazy_loader"]:
            continue
        if isinstance(node, ast.Assign):
            parts = [part for target in node.targets for part in ast.walk(target)]
            targets = {part.id for part in parts if isinstance(part, ast.Name)}
            if not targets <= {"__all__", "__dir__", "__getattr__", "__version__"}:
                faults.append(f"line {node.lineno}: assigns {targets}")
        elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            faults.append(f"line {node.lineno}: {type(node).__name__}")
    tree = ast.parse(stub)
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    names = sorted(alias.asname or alias.name for node in imports for alias in node.names)
    if len(names) > 16:
        faults.append(f"{len(names)} names")
    listed = [node.value for node in tree.body if isinstance(node, ast.Assign)]
    if sorted(ast.literal_eval(listed[0]) if listed else []) != names:
        faults.append("the stub's __all__ is not what it imports")
    return faults


def test_front_door() -> None:
    """``__init__`` hands on at most sixteen names, when they are used, and does nothing else."""
    source, stub = (PACKAGE / f"__init__.{end}" for end in ("py", "pyi"))
    assert front_door_faults(source.read_text(), stub.read_text()) == []
    letters = "abcdefghijklmnopq"
    many = f"from .a import {', '.join(letters)}\n__all__ = {[*letters]}"
    assert front_door_faults("", many) == ["17 names"]
    empty = "__all__ = []"
    assert front_door_faults('"""Text."""\n\ndef f():\n    pass', empty) == ["line 3: FunctionDef"]
    assert front_door_faults("x = 1", empty) == ["line 1: assigns {'x'}"]
    assert front_door_faults("import numpy", empty) == ["line 1: Import"]
    unlisted = "the stub's __all__ is not what it imports"
    assert front_door_faults("", "from .a import b\n__all__ = ['c']") == [unlisted]


def test_every_name_of_the_front_door_is_there() -> None:
    """Each is found behind it; and what is not there is told as ever."""
    import retrograd

    for name in retrograd.__all__:
        assert getattr(retrograd, name).__module__.startswith("retrograd.")
    with pytest.raises(AttributeError, match="nowhere"):
        _ = retrograd.nowhere


def test_the_front_door_imports_nothing_heavy() -> None:
    """A page, or a command's help, does not wait for the engine."""
    code = "import sys, retrograd.faces.cli; print({*sys.modules} & {'numba', 'scipy', 'sklearn'})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def undocumented(source: str) -> list[str]:
    """Public classes, functions and methods, and the module itself, that have no docstring."""
    tree = ast.parse(source)
    faults = [] if ast.get_docstring(tree) else ["the module"]

    def look(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.If | ast.Try):
                look(node.body, prefix)
                look(node.orelse, prefix)
            if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            decorators = {
                ast.unparse(decorator).split(".")[-1] for decorator in node.decorator_list
            }
            if node.name.startswith("_") or decorators & {"overload", "setter", "deleter"}:
                continue
            if not ast.get_docstring(node):
                faults.append(prefix + node.name)
            if isinstance(node, ast.ClassDef):
                look(node.body, f"{prefix}{node.name}.")

    look(tree.body, "")
    return faults


@pytest.mark.parametrize("path", SOURCES, ids=IDS)
def test_docstrings(path: Path) -> None:
    """Everything public says what it is."""
    assert undocumented(path.read_text()) == []


def test_missing_docstrings_are_found() -> None:
    """In a class, behind a condition, and on the module."""
    source = (
        "class A:\n    '''Text.'''\n    def f(self): ...\nif A:\n    def g(): ...\ndef _h(): ..."
    )
    assert undocumented(source) == ["the module", "A.f", "g"]


def named_twice(sources: dict[str, str]) -> list[str]:
    """Public classes that another file has a class of the same name beside."""
    places: dict[str, list[str]] = {}
    for module, source in sources.items():
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(module)
    return [f"{name}: {', '.join(found)}" for name, found in places.items() if len(found) > 1]


def test_a_class_has_a_name_of_its_own() -> None:
    """Who reads a name knows what it is of."""
    assert named_twice({str(path): path.read_text() for path in SOURCES}) == []
    two = {
        "a": "class Plan: ...\nclass _Plan: ...",
        "b": "class Plan: ...",
        "c": "class _Plan: ...",
    }
    assert named_twice(two) == ["Plan: a, b"]


# Host names of package registries, and paths that exist on somebody's machine only.
REGISTRIES = re.compile(
    r"\b(?:pypi\.org|pythonhosted\.org|anaconda\.org|npmjs\.(?:org|com)|crates\.io|jsdelivr\.net"
    r"|unpkg\.com|conda\.io)\b"
)
MACHINE_PATHS = re.compile(
    r"(?<![\w.~/-])/(?:home|root|work|opt|Users|mnt)/[\w.]|\b[A-Z]:\\(?:Users|work)\\"
)


def place_faults(text: str) -> list[str]:
    """Registry host names and absolute paths in a text."""
    found = [*REGISTRIES.finditer(text), *MACHINE_PATHS.finditer(text)]
    return [text[max(0, match.start() - 20) : match.end() + 20] for match in found]


def files_of_the_repository() -> list[Path]:
    """All files that git tracks or would track; without git, the sources and tests."""
    if shutil.which("git") and (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split("\0")
        return [ROOT / name for name in listed if name and (ROOT / name).is_file()]
    return [path for room in ("src", "tests") for path in (ROOT / room).rglob("*.py")]


def test_nothing_of_one_machine() -> None:
    """No file names a package registry's host or a path of the machine it was written on."""
    files = files_of_the_repository()
    assert PACKAGE / "__init__.py" in files
    faults = []
    for path in files:
        content = path.read_bytes()
        if b"\0" not in content:
            text = content.decode("utf-8", errors="replace")
            faults += [f"{path.relative_to(ROOT)}: {fault!r}" for fault in place_faults(text)]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    "parts",
    [
        ("https://", "pypi", ".org/simple"),
        ("see files.", "pythonhosted", ".org"),
        ("at /", "home/ada/data.csv"),
        ('"/', "work/main"),
        ("C:", "\\Users", "\\ada"),
    ],
)
def test_machine_traces_are_found(parts: tuple[str, ...]) -> None:
    """Put together only here, so that this file does not accuse itself."""
    assert len(place_faults("".join(parts))) == 1
    assert place_faults("https://example.org/home/page and ./work/x and </optional>") == []
