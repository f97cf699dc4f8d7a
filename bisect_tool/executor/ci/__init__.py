"""Run trials as jobs of your team's CI: Buildkite or GitHub Actions.

Results that CI already has for a commit count as trials; otherwise a job is retried or dispatched.
"""
