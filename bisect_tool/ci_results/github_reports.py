"""Read the JUnit artefacts of workflow runs; skip those that have expired or that the token cannot read."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from bisect_tool.ci_results.answer import UnexpectedAnswer
from bisect_tool.ci_results.github_client import artefacts
from bisect_tool.ci_results.job_reports import attempt_of, with_node_ids, with_reports
from bisect_tool.ci_results.junit_report import read_report
from bisect_tool.ci_results.report_file import SIZE_LIMIT, NoArchive, unpack
from bisect_tool.ci_results.service_access import Absent, Forbidden
from bisect_tool.log_input.junit import NotJunit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bisect_tool.ci_results.download_cache import DownloadCache
    from bisect_tool.ci_results.http import Client
    from bisect_tool.ci_results.job_reports import Artefact
    from bisect_tool.ci_results.job_results import JobResults
    from bisect_tool.ci_results.junit_report import Report


@dataclass
class GithubReports:
    """Reads the reports of a repository's runs, and warns about missing ones."""

    client: Client
    repository: str
    cache: DownloadCache
    notify: Callable[[str], None]
    _expired: list[str] = field(default_factory=list)
    _is_closed: bool = False

    def add_to(self, results: Iterable[JobResults]) -> tuple[JobResults, ...]:
        """Return the results with the reports of their runs; the input is grouped by run."""
        logs = tuple(results)
        found = [
            each
            for run, of_run in groupby(logs, key=lambda each: each.job.build)
            for each in self._of_run(run, tuple(of_run))
        ]
        if self._expired:
            self.notify(
                f"{len(self._expired)} JUnit artefacts have expired ({self._expired[0]}, ...): "
                "passes of their tests are inferred from the jobs"
            )
        return with_node_ids(found, logs)

    def _of_run(self, run: str, results: tuple[JobResults, ...]) -> Iterator[JobResults]:
        reports: dict[str, list[Report]] = {}
        jobs = [each.job for each in results]
        for artefact in () if self._is_closed else self._artefacts(run):
            job = attempt_of(artefact, jobs) if artefact.is_report else None
            if job is not None:
                reports.setdefault(job.attempt, []).extend(self._read(artefact, run))
        for each in results:
            yield with_reports(each, reports.get(each.job.attempt, ()))

    def _artefacts(self, run: str) -> tuple[Artefact, ...]:
        try:
            return artefacts(self.client, self.repository, run)
        except (UnexpectedAnswer, Absent) as error:
            self.notify(f"JUnit artefacts of run {run} are left out: {error.message}")
            return ()

    def _read(self, artefact: Artefact, run: str) -> Iterator[Report]:
        name = f"{artefact.name} of run {run}"
        if artefact.is_expired:
            self._expired.append(name)
            return
        if self._is_closed:
            return
        if artefact.size > SIZE_LIMIT:
            self.notify(f"{name} is left out: too large for a test report")
            return
        try:
            content = self.cache.read(artefact.url, lambda url: self.client.content(url, SIZE_LIMIT))
            files = unpack(content, artefact.name)
        except Forbidden as error:
            self._is_closed = True
            self.notify(f"JUnit artefacts are not read: {error.message}")
            return
        except Absent:
            self._expired.append(name)
            return
        except (NoArchive, UnexpectedAnswer) as error:
            self.notify(f"{name} is left out: {error}")
            return
        for file in files:
            try:
                yield read_report(file.content)
            except NotJunit as error:
                self.notify(f"{file.path} of run {run} is left out: {error}")
