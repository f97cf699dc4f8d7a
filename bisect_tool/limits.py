"""The longest time limit that can be set, by an option or in a scenario."""

A_YEAR_S = 31_536_000.0
