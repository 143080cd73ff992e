"""An event of a timeline in words: one line, the same in text and on the page."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from wumai_testing.duration import format_duration

LONGEST = 200
"""Characters of a value that are shown."""

Since = Callable[[datetime], str]
Detail = dict[str, Any]


def describe(kind: str, detail: Detail, since: Since) -> str:
    """What an event says, without its time, worker and job. `since` writes a time as an offset.

    A kind that has no phrase of its own, and what a phrase leaves over, is shown as name=value.
    """
    rest = {name: value for name, value in detail.items() if value is not None}
    phrase = _PHRASES.get(kind)
    words = [phrase(rest, since)] if phrase else []
    words += [f'{name}={_shown(value, since)}' for name, value in rest.items()]
    return ' '.join(filter(None, words))


def printable(value: object, longest: int = LONGEST) -> str:
    """`value` as one line of printable characters, not too long."""
    text = str(value)
    if len(text) > longest:
        text = text[: longest - 3] + '...'
    if text.isprintable():
        return text
    return ''.join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def first_line(value: object) -> str:
    """The first line of an error."""
    return printable(next(iter(str(value).strip().splitlines()), ''))


def _shown(value: Any, since: Since) -> str:
    if isinstance(value, datetime):
        return since(value)
    text = printable(value)
    return json.dumps(text, ensure_ascii=False) if ' ' in text or not text else text


def _try(rest: Detail) -> str:
    n, m = rest.pop('n', None), rest.pop('m', None)
    if n is None:
        return ''
    return f'try {n}' if m is None else f'try {n} of {m}'


def _due(rest: Detail, since: Since, word: str) -> str:
    run_at = rest.pop('run_at', None)
    return '' if run_at is None else f'{word} {_shown(run_at, since)}'


def _create(rest: Detail, since: Since) -> str:
    rest.pop('action', None)
    return _due(rest, since, 'due')


def _claim(rest: Detail, _: Since) -> str:
    rest.pop('action', None)
    return _try(rest)


def _end(rest: Detail, _: Since) -> str:
    how = rest.pop('how', None)
    return ' '.join(filter(None, [_try(rest), printable(how) if how else '']))


def _outcome(rest: Detail, since: Since) -> str:
    status, error = rest.pop('status', None), rest.pop('error', None)
    ending = {'pending': 'failed', 'error': 'gave up'}.get(status, printable(status))
    words = f'{ending}: {first_line(error)}' if error else ending
    return '; '.join(filter(None, [words, _due(rest, since, 'next try')]))


def _release(rest: Detail, since: Since) -> str:
    rest.pop('status', None)
    return '; '.join(filter(None, ['handed back', _due(rest, since, 'due')]))


def _rescue(rest: Detail, _: Since) -> str:
    owner, status = rest.pop('owner', None), rest.pop('status', None)
    lost = f'worker lost: {printable(owner)}' if owner else 'worker lost'
    after = {'pending': 'due at once', 'error': 'gave up'}.get(status, '')
    return '; '.join(filter(None, [lost, after]))


def _dropped(rest: Detail, _: Since) -> str:
    status = rest.pop('status', None)
    return f'too late, not written: {printable(status)}' if status else 'too late, not written'


def _notify(rest: Detail, _: Since) -> str:
    channel, text = rest.pop('channel', '-'), rest.pop('text', '')
    return f'{printable(channel)}: {printable(text)}'


def _first(*names: str) -> Callable[[Detail, Since], str]:
    """A phrase that is the value of the first of these names that is there."""

    def phrase(rest: Detail, since: Since) -> str:
        values = [rest.pop(name) for name in names if name in rest]
        return ' '.join(
            _shown(value, since) if _is_time(value) else printable(value) for value in values
        )

    return phrase


def _is_time(value: Any) -> bool:
    return isinstance(value, datetime)


def _lasting(*names: str) -> Callable[[Detail, Since], str]:
    """A phrase that says for how long."""
    what = _first(*names)

    def phrase(rest: Detail, since: Since) -> str:
        seconds = rest.pop('seconds', None)
        lasting = f'for {_duration(seconds)}' if seconds is not None else ''
        return ' '.join(filter(None, [what(rest, since), lasting]))

    return phrase


def _duration(seconds: Any) -> str:
    return format_duration(seconds) if isinstance(seconds, int | float) else printable(seconds)


def _worker(rest: Detail, _: Since) -> str:
    state, code = rest.pop('state', ''), rest.pop('code', None)
    return printable(state) if code is None else f'{printable(state)} with code {printable(code)}'


_PHRASES: dict[str, Callable[[Detail, Since], str]] = {
    'create': _create,
    'claim': _claim,
    'begin': _claim,
    'end': _end,
    'sleep': _lasting(),
    'outcome': _outcome,
    'release': _release,
    'rescue': _rescue,
    'dropped': _dropped,
    'unrun': _first('reason'),
    'notify': _notify,
    'worker': _worker,
    'stall': _lasting(),
    'fault': _lasting('fault'),
    'call': _first('action'),
}
