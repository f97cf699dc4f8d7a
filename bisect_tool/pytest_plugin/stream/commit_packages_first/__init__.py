"""A folder for PYTHONPATH: its sitecustomize makes the Pythons of a trial import the commit's packages."""
