"""What hides a commit's code from its check, which then sees the user's checkout, the same at every commit.

Pure over a file system: nothing is run. Looked for where every commit gave the same answer.
"""

from __future__ import annotations

from bisect_tool.shadowing.shadows import Shadow, named_in, shadows

__all__ = ["Shadow", "named_in", "shadows"]
