"""The cost of a night's bisection with several slots and of sequential `git bisect`: a table and a plot."""
