"""Reports list what the trials could not examine."""

from __future__ import annotations

import sample_documents as documents

from bisect_tool.render.console import render_report
from bisect_tool.render.markdown import markdown

IN_CI = documents.culprit().model_copy(update={"not_examined": ("order dependence", "leftovers")})


def test_reports_list_what_was_not_examined(printed):
    assert "Not examined  order dependence, leftovers\n" in printed(render_report(IN_CI))
    assert "\nNot examined on the machines that ran the trials: order dependence, leftovers.\n" in markdown(
        IN_CI
    )


def test_reports_of_local_trials_have_no_such_list(printed):
    assert "Not examined" not in printed(render_report(documents.culprit()))
    assert "Not examined" not in markdown(documents.culprit())
