"""All modules as one: the same page, and a clear word where that cannot be."""

from pathlib import Path

import pytest

from retrograd.faces.page.joined import STATIC, STYLE_IMPORT, JoinError, join_modules, join_styles


@pytest.mark.parametrize("entry", ["main", "still", "widget"])
def test_the_page_joins(entry: str) -> None:
    """Nothing is left that a joined module cannot say, and nothing is there twice."""
    joined = join_modules(entry)
    lines = joined.splitlines()
    assert not [line for line in lines if line.startswith(("import ", "export "))]
    modules = [line for line in lines if line.startswith("const module_")]
    assert len(modules) == len(set(modules)) > 10
    assert modules[-1].startswith(f"const module_{entry} ")


def test_every_module_and_style_is_used() -> None:
    """A file that nobody imports would be missing where there is no server."""
    joined = "".join(join_modules(entry) for entry in ("main", "still", "widget"))
    for path in STATIC.glob("*.js"):
        assert f"// {path.name}\n" in joined
    named = STYLE_IMPORT.findall((STATIC / "page.css").read_text())
    assert sorted(["page.css", *named]) == sorted(path.name for path in STATIC.glob("*.css"))
    assert join_styles().count(".retrograd .panel {") == 1


def write(folder: Path, **modules: str) -> Path:
    """Write modules."""
    for name, source in modules.items():
        (folder / f"{name}.js").write_text(source)
    return folder


def test_what_is_imported_comes_first_and_once(tmp_path: Path) -> None:
    """And names that modules keep for themselves do not meet."""
    write(
        tmp_path,
        a='import { b } from "./b.js";\nimport {\n  c,\n  C,\n} from "./c.js";\nconst n = b + c;\n',
        b='import { c } from "./c.js";\nconst n = 1;\nexport const b = n + c;\n',
        c="export const c = 2;\nconst n = 3;\nexport class C {}\nexport async function d() {}\n",
    )
    joined = join_modules("a", tmp_path)
    assert [line for line in joined.splitlines() if line.startswith("//")] == [
        "// c.js", "// b.js", "// a.js",
    ]  # fmt: skip
    assert "const { c, C } = module_c;" in joined
    assert "return { C, c, d };" in joined
    assert "export" not in joined


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ('import b from "./b.js";\n', "cannot be joined"),
        ('import * as b from "./b.js";\n', "cannot be joined"),
        ('import { b as c } from "./b.js";\n', "exports none"),
        ('import { c } from "./b.js";\n', "a.js imports c from b.js, which exports none"),
        ('import { b } from "./nowhere.js";\n', "there is none"),
        ('import { b } from "elsewhere";\n', "cannot be joined"),
        ("export default 1;\n", "cannot be joined"),
        ('export { b } from "./b.js";\n', "cannot be joined"),
        ("export let b = 1;\n", "cannot be joined"),
        ('const b = await fetch("c");\n', "cannot be joined"),
        ('function f() {\n  return import("./b.js");\n}\n', "cannot be joined"),
        ("const here = import.meta.url;\n", "cannot be joined"),
        ('import { d } from "./circle.js";\n', "modules import each other: a → circle → a"),
    ],
)
def test_what_cannot_be_joined(tmp_path: Path, source: str, complaint: str) -> None:
    """Is told, with the module that says it."""
    write(
        tmp_path, a=source, b="export const b = 1;\n",
        circle='import { a } from "./a.js";\nexport const d = 1;\n',
    )  # fmt: skip
    with pytest.raises(JoinError, match=complaint):
        join_modules("a", tmp_path)
