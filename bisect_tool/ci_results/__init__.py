"""Read the results that CI jobs recorded, from services and JUnit files, into observations.

`nightly_rules` decides about observations, `nightly_run` carries the decisions out; nothing is run here.
"""
