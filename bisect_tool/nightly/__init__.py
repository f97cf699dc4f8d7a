"""The rules of `nightly`: bisect, rerun, wait or do nothing about each cell, with the reason. Pure.

`sources` reads the results that they decide about, and `watch` carries out what they decide.
"""
