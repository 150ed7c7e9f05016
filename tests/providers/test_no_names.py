"""The mechanisms know no provider by name: its facts are in its catalogue file. Comments and docstrings may name it as a source."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from apps.providers.adapters import WIRES
from apps.providers.catalogue_files import read_catalogue

APPS = Path(__file__).parents[2] / "apps"
ADAPTERS = APPS / "providers" / "adapters"
SANDBOX = "sandbox"  # ours: an upstream in the process
NAMES = {entry.name.replace("_", "") for entry in read_catalogue()} - {SANDBOX}
# Where a wire is registered under its name, which is also a provider's. Each wire's own package may bear its name.
REGISTRIES = {
    ADAPTERS / "__init__.py",
    APPS / "providers" / "types.py",
    APPS / "providers" / "wires.py",
    APPS / "gateway" / "wire" / "surfaces.py",
}
# What clients speak bears the name that they know it by: a surface's own room, and the shape of its errors.
ROOMS = APPS / "gateway" / "endpoints"
SURFACES = {name for name in NAMES if (ROOMS / name).is_dir()}
# What people read: examples of requests and answers, in the words of the documents.
EXAMPLES = {
    path for path in APPS.rglob("*.py") if path.name == "reference.py" or path.parent.name == "reference"
}
# An English word as well, which only stands alone where a provider is meant.
ENGLISH = {"together"}
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
FILES = sorted(
    path
    for path in APPS.rglob("*.py")
    if path not in REGISTRIES | EXAMPLES and "migrations" not in path.parts
)


def named_in(text: str, *, prose: bool = False) -> set[str]:
    """The providers that `text`, an identifier or a string, names: by a word, or by two that follow each other (HuggingFace)."""
    words = [word.lower() for word in WORD.findall(text)]
    found = {*words, *(first + second for first, second in pairwise(words))} & NAMES
    return found - ENGLISH if prose else found


def docstrings(tree: ast.Module) -> set[ast.Constant]:
    """The strings that stand alone: docstrings, of modules, classes, functions and constants."""
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, provider) of every provider that the code names."""
    silent = docstrings(tree)
    for node in ast.walk(tree):
        found: set[str] = set()
        for field in ("id", "attr", "name", "asname", "arg", "module"):
            if isinstance(value := getattr(node, field, None), str):
                found |= named_in(value)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in silent:
            found |= named_in(node.value, prose=" " in node.value)
        yield from ((getattr(node, "lineno", 0), name) for name in found)


def own_name(path: Path) -> str | None:
    """The name that a file may bear."""
    wires = (name for name in WIRES if path.is_relative_to(ADAPTERS / name))
    shapes = {APPS / "gateway" / "wire" / f"{name}_errors.py": name for name in SURFACES}
    surfaces = (name for name in SURFACES if path.is_relative_to(ROOMS / name))
    return next(wires, None) or next(surfaces, None) or shapes.get(path)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(APPS)))
def test_the_code_names_no_provider(path):
    own = own_name(path)

    found = [(line, name) for line, name in names(ast.parse(path.read_text())) if name != own]

    assert not found


@pytest.mark.parametrize(
    "code",
    [
        "DIALECTS = {'groq': 1}",
        "GROQ = 1",
        "from x import HuggingFaceStream",
        "def read_zai_error(): ...",
        "f('together')",
        "f(cohere=1)",
        "x = 'Mistral, then Gemini'",
        "offer.provider == f'{user}:openrouter'",
        "match x:\n  case 'nvidia': ...",
    ],
)
def test_would_see_a_name(code):
    assert list(names(ast.parse(code)))


@pytest.mark.parametrize(
    "code", ['"""Groq says so."""', "f('no larger than 20 MB together')", "# Groq\nx = 'coherent'"]
)
def test_lets_sources_and_words_be(code):
    assert not list(names(ast.parse(code)))
