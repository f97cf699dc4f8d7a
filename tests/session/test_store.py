"""The store: added trials are never lost, changed or hidden, even if processes are killed."""

from __future__ import annotations

import json
import random
import re
import resource
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from adders import numbered
from pydantic import ValidationError

from bisect_tool.errors import EnvironmentFailed, ExitCode, UsageError
from bisect_tool.session import store as store_module
from bisect_tool.session.store import SCHEMA_VERSION, Store

ADDERS = Path(__file__).with_name("adders.py")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "store.db"


@pytest.fixture
def store(path):
    opened = Store(path)
    yield opened
    opened.close()


def shas(store, session):
    return [row.result.sha for row in store.trials(session)]


def reopened_shas(path, session):
    with closing(Store(path)) as reopened:
        return shas(reopened, session)


def add_many(store, session, added):
    for number in range(1000):
        store.add(session, "narrow", numbered(number))
        added.append(str(number))


def adders(path, session, kills, seed):
    done = subprocess.run(
        [sys.executable, str(ADDERS), str(path), session, str(kills), str(seed)],
        env={"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        check=True,
        timeout=120,
    )
    return json.loads(done.stdout)


def test_the_journal_survives_power_loss(store):
    """WAL with FULL (2): a commit is on disk when it returns."""
    assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_trial_comes_back_as_it_was_added(store, path):
    session = store.create("{}")
    store.add(session, "narrow", numbered(7))
    with closing(Store(path)) as reopened:
        (row,) = reopened.trials(session)
    assert row.purpose == "narrow"
    assert row.result == numbered(7)


def test_trials_are_only_ever_appended(store):
    one, two = store.create("{}"), store.create("{}")
    seen = []
    for number in range(6):
        store.add(one if number % 2 else two, "narrow", numbered(number))
        rows = sorted(store.trials(one) + store.trials(two), key=lambda row: row.number)
        assert rows[:-1] == seen
        seen = rows
    assert shas(store, one) == ["1", "3", "5"]
    store.finish(one, "{}")
    assert shas(store, one) == ["1", "3", "5"]
    assert (store.session(one).document, store.session(two).document) == ("{}", None)


def test_a_trial_belongs_to_its_session_alone(store):
    one, two = store.create("{}"), store.create("{}")
    store.add(one, "narrow", numbered(1))
    assert shas(store, two) == []


def test_sessions_are_named_by_id_prefix_or_last(store):
    ids = [store.create(f'"{number}"') for number in range(3)]
    assert len(set(ids)) == 3
    assert [row.id for row in store.sessions()] == ids[::-1]
    assert store.session("last").id == ids[-1]
    assert [store.session(each).id for each in ids] == ids
    assert [store.session(each[:-1]).request for each in ids] == ['"0"', '"1"', '"2"']
    assert [store.session(each[-5:]).id for each in ids] == ids


def test_last_session_is_no_confirmation(store):
    own = store.create('{"fixes": {"confirms": null}}')
    parts = [store.create(f'{{"fixes": {{"confirms": "{own}"}}}}') for _ in range(2)]
    assert store.session("last").id == own
    assert [row.id for row in store.confirming(own)] == parts[::-1]
    assert store.confirming(parts[0]) == []
    assert store.session(parts[0]).id == parts[0]


def test_an_ambiguous_prefix_is_refused(store):
    ids = [store.create("{}") for _ in range(2)]
    with pytest.raises(UsageError, match="matches 2 sessions"):
        store.session(ids[0][:4])


@pytest.mark.parametrize("name", ["", "2026", "%", "last; DROP TABLE session"])
def test_unknown_session_is_an_error(store, name):
    with pytest.raises(UsageError, match="no such session") as raised:
        store.session(name)
    assert "bisect-run status" in raised.value.hint


def test_last_session_of_an_empty_store_is_an_error(store):
    with pytest.raises(UsageError, match="there are no sessions yet"):
        store.session("last")


def test_complete_id_is_not_ambiguous(store, path):
    store.create("{}")
    with sqlite3.connect(path) as database:
        database.execute("UPDATE session SET id = 'abc'")
        database.execute("INSERT INTO session VALUES ('abcd', '2026', '{}', NULL)")
    database.close()
    assert store.session("abc").id == "abc"


@pytest.mark.parametrize("obstacle", ["a file for a folder", "no database", "a folder for a file"])
def test_unusable_path_is_an_environment_error(path, obstacle):
    if obstacle == "a file for a folder":
        path.parent.write_text("in the way")
    elif obstacle == "no database":
        path.parent.mkdir()
        path.write_text("something else altogether, and long enough to be looked at" * 20)
    else:
        path.mkdir(parents=True)
    with pytest.raises(EnvironmentFailed, match=r"cannot be written|is damaged") as raised:
        Store(path)
    assert raised.value.exit_code == ExitCode.ENVIRONMENT
    assert str(path) in raised.value.message
    assert ("move it away" if obstacle == "no database" else "BISECT_RUN_HOME") in raised.value.hint


@pytest.mark.parametrize("replaced", [False, True])
def test_a_removed_store_is_noticed_at_the_next_write(store, path, replaced):
    path.unlink()
    if replaced:
        path.touch()
    with pytest.raises(EnvironmentFailed, match="removed or replaced"):
        store.create("{}")


def test_command_line_exits_with_5_if_the_store_is_unusable(tmp_path):
    home = tmp_path / "home"
    home.write_text("in the way")
    done = subprocess.run(
        [sys.executable, "-c", "from bisect_tool.cli.app import main; main()", "status"],
        env={"PYTHONPATH": str(ROOT), "BISECT_RUN_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 5
    assert done.stdout == ""
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_full_disk_loses_nothing_that_was_added(store, path):
    """A limit on the file size simulates a full disk."""
    session = store.create("{}")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    added = []
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, before[1]))
        with pytest.raises(EnvironmentFailed, match="cannot be written") as raised:
            add_many(store, session, added)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "Free some space" in raised.value.hint
    assert added
    assert reopened_shas(path, session) == added
    store.add(session, "narrow", numbered(len(added)))
    assert shas(store, session) == [*added, str(len(added))]


def test_a_killed_process_loses_no_trial_that_was_added(store, path):
    kills = 30
    session = store.create("{}")
    returned = adders(path, session, kills, seed=1)
    assert len(returned) >= kills
    kept = reopened_shas(path, session)
    assert set(map(str, returned)) <= set(kept)
    # Each killed process may have added one more without reporting it.
    assert len(kept) == len(set(kept)) <= len(returned) + kills
    assert kept == sorted(kept, key=int)


def test_concurrent_processes_wait_for_each_other(store, path):
    sessions = [store.create("{}") for _ in range(3)]
    with ThreadPoolExecutor() as pool:
        reported = list(pool.map(lambda one: adders(path, one, 4, seed=one), sessions))
    for session, returned in zip(sessions, reported, strict=True):
        assert returned
        assert set(map(str, returned)) <= set(shas(store, session))


def test_store_that_stays_locked_is_an_error(store, path, monkeypatch):
    monkeypatch.setattr(store_module, "_LOCK_WAIT_S", 0)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(EnvironmentFailed, match="is locked") as raised:
            Store(path)
    assert "local disk" in raised.value.hint


def damage(path, table):
    """Overwrite every other leaf page of a table, as a failing disk may; returns the number of pages."""
    with closing(sqlite3.connect(path)) as database:
        (size,) = database.execute("PRAGMA page_size").fetchone()
        query = "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY pageno"
        try:
            pages = [page for (page,) in database.execute(query, (table,))]
        except sqlite3.OperationalError:
            pytest.skip("this SQLite has no dbstat table")
    with path.open("r+b") as file:
        for page in pages[::2]:
            file.seek((page - 1) * size)
            file.write(b"\xff" * size)
    return len(pages)


def filled(path, sessions=40):
    """Write a store with sessions of three trials each to the file; returns their ids."""
    with closing(Store(path)) as store:
        ids = [
            store.create(json.dumps({"number": number, "padding": "x" * 500})) for number in range(sessions)
        ]
        for session in ids:
            for number in range(3):
                store.add(session, "narrow", numbered(number))
    return ids


@pytest.mark.parametrize("table", ["trial", "session"])
def test_undamaged_pages_are_read_and_the_rest_is_reported(path, table):
    ids = filled(path)
    assert damage(path, table) > 1
    notices = []
    with closing(Store(path, notices.append)) as store:
        sessions = [row.id for row in store.sessions()]
        trials = [row for session in ids for row in store.trials(session)]
        found = sessions if table == "session" else trials
        everything = len(ids) if table == "session" else 3 * len(ids)
        assert 0 < len(found) < everything
        assert notices
        assert all("left out" in sentence and "is damaged" in sentence for sentence in notices)
        assert store.damage()


def test_a_damaged_table_of_trials_hides_no_session_and_takes_new_ones(path):
    ids = filled(path)
    damage(path, "trial")
    with closing(Store(path)) as store:
        assert {row.id for row in store.sessions()} == set(ids)
        assert store.session("last").id == ids[-1]
        assert [store.count(session) for session in ids] == [3] * len(ids)


@pytest.mark.parametrize("seed", range(20))
def test_randomly_damaged_store_works_or_reports_the_damage(path, seed):
    ids = filled(path, sessions=10)
    rng = random.Random(seed)  # noqa: S311 - reproducible damage
    content = bytearray(path.read_bytes())
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(content))
        content[at : at + 200] = rng.randbytes(min(200, len(content) - at))
    path.write_bytes(content)
    wrong = []
    try:
        with closing(Store(path)) as store:
            for row in store.sessions():
                store.count(row.id)
                store.trials(row.id)
            store.session(ids[0])
            store.earlier(ids[0], "v", ["1"])
            store.confirming(ids[0])
            store.damage()
            store.add(ids[0], "narrow", numbered(1))
            store.finish(ids[0], "{}")
    except (EnvironmentFailed, UsageError) as error:
        wrong.append(error.message)
    assert all(re.search("damaged|layout|newer|no such session", message) for message in wrong)


def test_a_new_store_has_a_schema_version_and_an_old_one_gets_it(path):
    with closing(Store(path)) as store:
        store._db.execute("PRAGMA user_version=0")
    with closing(Store(path)) as store:
        assert store._db.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)


def test_a_newer_store_is_not_touched(path):
    with closing(Store(path)) as store:
        store._db.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(EnvironmentFailed, match="newer version") as raised:
        Store(path)
    assert "disk" not in raised.value.hint
    assert path.read_bytes() == before


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
def test_infinite_and_nan_values_are_not_stored(store, number):
    session = store.create("{}")
    with pytest.raises(ValidationError):
        store.add(session, "narrow", numbered(1).model_copy(update={"seconds": number}))
    assert store.trials(session) == []


def test_text_that_is_not_utf_8_is_read_with_replacement_characters(store):
    session = store.create("{}")
    store._db.execute("UPDATE session SET document = CAST(x'7bff7d' AS TEXT)")
    assert store.session(session).document == "{\ufffd}"


def test_sessions_of_the_same_second_have_different_ids(path, monkeypatch):
    drawn = iter(["1a2b", "1a2b", "1a2b", "3c4d"])
    monkeypatch.setattr("bisect_tool.session.store.secrets.token_hex", lambda _bytes: next(drawn))
    monkeypatch.setattr("bisect_tool.session.store.datetime", Stopped)
    with closing(Store(path)) as store:
        ids = [store.create("{}"), store.create("{}")]
    assert [session.rpartition("-")[2] for session in ids] == ["1a2b", "3c4d"]


class Stopped(datetime):
    """A clock that stands still."""

    @classmethod
    def now(cls, tz=None):
        return cls(2026, 3, 6, 14, 23, 59, tzinfo=tz)


def test_folder_of_a_new_store_is_readable_by_its_owner_only(tmp_path):
    Store(tmp_path / "state" / "store.db").close()
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0
