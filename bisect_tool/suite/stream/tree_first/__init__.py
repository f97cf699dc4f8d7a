"""A folder for PYTHONPATH: with its sitecustomize, a trial's Pythons import the commit's own packages."""
