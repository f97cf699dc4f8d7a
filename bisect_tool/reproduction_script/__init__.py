"""Write a self-contained script that reproduces a failure without bisect-run."""
