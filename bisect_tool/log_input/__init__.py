"""Read the logs named on the command line line by line: files, folders, archives, stdin, JUnit XML."""
