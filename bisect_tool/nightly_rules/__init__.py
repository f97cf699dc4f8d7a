"""The rules of `nightly`: decide to bisect, rerun, wait or do nothing for each cell, with a reason. Pure.

`ci_results` reads the results that the rules need, and `nightly_run` carries out the decisions.
"""
