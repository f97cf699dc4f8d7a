"""The self-contained script that reproduces a failure without this tool."""
