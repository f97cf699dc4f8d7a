"""Make `benchmarks` importable: it is not part of the package, and runs from the root of the repository."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))
