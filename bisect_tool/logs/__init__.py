"""Read the logs named on the command line, as streams: files, folders, archives, stdin, JUnit XML."""
