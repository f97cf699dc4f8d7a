"""Read the results that CI jobs recorded, from services and JUnit files, into observations.

`nightly` decides about observations, `watch` carries the decisions out; nothing is run here.
"""
