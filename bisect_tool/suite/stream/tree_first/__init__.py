"""A folder for PYTHONPATH: its sitecustomize makes a trial's Pythons import the commit's own packages."""
