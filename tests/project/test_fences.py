"""The architecture's fences: who may import whom, and who may touch the outside world."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "monitor").rglob("*.py"))

# Pure: values in, values out. They may use the standard library and pure libraries, and each other.
PURE = (
    "monitor.models", "monitor.errors", "monitor.intake", "monitor.rulebook", "monitor.lastgood",
    "monitor.document",
    "monitor.text", "monitor.rules", "monitor.stories", "monitor.alerts",
    "monitor.feeds.dates", "monitor.feeds.identity", "monitor.feeds.interval", "monitor.feeds.politeness",
    "monitor.feeds.normalize", "monitor.feeds.urls", "monitor.feeds.sniff", "monitor.feeds.encoding",
    "monitor.feeds.scan", "monitor.feeds.parse", "monitor.feeds.jsonfeed", "monitor.feeds.catalog",
    "monitor.feeds.json_schema", "monitor.feeds.health", "monitor.schemas", "monitor.codes",
)  # fmt: skip
# What a pure module must not import: I/O, clocks, settings, logging, other layers.
IMPURE = (
    "asyncio", "socket", "ssl", "subprocess", "threading", "multiprocessing", "time", "os", "logging",
    "random",
    "pathlib", "shutil", "tempfile", "aiohttp", "aiosmtplib", "sqlalchemy", "structlog", "apscheduler",
    "pebble",
    "prometheus_client", "watchfiles", "typer", "rich", "pydantic_settings",
    "monitor.settings", "monitor.app", "monitor.daemon", "monitor.cli", "monitor.web", "monitor.loops",
    "monitor.http", "monitor.storage", "monitor.channels", "monitor.directory", "monitor.clock",
    "monitor.logs",
)  # fmt: skip

# One door each to the outside: (library, modules that may import it).
DOORS = (
    ("aiohttp", ("monitor.http", "monitor.web", "monitor.demo")),
    ("aiosmtplib", ("monitor.channels.email",)),
    ("sqlalchemy", ("monitor.storage",)),
    ("alembic", ("monitor.storage",)),
    ("feedparser", ("monitor.feeds",)),
    ("pebble", ("monitor.feeds.worker",)),
    ("apscheduler", ("monitor.ticks",)),
    ("pydantic_settings", ("monitor.settings",)),
    ("typer", ("monitor.cli",)),
    ("jinja2", ("monitor.channels", "monitor.web")),
    ("ruamel", ("monitor.document", "monitor.demo")),
    ("re2", ("monitor.rules",)),
    ("monitor.storage.sql", ("monitor.storage", "monitor.app")),
    ("monitor.storage.memory", ("monitor.storage", "monitor.app")),
    ("monitor.channels.email", ("monitor.app",)),
    ("monitor.channels.apprise", ("monitor.app",)),
    ("monitor.channels.dkim", ("monitor.app",)),
    ("monitor.channels.webhook", ("monitor.app",)),
    (
        "monitor.settings",
        ("monitor.app", "monitor.daemon", "monitor.cli", "monitor.directory", "monitor.demo"),
    ),
)


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> set[str]:
    """Every module that `path` imports when it runs; imports for the type checker alone do not count."""
    found: set[str] = set()

    def walk(node: ast.AST) -> None:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for other in node.orelse:
                walk(other)
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        for child in ast.iter_child_nodes(node):
            walk(child)

    walk(ast.parse(path.read_text("utf-8")))
    return found


def inside(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("path", [p for p in MODULES if inside(name_of(p), PURE)], ids=name_of)
def test_the_core_is_pure(path):
    assert not {module for module in imports_of(path) if inside(module, IMPURE)}


@pytest.mark.parametrize(("library", "doors"), DOORS, ids=[library for library, _ in DOORS])
def test_each_library_has_one_door(library, doors):
    outside = [path for path in MODULES if not inside(name_of(path), (*doors, library))]
    assert not [name_of(path) for path in outside if any(inside(m, (library,)) for m in imports_of(path))]


def test_only_the_settings_read_the_environment():
    readers = [
        name_of(path)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb"}
    ]
    assert set(readers) <= {"monitor.settings"}


def test_every_module_says_what_it_is_for():
    undocumented = [
        name_of(path) for path in MODULES if not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert not undocumented


@pytest.mark.parametrize("pure", PURE)
def test_the_list_of_pure_modules_is_true(pure):
    assert any(inside(name_of(path), (pure,)) for path in MODULES), f"{pure} is gone: mend the list"
