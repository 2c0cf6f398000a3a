"""Reading a shipped file's own promises, and changing it as they say."""

from __future__ import annotations

import pytest

from tests.deploy.shipped import DEPLOY, Mark, broken, marks, on_sub_path

FILE = """\
# matters: one
# why it is there
first line;

    # matters: two: of it
    # On a sub-path, instead of the next line: third line of /flushcheck
    second line of it
    # On a sub-path, as well: fourth line
    # holds: three
    # never this
"""

MARKS = [
    # mark                                                  the file with its line undone, in part
    (Mark("one", 2, "first line;", "", holds=False),                "# why it is there\n\n    # matters: two"),
    (Mark("two", 6, "second line of it", "of it", holds=False),     "    second line\n    # On a sub-path, as"),
    (Mark("three", 9, "# never this", "", holds=True),              "    # holds: three\n    never this\n"),
]  # fmt: skip


def test_marks_are_found_from_top_to_bottom():
    assert marks(FILE) == tuple(mark for mark, _ in MARKS)


@pytest.mark.parametrize(("mark", "part"), MARKS, ids=[mark.culprit for mark, _ in MARKS])
def test_one_line_is_undone_and_no_other(mark, part):
    undone = broken(FILE, mark)
    assert part in undone
    kept = [line for line in FILE.splitlines() if line.strip() != mark.text]
    assert [line for line in undone.splitlines() if line in kept] == kept


def test_the_lines_for_a_sub_path_take_their_place():
    lines = on_sub_path(FILE).splitlines()
    assert lines[6:8] == ["    third line of /flushcheck", "    fourth line"]


WRONG = [
    # name                        text
    ("nothing below",             "# matters: one\n# only a comment\n"),
    ("words that are not there",  "# matters: one: other\nline\n"),
    ("what holds is in force",    "# holds: one\nline\n"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), WRONG, ids=[name for name, _ in WRONG])
def test_a_mark_that_promises_nothing_is_an_error(name, text):
    with pytest.raises(ValueError, match="line below"):
        marks(text)


def test_a_file_without_a_line_for_a_sub_path_says_so():
    with pytest.raises(ValueError, match="sub-path"):
        on_sub_path("line\n")


def test_the_marks_of_all_files_can_be_read():
    files = [path for path in DEPLOY.rglob("*") if path.is_file() and path.suffix not in (".pyc", ".md")]
    assert sum(len(marks(path.read_text())) for path in files) >= 9
