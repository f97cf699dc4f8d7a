"""Find what hides a commit's code from its check, which then always tests the user's checkout.

Such as an editable install, a `node_modules` folder or PYTHONPATH. Only reads files; runs nothing. Reported
with a culprit, and if every commit gave the same result.
"""

from __future__ import annotations

from bisect_tool.shadowing.absent import absent
from bisect_tool.shadowing.command_words import Command
from bisect_tool.shadowing.elsewhere import import_folders
from bisect_tool.shadowing.first_folders import ReadFile
from bisect_tool.shadowing.shadows import Shadow, named_in, on_path, shadows
from bisect_tool.shadowing.unseen import may_be_unseen

__all__ = [
    "Command",
    "ReadFile",
    "Shadow",
    "absent",
    "import_folders",
    "may_be_unseen",
    "named_in",
    "on_path",
    "shadows",
]
