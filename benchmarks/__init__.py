"""What bisect-run is measured by: see README.md."""
