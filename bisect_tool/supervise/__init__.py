"""The guardian of a trial's processes, ports and leftovers."""
