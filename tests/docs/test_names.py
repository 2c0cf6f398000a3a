"""docs/architecture.md and CONTRIBUTING.md name nothing that does not exist: files, packages, functions, classes.

A rename breaks this test on purpose: it prints each dead name with its line, so that the page can be repaired.
"""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.docs.pages import ROOT, TEXTS
from tests.test_imports import RULES

PAGES = ("docs/architecture.md", "CONTRIBUTING.md")
FOLDERS = (
    ROOT,
    ROOT / "flushcheck",
    ROOT / "flushcheck" / "service" / "page",
    ROOT / "tests",
)  # where a path may start

# `code` that looks like a name and is none of ours.
FOREIGN = frozenset(
    {
        *(
            "PYTHONPATH",
            "StrEnum",
            "None",
            "bool",
            "open",
            "is",
            "true",
            "dataclass",
            "Protocol",
            "TypedDict",
        ),
        *(
            "_s",
            "_bytes",
            "gevent",
            "flask",
            "socket",
            "requests",
            "except",
            "pytest",
            "nginx",
            "make",
            "ruff",
            "mypy",
            "print",
        ),
    }
)


@cache
def known() -> frozenset[str]:
    """Every name that a module or test defines, and the names of the modules and packages themselves."""
    found: set[str] = set()
    for path in [*ROOT.glob("*.py"), *ROOT.glob("flushcheck/**/*.py"), *ROOT.glob("tests/**/*.py")]:
        found |= {part.removesuffix(".py") for part in path.relative_to(ROOT).parts}
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                found.add(node.name)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found.add(node.target.id)
            elif isinstance(node, ast.Assign):
                found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    for path in ROOT.glob("flushcheck/service/page/*.js"):
        found |= set(re.findall(r"\b(?:const|function|class|let)\s+(\w+)", path.read_text()))
    return frozenset(found)


def exists(name: str) -> bool:
    """Whether a name in code font is a file, or defined somewhere; True for what is no name at all."""
    if re.search(r"[<>…*]", name):  # a placeholder
        return True
    if re.fullmatch(r"[\w.-]+(/[\w.-]*)+|[\w-]+\.(py|md|toml|js|conf|txt)", name):
        return any((folder / name).exists() for folder in FOLDERS)
    if name in FOREIGN or not re.fullmatch(r"[A-Za-z_][\w.]*(\(\))?", name):
        return True
    return all(part in known() for part in name.removesuffix("()").split("."))


def dead_names(text: str) -> list[str]:
    """Each dead name with its line."""
    found = []
    fenced = False
    for number, line in enumerate(text.splitlines(), start=1):
        fenced ^= line.lstrip().startswith("```")
        if not fenced:
            found += [f"line {number}: {name}" for name in re.findall(r"`([^`]+)`", line) if not exists(name)]
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_name_on_the_page_exists(page: str):
    dead = dead_names(TEXTS[page])
    assert dead == [], f"{page} names what does not exist (any more): write the new names"


@pytest.mark.parametrize("page", PAGES)
def test_every_function_in_an_example_exists(page: str):
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", TEXTS[page], re.DOTALL | re.MULTILINE))
    shown = set(re.findall(r"^(?:class|def) (\w+)", code, re.MULTILINE))
    assert shown <= known(), f"{page}: these examples are not in the code: {sorted(shown - known())}"


def layers() -> list[set[str]]:
    """The packages on each line of the drawing, from the top."""
    drawing = TEXTS["docs/architecture.md"].split("```text\n")[1].split("```")[0]
    lines = [set(re.findall(r"[a-z]+", line[:46])) & set(RULES) for line in drawing.splitlines()]
    return [line for line in lines if line]


def test_the_drawing_shows_who_may_import_whom():
    height = {name: -number for number, line in enumerate(layers()) for name in line}
    packages = {name for name in RULES if (ROOT / "flushcheck" / name).is_dir()}
    assert set(height) == packages, "docs/architecture.md: the drawing has to show each package once"
    for name in sorted(packages):
        upwards = [
            other for other in RULES[name].imports if other in height and height[other] >= height[name]
        ]
        assert not upwards, f"docs/architecture.md: draw {name} above {upwards}, which it may import"


def test_the_table_has_every_package():
    packages = {name for name in RULES if (ROOT / "flushcheck" / name).is_dir()}
    table = set(re.findall(r"^\| `(\w+)` \|", TEXTS["docs/architecture.md"], re.MULTILINE))
    assert packages == table, "docs/architecture.md, The packages: one row for each package"


def test_the_table_says_which_packages_are_pure():
    rows = re.findall(r"^\| `(\w+)` \|.*\| (yes|no) \|$", TEXTS["docs/architecture.md"], re.MULTILINE)
    assert {name for name, pure in rows if pure == "yes"} == {
        name for name, rule in RULES.items() if rule.pure
    }


NAMES = [
    # in code font                         exists
    ("model/observation.py",               True),
    ("model/observations.py",              False),
    ("measurement.plan.baselines",         True),
    ("measurement.plan.bass_lines",        False),
    ("judge()",                            True),
    ("jugde",                              False),
    ("culprits/",                          True),
    ("X-Accel-Buffering: no",              True),
    ("tests/lab/cases/<program>/x.conf",   True),
]  # fmt: skip


@pytest.mark.parametrize(("name", "there"), NAMES)
def test_a_dead_name_is_seen(name: str, *, there: bool):
    assert exists(name) is there
