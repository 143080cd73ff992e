"""Who waits, for what and where: the sentences that errors are made of.

All of this runs only when something has gone wrong, so it may look at every object.
"""

import gc
import linecache
import os
import sys
from collections.abc import Iterable, Iterator
from types import BuiltinMethodType, FrameType
from typing import Any

from gevent._waiter import Waiter
from gevent.hub import Hub
from greenlet import getcurrent, greenlet

from wumai_testing.places import is_installed, shown

_HERE = os.path.dirname(os.path.abspath(__file__))
_PLUMBING = sys.stdlib_module_names | {'gevent', 'freezegun'}
"""Packages whose frames say nothing about who waits; ours are told by their folder."""
_DRIVERS = {'pymysql', 'psycopg'}
"""Whose sockets may be real: a statement takes no virtual time."""
_LIBRARIES = {'wumai', 'wumai_testing'}


def _is_plumbing(frame: FrameType) -> bool:
    return (
        _package(frame) in _PLUMBING
        or _is_ours(frame)
        or frame.f_globals.get('__name__') == 'wumai_testing.clock'
    )


def _is_ours(frame: FrameType) -> bool:
    return os.path.dirname(frame.f_code.co_filename) == _HERE


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get('__name__', '')).partition('.')[0]


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        if not _is_plumbing(frame):
            yield frame
        frame = frame.f_back


def place(frame: FrameType | None) -> str:
    """`file:line in function (the line)` of the innermost frame that is the user's."""
    for user in _frames(frame):
        path = user.f_code.co_filename
        line = linecache.getline(path, user.f_lineno, user.f_globals).strip()
        source = f' (`{line}`)' if line else ''
        return f'{shown(path, user.f_lineno)} in {user.f_code.co_qualname}{source}'
    return 'a place that has no Python frame'


def reader() -> FrameType | None:
    """The frame that has called what is ours; None if that is a library's, and not the user's."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and (_is_ours(frame) or _package(frame) == 'freezegun'):
        frame = frame.f_back
    return None if frame is None or _is_library(frame) else frame


def _is_library(frame: FrameType) -> bool:
    installed = is_installed(frame.f_code.co_filename)
    return installed or _package(frame) in _LIBRARIES or _is_plumbing(frame)


def asyncio_waits() -> str:
    """The places in the user's code at which the tasks of the running asyncio loop wait."""
    import asyncio  # it is there, where this is called

    tasks = [list(_awaiting(task.get_coro())) for task in asyncio.all_tasks()]
    places = {place(frames[-1]) for frames in tasks if frames}
    return ' and '.join(sorted(places)) or caller()


def _awaiting(coroutine: Any) -> Iterator[FrameType]:
    """The frames of a coroutine that waits, and of those that it awaits, that are the user's."""
    while (frame := getattr(coroutine, 'cr_frame', None)) is not None:
        if not _is_plumbing(frame):
            yield frame
        coroutine = coroutine.cr_await


def caller() -> str:
    """The place in the user's code that is running now."""
    return place(sys._getframe())


def asyncio_asks() -> bool:
    """Whether it is asyncio that has called the caller of this."""
    return _package(sys._getframe(2)) == 'asyncio'


def driver_asks() -> bool:
    """Whether it is a database's driver whose code is running now."""
    asking = next(_frames(sys._getframe()), None)
    return asking is not None and _package(asking) in _DRIVERS


def name_of(who: greenlet) -> str:
    """The label that a simulation gave `who`, or the function that it runs."""
    label = getattr(who, 'label', None)
    if label:
        return str(label)
    outermost = list(_frames(who.gr_frame if who is not getcurrent() else sys._getframe()))[-1:]
    return f'the greenlet {outermost[0].f_code.co_qualname}' if outermost else repr(who)


def waits(name: str, who: greenlet, frame: FrameType | None) -> str:
    """One sentence part: who waits for what at which place."""
    waited_for = object_waited_for(who)
    what = f'waits for {waited_for}' if waited_for else 'waits'
    return f'{name} {what} at {place(frame)}'


def object_waited_for(who: greenlet) -> str | None:
    """The gevent object whose list of waiters holds `who`, if one can be found.

    gevent keeps `who.switch` or a Waiter in a list of that object, so it is two or three
    references away, and only the garbage collector can walk them.
    """
    links = [link for link in gc.get_referrers(who) if _is_link(link, who)]
    seen: list[object] = [links, who]
    layer: list[object] = list(links)
    for _depth in range(4):
        layer = _referrers(layer, seen)
        for found in layer:
            if _is_waited_for(found):
                return repr(found)
    return None


def _is_waited_for(candidate: object) -> bool:
    kind = type(candidate)
    return (
        kind.__module__.startswith('gevent.')
        and not kind.__name__.startswith('_')
        and not isinstance(candidate, Waiter | Hub)
    )


def _is_link(candidate: object, who: greenlet) -> bool:
    if isinstance(candidate, Waiter):
        return True
    return isinstance(candidate, BuiltinMethodType) and candidate.__self__ is who


def _referrers(layer: list[object], seen: list[object]) -> list[object]:
    known = {id(thing) for thing in (*seen, layer, seen)}
    found = [
        thing
        for thing in gc.get_referrers(*layer)
        if id(thing) not in known and not isinstance(thing, FrameType | dict)
    ]
    seen.extend(found)
    return found


def greenlet_behind(event: object) -> greenlet | None:
    """The greenlet that a ready callback is going to wake, found through its references."""
    seen: set[int] = set()
    layer: Iterable[object] = [event]
    for _depth in range(5):
        following: list[object] = []
        for thing in layer:
            if isinstance(thing, greenlet) and not isinstance(thing, Hub):
                return thing
            if id(thing) not in seen and not isinstance(thing, Hub | type):
                seen.add(id(thing))
                following.extend(gc.get_referents(thing))
        layer = following
    return None
