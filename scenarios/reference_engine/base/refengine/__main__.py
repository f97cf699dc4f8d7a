"""`python -m refengine serve MODEL --flags`. Spawned children import this module, too: keep it light."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    from refengine.cli import main

    sys.exit(main())
