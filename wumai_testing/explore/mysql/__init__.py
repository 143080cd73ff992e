"""MySQL as far as wumai's statements need it, in this process and in virtual time.

The production statements run unmodified: SQLAlchemy's dialect speaks to `EmulatedConnection`
as to PyMySQL's. Rows and expressions are SQLite's in memory; transactions are ours: row locks
held to the commit, waits, SKIP LOCKED, deadlocks and timeouts, READ COMMITTED, undo, commit
points; and what strict columns do to values.

Not there: REPEATABLE READ and its gap locks, foreign keys, triggers, subqueries that lock.
"""

from wumai_testing.explore.mysql.connection import EmulatedConnection
from wumai_testing.explore.mysql.server import Change, Server

__all__ = ['Change', 'EmulatedConnection', 'Server']
