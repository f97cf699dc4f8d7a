"""Fix candidates: reverts, patches and cherry-picks, each made into a commit on top of the failing one."""
