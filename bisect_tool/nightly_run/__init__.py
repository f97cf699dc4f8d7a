"""Run one watch of `nightly` for one night: read past sessions, start new ones, record causes.

What to do about each cell is decided in `nightly_rules`; results of CI come from `ci_results`.
"""
