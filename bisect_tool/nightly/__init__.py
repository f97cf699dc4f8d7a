"""What to do about last night's results: bisect, rerun, wait or nothing, each with its reason. Pure."""
