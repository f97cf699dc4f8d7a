"""The commands, one module per command: parse, call, render, exit code."""
