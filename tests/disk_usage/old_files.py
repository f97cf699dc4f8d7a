"""Writes files with old times."""

import os
from datetime import UTC, datetime, timedelta

NOW = datetime(2026, 3, 6, tzinfo=UTC)


def age(path, days):
    when = (NOW - timedelta(days=days)).timestamp()
    os.utime(path, (when, when))


def write(path, text="x" * 5000, days=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    age(path, days)
