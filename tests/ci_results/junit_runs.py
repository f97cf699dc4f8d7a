"""JUnit reports of made-up runs, archives of them, and their observations."""

import io
import tarfile
import zipfile

from bisect_tool.ci_results.junit_files import junit_observations

SHA, OTHER = "5afb387bd4e4a2a1cf1d1e3ab1d0f9c8b7a69584", "a97954b6d4e4a2a1cf1d1e3ab1d0f9c8b7a69584"


def report(inside, properties=""):
    return (
        '<testsuites><testsuite name="gpu" hostname="h1" timestamp="2026-03-06T07:00:00" time="90.5">'
        f"{properties}{inside}</testsuite></testsuites>"
    ).encode()


def case(name, inside=""):
    return f'<testcase classname="tests.test_dp" name="{name}" time="1">{inside}</testcase>'


def known(written):
    return next((sha for sha in (SHA, OTHER) if sha.startswith(written)), "")


def observe(pattern, notes=None):
    return junit_observations(str(pattern), "nightly", [].append if notes is None else notes.append, known)


def zipped(members):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def tarred(members):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return data.getvalue()
