"""Which function does an action."""

import sys

import pytest

from wumai.config import Config
from wumai.error import ConfigError
from wumai.worker.actions import Actions, UnknownAction, camel_case


@pytest.fixture
def app(tmp_path, monkeypatch):
    """Writes an app's `model/job/action.py`, and returns the settings that name its root."""
    monkeypatch.setattr(sys, 'path', list(sys.path))
    for name in [name for name in sys.modules if name.split('.')[0] == 'model']:
        monkeypatch.delitem(sys.modules, name)

    def write(text, **others):
        folder = tmp_path / 'model' / 'job'
        folder.mkdir(parents=True)
        (folder / 'action.py').write_text(text)
        for name, content in others.items():
            (folder / f'{name}.py').write_text(content)
        conf = Config()
        conf.apply(app_root=tmp_path)
        return conf

    yield write
    for name in [name for name in sys.modules if name.split('.')[0] == 'model']:
        del sys.modules[name]


def loaded(conf):
    actions = Actions()
    actions.load(conf)
    return actions


@pytest.mark.parametrize(
    ('name', 'action'),
    [
        ('create_instance', 'CreateInstance'),
        ('create', 'Create'),
        ('resize_2_disks', 'Resize2Disks'),
        ('v2_create', 'V2Create'),
    ],
)
def test_names(name, action):
    """create_instance does CreateInstance."""
    assert camel_case(name) == action


def test_routes():
    """A name, a function."""
    actions = Actions()
    assert not actions
    actions.route({'Act': len})
    assert actions.find('Act') is len
    assert 'Act' in actions


def test_an_unknown_action():
    """Is told by name."""
    with pytest.raises(UnknownAction, match="no handler for the action 'Act'"):
        Actions().find('Act')


@pytest.mark.parametrize(
    ('routes', 'said'),
    [
        ({'Act': None}, "the handler of 'Act' cannot be called"),
        ({'Act': lambda: None}, r"'Act' is called with one argument, the job \(.*test_actions.py:"),
    ],
)
def test_a_route_that_is_none(routes, said):
    """Is refused where it is written."""
    with pytest.raises(ConfigError, match=said):
        Actions().route(routes)


@pytest.mark.parametrize('asked', ['ok', 'OK', 'CretaeInstance'])
def test_the_nearest_action(asked):
    """Is told, also where only the case is wrong."""
    actions = Actions()
    actions.route({'Ok': len, 'CreateInstance': len})
    near = 'Ok' if len(asked) == 2 else 'CreateInstance'
    with pytest.raises(UnknownAction, match=f"; the nearest of those routed is '{near}'"):
        actions.find(asked)


def test_two_handlers_of_one_action():
    """Are refused; the same one twice is no harm."""
    actions = Actions()
    actions.route({'Act': len})
    actions.route({'Act': len})
    with pytest.raises(ConfigError, match=r"'Act' has two handlers: <.*len> and <.*repr>"):
        actions.route({'Act': repr})


def test_the_functions_of_action_py(app):
    """Those that are its own: nothing private, imported, no class and no value."""
    actions = loaded(
        app(
            'import functools\n'
            'from json import dumps\n'
            'class NotReady(Exception): pass\n'
            'LIMIT = 5\n'
            'def _helper(job): pass\n'
            'def wrap(f):\n'
            '    @functools.wraps(f)\n'
            '    def wrapped(job): return f(job)\n'
            '    return wrapped\n'
            'del wrap.__module__\n'
            'def create_instance(job): return LIMIT\n'
            'def helper(one, two): pass\n'
        )
    )
    assert actions.find('CreateInstance')(None) == 5
    assert sorted(actions._handlers) == ['CreateInstance', 'Helper']


def test_action_py_imports_its_neighbours(app):
    """By the app's root, and relatively."""
    actions = loaded(
        app(
            'from model.job.helper import one\nfrom .helper import two\n'
            'def act(job): return one() + two()\n',
            helper='def one(): return 1\ndef two(): return 2\n',
        )
    )
    assert actions.find('Act')(None) == 3


def test_action_py_is_loaded_once(app):
    """An app that has imported it shares it with the worker."""
    conf = app('def act(job): pass\n')
    sys.path.insert(0, str(conf.app_root))
    import model.job.action

    assert loaded(conf).find('Act') is model.job.action.act


@pytest.mark.parametrize(
    ('text', 'match'), [('X = 1\n', 'holds no function'), (None, 'the worker has no handlers')]
)
def test_an_app_without_handlers(app, tmp_path, text, match):
    """The error says where they are expected."""
    conf = Config()
    conf.apply(app_root=tmp_path)
    with pytest.raises(ConfigError, match=match):
        loaded(app(text) if text else conf)


def test_an_action_py_that_cannot_be_imported(app):
    """Its own error is what the app has to see, at the next attempt as well."""
    conf = app('import nonesuch\n')
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match='nonesuch'):
            loaded(conf)


def test_without_app_root():
    """The error shows the call that sets it."""
    with pytest.raises(ConfigError, match=r'app_root must be set first: .*CONF\.apply'):
        loaded(Config())
