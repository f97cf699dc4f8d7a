"""The package versions of an environment, for the report."""

from importlib.metadata import version

from bisect_tool.build.package_versions import versions


def test_versions_of_an_environment_with_an_interpreter(tmp_path):
    site = tmp_path / "environments" / "f" / "venv" / "lib" / "python3.11" / "site-packages"
    for name, number in {"torch": "9.8.7", "unrelated": "1.0"}.items():
        folder = site / f"{name}-{number}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n")
    assert versions(tmp_path, "f") == {"torch": "9.8.7"}


def test_versions_of_an_environment_without_an_interpreter_are_ours(tmp_path):
    (tmp_path / "environments" / "f").mkdir(parents=True)
    assert versions(tmp_path, "f")["pyzmq"] == version("pyzmq")


def test_versions_of_a_removed_environment_are_empty(tmp_path):
    assert versions(tmp_path, "f") == {}
