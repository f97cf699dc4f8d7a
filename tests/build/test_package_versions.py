"""The package versions of an environment, for the report and for reproduction scripts."""

from importlib.metadata import version

from bisect_tool.build.package_versions import pinned_packages, versions


def test_versions_of_an_environment_with_an_interpreter(tmp_path):
    site = tmp_path / "environments" / "f" / "venv" / "lib" / "python3.11" / "site-packages"
    for name, number in {"torch": "9.8.7", "unrelated": "1.0"}.items():
        folder = site / f"{name}-{number}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n")
    assert versions(tmp_path, "f") == {"torch": "9.8.7"}


def test_versions_without_an_interpreter_are_those_of_this_python(tmp_path):
    (tmp_path / "environments" / "f").mkdir(parents=True)
    assert versions(tmp_path, "f")["pyzmq"] == version("pyzmq")


def test_versions_of_a_removed_environment_are_empty(tmp_path):
    assert versions(tmp_path, "f") == {}


def test_installed_packages_are_pinned(tmp_path):
    site = tmp_path / "environments" / "abc" / "venv" / "lib" / "python3.12" / "site-packages"
    files = {
        "one-1.0": {},
        "own-2.0": {"direct_url.json": "{}"},
        "overlaid-3.0": {"INSTALLER": "bisect-run\n"},
    }
    for name, extra in files.items():
        folder = site / f"{name}.dist-info"
        folder.mkdir(parents=True)
        package, version = name.split("-")
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        for file, text in extra.items():
            (folder / file).write_text(text)
    assert pinned_packages(tmp_path, "abc") == ("one==1.0",)
    assert pinned_packages(tmp_path, "other") == ()
