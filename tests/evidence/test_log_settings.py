"""The `[logs]` settings of a scenario decide how its engine's logs are read."""

import json
import re

import pytest
from pydantic import ValidationError

from bisect_tool.evidence import (
    LogLine,
    TableEntry,
    explain,
    is_fatal,
    read_events,
    read_timeline,
    signature_of,
)
from bisect_tool.evidence.log_settings import EngineLogs
from bisect_tool.evidence.parsed_line import parse_line

PIPES = EngineLogs(
    format=r"(?P<time>[\d-]{10} [\d:]{8})\|(?P<level>\w)\|(?P<role>\w*)(?:/(?P<pid>\d+))?\|(?P<message>.*)",
    levels={"E": "ERROR", "I": "INFO"},
)
JSON = EngineLogs(
    format="json",
    fields={
        "message": "text",
        "level": "log.sev",
        "time": "when",
        "role": "who",
        "pid": "proc.id",
        "traceback": "stack",
    },
    levels={"50": "ERROR"},
)


def events(known, *texts):
    return read_events((LogLine("0", 0.0, text, number) for number, text in enumerate(texts, 1)), known.known)


def root(known, *texts):
    return explain(events(known, *texts), None, {}, known.known).root


def test_regular_expression_parses_a_line():
    parsed = parse_line("2026-01-01 10:00:00|E|shard_1/77|no room for page 3", PIPES.known)
    assert (parsed.role, parsed.pid, parsed.level) == ("shard_1", 77, "ERROR")
    assert (parsed.text, parsed.stamp) == ("no room for page 3", "2026-01-01 10:00:00")


def test_line_of_another_form_is_parsed_as_usual():
    parsed = parse_line("(Worker_TP0 pid=9) ERROR 01-02 10:00:00 [w.py:3] broken", PIPES.known)
    assert (parsed.role, parsed.pid, parsed.level, parsed.text) == ("Worker_TP0", 9, "ERROR", "broken")


def test_level_of_one_letter_makes_an_event():
    assert (
        root(PIPES, "2026-01-01 10:00:00|I||ok", "2026-01-01 10:00:01|E|shard|no room").message == "no room"
    )
    assert events(EngineLogs(), "2026-01-01 10:00:01|E|shard|no room") == ()


def test_traceback_without_a_head_belongs_to_the_previous_process():
    found = root(
        PIPES,
        "2026-01-01 10:00:01|E|shard/7|request failed",
        "Traceback (most recent call last):",
        '  File "/x/site-packages/kiln/shard.py", line 3, in load',
        "    page()",
        "KeyError: 'page'",
    )
    assert (found.role, found.exception) == ("shard", "KeyError")


def test_lines_of_one_record_under_the_same_head_are_one_event():
    head = "2026-01-01 10:00:01|E|shard/7|"
    found = root(
        PIPES,
        f"{head}request failed",
        f"{head}Traceback (most recent call last):",
        f'{head}  File "/x/kiln/shard.py", line 3, in load',
        f"{head}ValueError: odd page",
    )
    assert (found.role, found.headline) == ("shard", "ValueError: odd page")


def test_json_fields_are_those_of_the_scenario():
    stack = [
        "Traceback (most recent call last):",
        '  File "/x/kiln/a.py", line 3, in load',
        "KeyError: 'page'",
    ]
    record = {"text": "load failed", "log": {"sev": 50}, "who": "shard 2", "proc": {"id": 9}, "stack": stack}
    found = root(JSON, json.dumps({"text": "fine", "log": {"sev": 30}}), json.dumps(record))
    assert (found.role, found.pid, found.exception) == ("shard_2", 9, "KeyError")


def test_unnamed_field_is_read_from_its_usual_names():
    parsed = parse_line('{"msg": "boom", "severity": "error"}', EngineLogs(format="json").known)
    assert (parsed.text, parsed.level) == ("boom", "ERROR")


def test_json_of_a_collector_around_a_line_is_removed():
    inner = json.dumps({"text": "boom", "log": {"sev": 50}, "who": "shard"})
    assert parse_line(json.dumps({"text": inner, "stream": "stderr"}), JSON.known).role == "shard"


@pytest.mark.parametrize(
    "text", ["{}", "{1", '{"text": {"a": 1}}', '{"text": null}', "[" * 9000, '{"when": 5}']
)
def test_json_without_a_message_is_text(text):
    assert parse_line(text, JSON.known).text == text[:2000] or len(text) > 2000


def test_known_consequence_is_no_root():
    lost = "ERROR kiln: shard link is gone"
    texts = (lost, "ERROR kiln: page 3 is torn")
    assert root(EngineLogs(), *texts).message == "shard link is gone"
    known = EngineLogs.model_validate({"patterns": [{"text": "link is gone", "stage": "pipe_broken"}]})
    assert root(known, *texts).message == "page 3 is torn"


@pytest.mark.parametrize(
    "pattern",
    [{"text": "OOPS"}, {"regex": "^O+PS "}, {"exception": "Splat"}],
    ids=["short", "regex", "class"],
)
def test_pattern_without_a_usual_stem_is_found(pattern):
    known = EngineLogs.model_validate({"patterns": [{**pattern, "stage": "cause"}]})
    assert events(known, "OOPS Splat")


def test_invalid_process_id_is_ignored():
    pattern = {"regex": r"lost shard (?P<pid>\S+)", "stage": "died"}
    known = EngineLogs.model_validate({"patterns": [pattern]})
    assert [event.pid for event in events(known, "lost shard x", "lost shard 7")] == [None, 7]


def test_fatal_text_of_a_scenario_is_recognised():
    known = EngineLogs.model_validate(
        {"patterns": [{"text": "kiln is cold", "stage": "cause", "fatal": True}]}
    )
    assert is_fatal("ERROR kiln: kiln is cold", known.known)
    assert not is_fatal("ERROR kiln: kiln is cold")


def test_role_at_the_start_of_a_line():
    assert parse_line("Shard_3: gone", EngineLogs(roles=("Shard",)).known).role == "Shard_3"


def test_frame_of_a_signature_is_in_the_packages_of_the_engine():
    lines = (
        "Traceback (most recent call last):",
        '  File "/v/lib/python3.12/site-packages/kiln/shard.py", line 3, in load',
        "    page()",
        '  File "/v/lib/python3.12/site-packages/numpy/core.py", line 9, in array',
        "    raise ValueError",
        "ValueError: odd page",
    )
    assert signature_of(root(EngineLogs(), *lines)).frame == "numpy/core.py:array"
    assert signature_of(root(EngineLogs(packages=frozenset({"kiln"})), *lines)).frame == "kiln/shard.py:load"


def test_milestone_of_a_scenario_is_in_the_timeline():
    known = EngineLogs.model_validate(
        {"format": "json", "milestones": [{"text": "hot", "role": "Shard", "reaches": ["ready"]}]}
    )
    table = (TableEntry(pid=7, parent=1, spawned=1.0, gone=9.0, title="kiln"),)
    line = LogLine("0", 5.0, '{"message": "hot", "level": "info", "role": "Shard_1", "pid": 7}')
    (shard,) = read_timeline([line], table, known.known)
    assert (shard.role, shard.ready) == ("Shard_1", 5.0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"format": "(?P<level>x)"}, "with a group (?P<message>...)"),
        ({"format": "(?P<message>x"}, "is not a valid regular expression"),
        (
            {"format": "(?P<message>x)(?P<mood>y)"},
            "`format` has a group 'mood', which is not one of message, level",
        ),
        ({"format": "json", "fields": {"mood": "m"}}, "`fields` has 'mood'"),
        (
            {"format": "(?P<message>x)", "fields": {"level": "m"}},
            "with a regular expression, use named groups",
        ),
        ({"format": "json", "levels": {"E": "error"}}, "`levels` has 'error', which is not one of DEBUG"),
        ({"levels": {"E": "ERROR"}}, "need a `format`"),
        ({"files": ["logs/engine.log"]}, "`files` has 'logs/engine.log'"),
        ({"files": ["engine.txt"]}, "that end with .log"),
        ({"colour": "red"}, "Extra inputs are not permitted"),
    ],
)
def test_invalid_settings_are_rejected_with_the_reason(fields, message):
    with pytest.raises(ValidationError, match=re.escape(message)):
        EngineLogs.model_validate(fields)


def test_files_are_known_by_name():
    logs = EngineLogs(files=("engine-*.log",))
    assert logs.is_own_log("engine-1.log")
    assert not logs.is_own_log("1-rank0.log")
