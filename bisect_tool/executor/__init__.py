"""Run trials in parallel slots: on this machine (`local`), on a Ray cluster, as jobs of CI.

Knows nothing of search.
"""
