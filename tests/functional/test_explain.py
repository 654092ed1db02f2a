# SPDX-License-Identifier: GPL-2.0-or-later
import json, sqlite3
from contextlib import closing
from weirtest import proc


def records(one, count, timeout=5, path=None):
    """The explain records so far, at least count of them, oldest first."""
    path = path or one.state / "explain.db"

    def read():
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro",
                                         uri=True)) as db:
                rows = db.execute("SELECT json FROM record ORDER BY n")
                found = [json.loads(row[0]) for row in rows]
        except sqlite3.OperationalError:
            return None
        return found if len(found) >= count else None
    return proc.wait_for(read, timeout, f"{count} records")
