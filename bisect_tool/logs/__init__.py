"""Logs that somebody hands over: files, folders, archives, standard input, JUnit XML. Read as streams."""
