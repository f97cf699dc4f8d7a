"""The report that a suite streams while it runs; its one file also loads inside foreign environments."""
