"""The loop of a worker: claim what is due, run it, wait."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import gevent
from gevent.event import Event

from wumai import logger
from wumai.clock import floor_second
from wumai.common import local
from wumai.job import Claim, make_token
from wumai.runtime import Runtime
from wumai.store.base import Candidate, Claimed
from wumai.store.db_errors import Busy, InDoubt, Rejected, StoreError, Unavailable
from wumai.worker.ahead import Ahead
from wumai.worker.backoff import Backoff
from wumai.worker.executor import Executor
from wumai.worker.options import WorkerOptions
from wumai.worker.pace import Pace
from wumai.worker.rescue import Rescuer
from wumai.worker.running import Running
from wumai.worker.sweep import Sweeper

JITTER = 0.1
"""The part of poll_interval by which workers' polls differ."""
CONTENDED_PAUSE = 0.01
"""Seconds to wait where others took all that was due; doubled each time, up to a poll."""
GATHER, GATHERED = 0.01, 0.75
"""Seconds at most that a claim for less than that part of its places waits for more, where jobs
have just ended: a small claim costs the database as much as a large one.
"""


class Loop:
    """Turns until it is told to stop."""

    def __init__(
        self, runtime: Runtime, options: WorkerOptions, running: Running, executor: Executor
    ) -> None:
        self._runtime = runtime
        self._options = options
        self._running = running
        self._executor = executor
        self._rescuer = Rescuer(runtime, running, options.lease)
        self._sweeper = Sweeper(runtime, options.lease / 3)
        self._backoff = Backoff(runtime)
        jitter = JITTER * runtime.entropy.fraction()
        self._poll = round(options.poll_interval * (1 - jitter), 3)
        self._pace = Pace(runtime, self._poll)
        self._told = False
        self._contended = CONTENDED_PAUSE
        self._ahead = Ahead(runtime)
        self._gathers = False
        self._wakeup = Event()
        self._backlog = False
        self._stopping = False
        self.polled: float | None = None
        """Monotonic seconds when it last looked at the table with success."""

    def wake(self) -> None:
        """End the wait: something may be due."""
        self._wakeup.set()

    def created(self, ids: Sequence[str]) -> None:
        """End the wait: this process has created jobs, whose ids it may know."""
        self._ahead.offer(ids)
        self.wake()

    def tell(self) -> None:
        """End the wait: another process has created a job, and has told other workers too."""
        self._told = True
        self.wake()

    @property
    def in_doubt(self) -> bool:
        """Whether a rescue may have happened that is not told yet."""
        return self._rescuer.in_doubt

    def place_freed(self) -> None:
        """End the wait if it was for want of places."""
        if self._backlog and not (self._gathers and self._would_gather()):
            self.wake()

    def stop(self) -> None:
        """Claim nothing more. `run` returns after the turn that it is in."""
        self._stopping = True
        self.wake()

    def run(self) -> None:
        """Take turns, and survive whatever happens in one."""
        local.enter('worker', '-')
        while not self._stopping:
            self._wakeup.clear()
            pause = self._told_turn() if self._told else self._guarded_turn()
            if self._stopping:
                break
            if pause > 0:
                self._runtime.clock.wait(self._wakeup, pause)
            else:
                gevent.sleep(0)
        self._settle_rescues()

    def _settle_rescues(self) -> None:
        """Tell what is in doubt yet, since no turn follows that would."""
        while self._rescuer.in_doubt:
            try:
                self._rescuer.settle()
            except StoreError as error:
                self._backoff.wait(error, 'a rescue is in doubt')

    def _told_turn(self) -> float:
        self._told = False
        gevent.sleep(self._pace.handicap())
        pause = self._guarded_turn()
        if pause > 0:
            self._pace.lost_race()
        return pause

    def _guarded_turn(self) -> float:
        began = self._runtime.clock.monotonic()
        try:
            pause = self._turn()
            self.polled = self._runtime.clock.monotonic()
            return pause
        except StoreError as error:
            self._rescuer.failed(error, began)
            return self._backoff.next(error, 'no jobs can be claimed')
        except Exception:
            logger.exception('a turn of the worker failed')
            self._rescuer.forget()
            return self._poll

    def _turn(self) -> float:
        """One look at the table; the seconds to wait before the next."""
        self._look_after()
        places = self._places
        self._gathers = not self._gathers and self._would_gather()
        self._backlog = places <= 0 or self._gathers
        if self._backlog:
            return GATHER if self._gathers else self._poll
        now, began = self._runtime.clock.now(), self._runtime.clock.monotonic()
        if not self._ahead.suffices(places):
            soon = now + timedelta(seconds=self._poll)
            candidates = self._ahead.read(places, now, soon)
            if not self._ahead:
                self._backoff.reset()
                self._contended = CONTENDED_PAUSE
                return self._until_due(candidates, now)
        offered = self._ahead.offered
        drawn = self._ahead.draw(places)
        claimed = self._claim(drawn, places, now)
        self._backoff.reset()  # here, where it has written: a server may be there and be read-only
        taken = [one.id for one in claimed.claims] + [job_id for job_id, _ in claimed.ended]
        if not offered:
            self._ahead.note(taken, drawn, places)
        if not taken and not offered:
            self._contended = min(self._contended * 2, self._poll)
            return self._contended
        self._contended = CONTENDED_PAUSE
        if taken:
            self._pace.took()
        self._begin(claimed, began)
        self._backlog = self._places <= 0
        return self._poll if self._backlog else 0

    @property
    def _places(self) -> int:
        return min(self._options.pick_size, self._running.free)

    def _would_gather(self) -> bool:
        """Whether more places will be free in a moment."""
        enough = GATHERED * min(self._options.pick_size, self._options.exec_size)
        return 0 < self._places < enough and self._running.ending > 0

    def _look_after(self) -> None:
        """Mend what others left. What goes wrong there with one row keeps no other from running."""
        began = self._runtime.clock.monotonic()
        try:
            self._sweeper.sweep()
            self._rescuer.look()
        except Unavailable:
            raise
        except StoreError as error:
            logger.db.warning('%s: no lost jobs can be rescued', error)
            self._rescuer.failed(error, began)
        except Exception:
            logger.exception('no lost jobs can be rescued')
            self._rescuer.forget()

    def _until_due(self, candidates: list[Candidate], now: datetime) -> float:
        times = [c.run_at for c in candidates if isinstance(c.run_at, datetime)]
        return min([self._pace.pause(), *((time - now).total_seconds() for time in times)])

    def _begin(self, claimed: Claimed, began: float) -> None:
        for job_id, reason in claimed.ended:
            logger.warning('%s ends in error, unrun: %s', job_id, reason)
        if claimed.claims:
            self._executor.start(claimed.claims, began, run=not self._stopping)
            self._runtime.heartbeat.began()

    def _claim(self, ids: list[str], places: int, now: datetime) -> Claimed:
        try:
            return self._claim_together(ids, places, now)
        except (Busy, InDoubt, Unavailable):
            raise
        except StoreError as error:
            return self._claim_apart(ids, places, now, error)

    def _claim_together(self, ids: list[str], places: int, now: datetime) -> Claimed:
        token = make_token(self._runtime.worker_name, self._runtime.entropy.nonce())
        try:
            return self._runtime.worker_store.claim(ids, places, token, floor_second(now))
        except InDoubt as error:
            if held := self._settle(ids, token, error):
                return Claimed(held, [])
            raise  # it has not happened: nobody else took what was drawn

    def _claim_apart(
        self, ids: list[str], places: int, now: datetime, reason: StoreError
    ) -> Claimed:
        """One by one, since one of them is bad. Whatever fails, what was taken is returned."""
        together, refused = Claimed([], []), list[str]()
        for job_id in sorted(ids):
            if len(together.claims) >= places:
                break
            try:
                one = self._claim_one(job_id, now)
            except Unavailable:
                break
            except StoreError as error:
                reason = error
                refused.append(job_id)
                continue
            together.claims.extend(one.claims)
            together.ended.extend(one.ended)
        told = f'; not now {", ".join(refused[:3])}, {len(refused)} in all' if refused else ''
        logger.db.warning('%s: %d jobs are claimed one by one%s', reason, len(ids), told)
        return together

    def _claim_one(self, job_id: str, now: datetime) -> Claimed:
        """A row whose values are refused is ended; any other error may be the database's."""
        try:
            return self._claim_together([job_id], 1, now)
        except Rejected as error:
            reason = f'the row cannot be read: {error}'[:1000]
            self._runtime.worker_store.end_unread(job_id, reason, floor_second(now))
            return Claimed([], [(job_id, reason)])

    def _settle(self, ids: list[str], token: str, doubt: StoreError) -> list[Claim]:
        """What a claim whose commit is in doubt has taken, read when the database answers."""
        while True:
            self._backoff.wait(doubt, 'a claim is in doubt')
            try:
                return self._runtime.worker_store.held(ids, token)
            except StoreError as error:
                doubt = error
