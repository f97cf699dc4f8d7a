"""Trials as jobs of the team's own CI: results that are there are used, and jobs are run again."""
