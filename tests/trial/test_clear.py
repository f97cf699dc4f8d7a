"""What a killed trial left in its folders is removed, and nothing that its links name."""

from __future__ import annotations

from bisect_tool.trial.run import _temporary, clear


def test_only_the_temporary_folder_of_the_trial_itself_is_cleared(tmp_path):
    """Its link may name any other, as the trial can change it."""
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


def test_the_temporary_folder_of_a_killed_trial_is_cleared(tmp_path):
    trial = tmp_path / "001-abc"
    trial.mkdir()
    with _temporary(trial) as folder:
        (folder / "left").touch()
        clear(trial)
        assert not folder.exists()
    assert not trial.exists()


def test_a_folder_of_trials_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    (tmp_path / "002-def").symlink_to(tmp_path / "precious")
    clear(tmp_path / "002-def")
    assert (tmp_path / "precious" / "file").exists()
