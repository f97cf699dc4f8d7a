"""Git: ranges on the DAG, worktrees, changed paths, pull-request numbers."""
