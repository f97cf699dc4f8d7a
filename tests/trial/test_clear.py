"""Files of a killed trial are removed, but not the targets of its links."""

from __future__ import annotations

from bisect_tool.trial.run import _temporary, clear


def test_only_the_trials_own_temporary_folder_is_cleared(tmp_path):
    """The trial can change its link to name any other folder."""
    trial, other, mine = tmp_path / "001-abc", tmp_path / "bisect-run-results", tmp_path / "link"
    for folder in (trial, other):
        folder.mkdir()
    (other / "precious").touch()
    for target in (other, tmp_path / "nowhere", mine):
        trial.mkdir(exist_ok=True)
        (trial / "temporary").symlink_to(target)
        clear(trial)
        assert not trial.exists()
    assert (other / "precious").exists()


def test_temporary_folder_of_a_killed_trial_is_cleared(tmp_path):
    trial = tmp_path / "001-abc"
    trial.mkdir()
    with _temporary(trial) as folder:
        (folder / "left").touch()
        clear(trial)
        assert not folder.exists()
    assert not trial.exists()


def test_linked_folder_of_trials_is_not_followed(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    (tmp_path / "002-def").symlink_to(tmp_path / "precious")
    clear(tmp_path / "002-def")
    assert (tmp_path / "precious" / "file").exists()
