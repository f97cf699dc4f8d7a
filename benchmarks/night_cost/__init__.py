"""What the bisection of a night costs with more slots, beside sequential `git bisect`: a table and a plot."""
