"""gevent's monkey patching, and who held on to what it replaces."""

import _thread
import socket
import ssl
import sys
import threading
import time
import warnings
from types import ModuleType

from gevent import monkey

from wumai.config import CONF


def patch_all() -> None:
    """Patch the process once; warn of each module of the app that was too early for it."""
    if monkey.is_module_patched('socket'):
        return
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
    early = sorted(
        f'{module.__name__} ({originals[id(value)]} as {name})'
        for module in _modules_of_app()
        for name, value in list(vars(module).items())
        if id(value) in originals
    )
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


def _modules_of_app() -> list[ModuleType]:
    root = str(CONF.app_root)
    return [
        module
        for module in list(sys.modules.values())
        if str(getattr(module, '__file__', None) or '').startswith(root)
        and 'site-packages' not in str(module.__file__)
    ]
