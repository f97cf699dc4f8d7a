"""Failure chains in reports, beyond the golden files."""

import pytest
import sample_documents as documents

from bisect_tool.render.console import render_report
from bisect_tool.render.failures import SYMPTOM, render_failures, select_failures
from bisect_tool.render.markdown import markdown


def failure(cell, sha=documents.CULPRIT, **more):
    return documents.FAILURE.model_copy(update={"cell": cell, "sha": sha, "cells": (cell,), **more})


def failing(*failures):
    return documents.document(failure=failures[0], failures=failures)


def test_failure_chain_is_aligned_for_any_times(printed):
    root = documents.FAILURE.root
    chain = (root, *(documents.event(after, "Worker", "", "gone") for after in (1.958, 10.82, 100.0)))
    changed = documents.FAILURE.model_copy(update={"chain": chain})
    lines = printed(render_failures(documents.document(failure=changed))).splitlines()
    shown = [line for line in lines if line.lstrip().startswith(("├", "└"))]
    assert len(shown) == 3
    assert {line.index("Worker") for line in shown} == {lines[1].index(root.role)}


def test_every_culprit_has_a_failure_shown_before_further_signatures():
    many = [failure(f"a{number}") for number in range(30)]
    found = select_failures(failing(*many, failure("other", documents.BROKEN)))
    assert [each.cell for each in found.full] == ["a0", "other", "a1", "a2"]
    assert [each.cell for each in found.brief] == [f"a{number}" for number in range(3, 13)]
    assert found.more == 17


def test_both_reports_name_further_signatures_and_count_the_rest(printed):
    document = failing(*(failure(f"cell_{number}") for number in range(16)))
    for text in (printed(render_report(document)), markdown(document)):
        assert "cell_13" in text
        assert "cell_14" not in text.partition("Other signatures")[2].partition("Cost")[0]
        assert "2 more signatures" in text


def test_a_document_without_failures_has_its_one_failure():
    assert select_failures(documents.culprit()).full == (documents.FAILURE,)
    assert select_failures(documents.all_green()).full == ()


@pytest.mark.parametrize("symptom", [True, False])
def test_root_that_is_only_a_symptom_is_called_symptom(printed, symptom):
    document = failing(failure("a", symptom=symptom))
    shown = printed(render_failures(document))
    assert (SYMPTOM in shown) is symptom
    assert ("  root cause  " in shown) is not symptom
    assert ("The root cause is not in the logs; the first symptom is in" in markdown(document)) is symptom
    assert ("The root cause is in" in markdown(document)) is not symptom
