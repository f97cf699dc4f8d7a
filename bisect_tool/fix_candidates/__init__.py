"""Fix candidates: reverts, patches and cherry-picks, each made into a commit on top of the failing one.

By default, the culprit and what `later_changes` finds are reverted; `reverted_by` finds the commit that
undid a change.
"""
