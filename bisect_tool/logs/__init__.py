"""Read logs given on the command line: files, folders, archives, stdin, JUnit XML. As streams."""
