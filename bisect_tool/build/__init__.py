"""From a commit to an environment to run it in, cached by what was really built."""
