"""Pytest plugins that stream a suite's report while it runs.

They are also loaded in the environment of a tested project, so they import only pytest and the standard
library. `commit_packages_first` is a folder for PYTHONPATH.
"""
