"""The floors: who may import whom, read from the source without running it."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import docstopd

FLOORS: tuple[tuple[str, ...], ...] = (
    ("errors", "model"),
    ("config", "crypto", "db", "senders"),
    ("catalog", "keyring", "blobs", "targets"),
    ("vault",),
    ("dav", "http", "portal", "jobs", "watch"),
    ("daemon",),
    ("cli",),
)
"""From the ground up; design section 3."""

LOCAL_IMPORTS_ALLOWED: frozenset[str] = frozenset()
"""Modules that may import inside a function: adapters of optional drivers, when there are any."""


@dataclass(frozen=True, slots=True)
class Import:
    """That `source` (a module's full name) imports `target`, at `line`; `local` when inside a function."""

    source: str
    target: str
    line: int
    local: bool

    def __str__(self) -> str:
        return f"{self.source}:{self.line} imports {self.target}"


def breaches(
    package: Path, floors: tuple[tuple[str, ...], ...] = FLOORS, allowed: frozenset[str] = LOCAL_IMPORTS_ALLOWED
) -> list[str]:
    """All breaches of the floors by the modules in `package`, one sentence each."""
    sources = _modules(package)
    imports = [found for name, path in sources.items() for found in _imports(name, path, sources)]
    height = {part: floor for floor, parts in enumerate(floors) for part in parts}
    inside = [found for found in imports if found.target.split(".")[0] == package.name]
    return [
        *_homeless(sources, height),
        *(reason for found in inside if (reason := _upward(found, height))),
        *(f"{found} inside a function" for found in imports if found.local and found.source not in allowed),
        *_cycles(inside),
    ]


def _modules(package: Path) -> dict[str, Path]:
    """Every module of the package by its full name."""
    names = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def _imports(module: str, path: Path, known: Mapping[str, Path]) -> Iterator[Import]:
    """The imports in one file; `from package import name` counts as the module `name` where there is one."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node, local in _walk(ast.parse(path.read_text(encoding="utf-8"), str(path)), local=False):
        for target in _targets(node, package, known):
            yield Import(module, target, getattr(node, "lineno", 0), local)


def _walk(node: ast.AST, *, local: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Every node below, and whether it runs only when a function is called."""
    for child in ast.iter_child_nodes(node):
        yield child, local
        function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from _walk(child, local=local or function)


def _targets(node: ast.AST, package: str, known: Mapping[str, Path]) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=base, names=names, level=level):
            above = package.split(".")[: len(package.split(".")) - level + 1] if level else []
            full = ".".join([*above, *([base] if base else [])])
            for alias in names:
                yield member if (member := f"{full}.{alias.name}") in known else full
        case ast.Call(func=ast.Name(id="__import__" | "import_module") | ast.Attribute(attr="import_module")):
            # A name that is computed can't be followed; one that is written down can.
            yield from (part.value for part in node.args[:1] if isinstance(part, ast.Constant))


def _part(module: str) -> str | None:
    """The package or module directly below the root that a module belongs to; None for the root itself."""
    return module.split(".")[1] if "." in module else None


def _homeless(modules: Mapping[str, Path], height: Mapping[str, int]) -> list[str]:
    parts = {part for module in modules if (part := _part(module)) is not None}
    return [f"{part} is on no floor" for part in sorted(parts - height.keys() - {"__main__"})]


def _upward(found: Import, height: Mapping[str, int]) -> str | None:
    """Why an import inside the package is a breach, or None. The root holds the version alone and imports nothing."""
    source, target = _part(found.source), _part(found.target)
    if target is None or source == target or source == "__main__":
        return None
    if source is None:
        return f"{found}, which the root must not"
    if source not in height or target not in height:
        return None
    if height[target] > height[source]:
        return f"{found}, which is a floor up"
    return f"{found}, its sibling" if height[target] == height[source] else None


def _cycles(imports: list[Import]) -> list[str]:
    """A cycle between modules, which covers one between packages (a package's `__init__` is a module too)."""
    found = []
    for name, level in (("packages", 2), ("modules", None)):
        graph: dict[str, set[str]] = {}
        for each in imports:
            source, target = (".".join(module.split(".")[:level]) for module in (each.source, each.target))
            if source != target:
                graph.setdefault(source, set()).add(target)
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            found.append(f"cycle between {name}: {' <- '.join(error.args[1])}")
    return found


def test_imports_go_down_only() -> None:
    """docstopd itself has no breach of its floors, no cycle and no import inside a function."""
    assert breaches(Path(docstopd.__file__).parent) == []


@pytest.fixture
def tower(tmp_path: Path) -> Path:
    """A made-up package on the real floors, without a breach."""
    files = {
        "__init__.py": "__version__ = '1'\n",
        "errors.py": "import os\n",
        "model.py": "",
        "crypto/__init__.py": "from docstopd.crypto.floe import seal\n",
        "crypto/floe.py": "from docstopd import errors\nfrom .. import model\nfrom cryptography import x509\n",
        "vault/__init__.py": "import docstopd.crypto\nfrom docstopd import __version__\n",
        "vault/files.py": "from docstopd.errors import Refused\n",
        "dav/__init__.py": "from ..vault import files\n",
        "http/__init__.py": "",
        "cli/__init__.py": "from docstopd import dav, vault\n",
    }
    for name, text in files.items():
        path = tmp_path / "docstopd" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "docstopd"


def test_a_tower_in_order_passes(tower: Path) -> None:
    """The made-up package is the proof that the checker is not simply never content."""
    assert breaches(tower) == []


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("crypto/floe.py", "from docstopd.vault import files", "a floor up"),
        ("crypto/floe.py", "from docstopd import vault", "a floor up"),
        ("crypto/floe.py", "import docstopd.vault.files as f", "a floor up"),
        ("crypto/floe.py", "from ..vault import files", "a floor up"),
        ("crypto/floe.py", "from .. import cli", "a floor up"),
        ("crypto/floe.py", "if True:\n    from docstopd import cli", "a floor up"),
        ("crypto/floe.py", "import importlib\nX = importlib.import_module('docstopd.cli')", "a floor up"),
        ("dav/__init__.py", "from docstopd import http", "its sibling"),
        ("model.py", "from docstopd import errors", "its sibling"),
        ("__init__.py", "from docstopd import errors", "the root must not"),
        ("vault/files.py", "def f():\n    import json", "inside a function"),
        ("vault/files.py", "class A:\n    async def f(self):\n        from os import path", "inside a function"),
        ("vault/files.py", "def f():\n    return __import__('json')", "inside a function"),
        ("surprise/__init__.py", "", "surprise is on no floor"),
        ("vault/files.py", "import docstopd.vault", None),
        ("vault/one.py", "from docstopd.vault import two", None),
    ],
)
def test_a_breach_is_found(name: str, text: str, reason: str | None, tower: Path) -> None:
    """Each way to import what one must not; an import within the package is none."""
    (tower / name).parent.mkdir(exist_ok=True)
    (tower / name).write_text(text + "\n")
    found = breaches(tower)
    assert any(reason in each for each in found) if reason else not found, found


def test_a_cycle_between_modules_of_one_package_is_found(tower: Path) -> None:
    """Two files that import each other, and a file that imports the package that exports it."""
    (tower / "vault" / "files.py").write_text("from docstopd.vault import trees\n")
    (tower / "vault" / "trees.py").write_text("from docstopd.vault import files\n")
    assert [each.split(":")[0] for each in breaches(tower)] == ["cycle between modules"]


def test_a_cycle_between_packages_is_found_whatever_the_floors(tower: Path) -> None:
    """Even where both directions were allowed by a wrong table of floors."""
    (tower / "crypto" / "floe.py").write_text("from docstopd import vault\n")
    assert any("cycle between packages" in each for each in breaches(tower))


def test_a_module_on_the_list_may_import_inside_a_function(tower: Path) -> None:
    """For the adapter of an optional driver."""
    (tower / "vault" / "files.py").write_text("def f():\n    import json\n")
    assert breaches(tower, allowed=frozenset({"docstopd.vault.files"})) == []
