"""The direction of imports, and who may know the engines."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ALLOWED = {"index": {"index"}, "qa": {"qa", "index"}, "ui": {"ui", "qa", "index"}}
ONLY_IN = {
    "faiss": "index/dense.py",
    "tantivy": "index/sparse.py",
    "nupunkt": "index/passages.py",
    "watchfiles": "index/watch.py",
    "pymilvus": "index/milvus.py",
}


def imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_imports_go_one_way(package):
    ours = set(ALLOWED) | {"tests", "scripts"}
    for path in sorted((ROOT / package).rglob("*.py")):
        assert imports(path) & ours <= ALLOWED[package], path


def test_gradio_is_known_to_the_page_alone():
    users = {
        p.relative_to(ROOT).as_posix() for n in ALLOWED for p in (ROOT / n).rglob("*.py") if "gradio" in imports(p)
    }
    assert users == {"ui/app.py", "ui/quality_tab.py"}


@pytest.mark.parametrize("engine", sorted(ONLY_IN))
def test_an_engine_is_known_to_one_file(engine):
    users = [p for package in ALLOWED for p in (ROOT / package).rglob("*.py") if engine in imports(p)]
    assert [p.relative_to(ROOT).as_posix() for p in users] == [ONLY_IN[engine]]
