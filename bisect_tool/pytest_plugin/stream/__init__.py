"""Pytest plugins that stream a suite's report while it runs.

They are also loaded in the environment of a tested project, so they import only pytest and the standard
library. `on_pythonpath` is a folder for PYTHONPATH.
"""
