"""The report that a suite streams while it runs: pytest plugins that also load in other environments.

The environment is that of the tested project, so these files import pytest and the standard library only.
`tree_first` is a folder for PYTHONPATH.
"""
