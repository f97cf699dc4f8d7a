"""bisect-run: find the commit that broke a test, in any project; made for LLM-serving engines."""

import sys

# For a checkout on PYTHONPATH, where pip checks no `requires-python`. Old versions must be able to parse it.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.stderr.write("error: bisect-run needs Python 3.11 or newer, and this is " + sys.version.split()[0])
    sys.stderr.write("\nMake a virtual environment with a newer one, such as: python3.11 -m venv .venv\n")
    sys.exit(5)

__version__ = "0.1.0"
