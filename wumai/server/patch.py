"""gevent's monkey patching, and who held on to what it replaces."""

import _thread
import os
import socket
import ssl
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from types import ModuleType

from gevent import monkey

from wumai.config import CONF


def patch_all() -> None:
    """Patch the process once; warn of each module of the app that was too early for it."""
    if monkey.is_module_patched('socket'):
        return
    early = sorted(_held_early())
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', monkey.MonkeyPatchWarning)
        monkey.patch_all()
    if early:
        warnings.warn(
            'imported before gevent was patched in, so these block every greenlet: '
            + ', '.join(early)
            + '. Import them after create_api or create_worker, or start with the `wumai` command',
            RuntimeWarning,
            stacklevel=4,
        )


def _held_early() -> Iterator[str]:
    """What modules of the app hold of what is about to be replaced, or made with it."""
    originals = {
        id(original): name
        for name, original in (
            ('time.sleep', time.sleep),
            ('socket.socket', socket.socket),
            ('socket.create_connection', socket.create_connection),
            ('threading.Lock', threading.Lock),
            ('threading.RLock', threading.RLock),
            ('threading.Thread', _thread.start_new_thread),
            ('ssl.SSLContext', ssl.SSLContext),
        )
    }
    kinds: dict[type, str] = {
        type(threading.Lock()): 'a threading.Lock',
        type(threading.RLock()): 'a threading.RLock',
        threading.Condition: 'a threading.Condition',
        threading.Event: 'a threading.Event',
        socket.socket: 'a socket',
        ssl.SSLContext: 'an SSLContext',
    }
    for module in _modules_of_app():
        for name, value in list(vars(module).items()):
            if held := originals.get(id(value)) or kinds.get(type(value)):
                yield f'{module.__name__} ({held} as {name})'


def _modules_of_app() -> Iterator[ModuleType]:
    root = os.path.join(os.path.realpath(CONF.app_root or ''), '')
    for module in list(sys.modules.values()):
        file = str(getattr(module, '__file__', None) or '')
        if file and 'site-packages' not in file and os.path.realpath(file).startswith(root):
            yield module
