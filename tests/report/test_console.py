"""What of the terminal report no golden file shows."""

import documents

from bisect_tool.report.console import render_failure


def test_the_chain_stands_in_columns_whatever_the_times(printed):
    root = documents.FAILURE.root
    chain = (root, *(documents.event(after, "Worker", "", "gone") for after in (1.958, 10.82, 100.0)))
    failure = documents.FAILURE.model_copy(update={"chain": chain})
    lines = printed(render_failure(documents.document(failure=failure))).splitlines()
    shown = [line for line in lines if line.lstrip().startswith(("├", "└"))]
    assert len(shown) == 3
    assert {line.index("Worker") for line in shown} == {lines[1].index(root.role)}
