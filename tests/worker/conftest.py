"""Helpers for tests of the worker: rows of other programs, and the facts about a job."""

from typing import Any

from sqlalchemy import text

from wumai_testing.simulation import Simulation


def put_plain(sim: Simulation, job_id: str = 'job-1', **columns: Any) -> str:
    """Insert a row by plain SQL, as another program does: what is left out is NULL."""
    values = {'id': job_id, 'action': 'Act', 'status': 'pending', **columns}
    names = ', '.join(values)
    marks = ', '.join(f':{name}' for name in values)
    sql(sim, f'INSERT INTO job ({names}) VALUES ({marks})', **values)
    return job_id


def sql(sim: Simulation, statement: str, **values: Any) -> None:
    """Run one statement as another program would."""
    with sim.runtime.store.engine.begin() as connection:
        connection.execute(text(statement), values)


def state(sim: Simulation, job_id: str) -> tuple[str, int]:
    """Status and trys."""
    job = sim.jobs[job_id]
    return job.status, job.trys


def starts(sim: Simulation, job_id: str) -> list[float]:
    """When the tries began, in seconds from the start of the simulation."""
    return [one.began for one in sim.jobs[job_id].tries]


def logged(sim: Simulation, part: str) -> list[str]:
    """The log lines with `part` in their message."""
    return [str(line) for line in sim.logs if part in line.message]
