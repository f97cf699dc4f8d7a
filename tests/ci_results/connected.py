"""Requests of a client of a replayed service: its URLs, its time, and its responses."""

from bisect_tool.ci_results.listing import Listing
from bisect_tool.ci_results.series import Series

NOW = 1_772_800_000.0
BUILDS = "/v2/organizations/vllm/pipelines/ci/builds"
RUNS = "/repos/o/r/actions/workflows/nightly.yml/runs"


def listing(series=None, notes=None):
    return Listing("GitHub", series or Series("nightly"), 30, [].append if notes is None else notes.append)


def bodies(client, path="/list"):
    return list(client.pages(path, {}))
