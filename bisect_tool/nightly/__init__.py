"""The rules of `nightly`: decide to bisect, rerun, wait or do nothing for each cell, with a reason. Pure.

`sources` reads the results that the rules need, and `watch` carries out the decisions.
"""
