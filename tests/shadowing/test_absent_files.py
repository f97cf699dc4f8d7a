"""Files that a command names but only the checkout has."""

from __future__ import annotations

import pytest

from bisect_tool.shadowing import Command, find_absent_files


@pytest.fixture
def absent(place):
    """The absent files, and the command with their full paths; `{checkout}` is filled in."""
    place.write("project/.env")
    place.write("project/data/limits.txt")
    place.write("project/node_modules/.bin/t")
    place.write("project/tracked.txt")
    place.write("project/src/tracked.txt")
    place.write("project/expected.txt")

    def of(*argv, own=None):
        words = tuple(word.format(checkout=place.checkout) for word in argv)
        found = find_absent_files(
            Command(words, {}, own or {}), place.checkout, {"tracked.txt", "src"}.intersection
        )
        if found is None:
            return None
        names = found.found.partition("only your checkout has: ")[2].partition(";")[0]
        return names, " ".join(found.command).replace(str(place.checkout), "CO")

    return of


@pytest.mark.parametrize(
    ("argv", "names", "expected"),
    [
        (("sh", "-c", ". ./.env; make"), ".env", "sh -c . CO/.env; make"),
        (("sh", "-c", "cmp out expected.txt"), "expected.txt", "sh -c cmp out CO/expected.txt"),
        (("sh", "-c", "PATH=node_modules/.bin t"), "node_modules/.bin", "sh -c PATH=CO/node_modules/.bin t"),
        (("t", "data/limits.txt", "tracked.txt"), "data/limits.txt", "t CO/data/limits.txt tracked.txt"),
        (("make", "-C", "data", "test"), "data", ""),
        (("ctest", "--test-dir=data"), "data", ""),
        (("sh", "-c", "cd data && ./run"), "data", ""),
        (
            ("sh", "-c", "cd data; cmp out expected.txt"),
            "expected.txt, data",
            "sh -c cd data; cmp out CO/expected.txt",
        ),
    ],
)
def test_absent_files_that_a_command_names_are_found(absent, argv, names, expected):
    assert absent(*argv) == (names, expected)


@pytest.mark.parametrize(
    "argv",
    [
        ("make", "data"),
        ("make", "-C", "none"),
        ("make", "-C", "src"),
        ("cat", "tracked.txt", "none.txt", "/etc/hosts", "../project/.env", "{checkout}/expected.txt"),
        ("sh", "-c", "cat $X/expected.txt ~/expected.txt"),
    ],
)
def test_tracked_files_and_other_words_are_ignored(absent, argv):
    assert absent(*argv) is None


def test_absent_files_that_a_script_names_are_found(place, absent):
    place.write("project/check.py", "json.load(open('expected.txt'))\n")
    assert absent("python3", "{checkout}/check.py") == ("expected.txt", "")
    assert absent("./all.sh", own={"all.sh": "cmp out expected.txt\n"}) == ("expected.txt", "")
