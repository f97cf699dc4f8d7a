"""From a command line to a request in which every name is resolved."""
