"""What hides a commit's code from its check, which then sees the user's checkout, the same at every commit.

Pure over a file system: nothing is run. Said beside a culprit, and where every commit gave the same answer.
"""

from __future__ import annotations

from bisect_tool.shadowing.absent import absent
from bisect_tool.shadowing.first_folders import ReadFile
from bisect_tool.shadowing.shadows import Shadow, named_in, shadows
from bisect_tool.shadowing.unseen import may_be_unseen
from bisect_tool.shadowing.words import Command

__all__ = ["Command", "ReadFile", "Shadow", "absent", "may_be_unseen", "named_in", "shadows"]
