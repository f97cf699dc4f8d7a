"""Find what shadows a commit's code, so that the check tests the user's checkout instead at every commit.

Examples are an editable install, a `node_modules` folder, or PYTHONPATH. It only reads files. Findings are
reported with a culprit, and if every commit gave the same result.
"""

from __future__ import annotations

from bisect_tool.shadowing.absent_files import find_absent_files
from bisect_tool.shadowing.command_words import Command
from bisect_tool.shadowing.first_folders import ReadFile
from bisect_tool.shadowing.import_folders import find_import_folders
from bisect_tool.shadowing.shadows import (
    Shadow,
    find_entering_scripts,
    find_shadows,
    paths_named_by,
    pythonpath_folders,
)
from bisect_tool.shadowing.unseen_changes import may_be_unseen

__all__ = [
    "Command",
    "ReadFile",
    "Shadow",
    "find_absent_files",
    "find_entering_scripts",
    "find_import_folders",
    "find_shadows",
    "may_be_unseen",
    "paths_named_by",
    "pythonpath_folders",
]
