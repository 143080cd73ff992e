"""The page of a timeline, in text and in a real browser."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.wumai_testing.story import Story, crowd, flaky, troubles
from wumai_testing.timeline_page import page_data, render, save_report

Browse = Callable[..., dict[str, str]]

FLAGS = (
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--hide-scrollbars',
    '--window-size=1280,800',
)


@pytest.fixture(scope='session')
def chromium() -> str:
    """The browser; where there is none the tests that need it are skipped, but not in CI."""
    found = shutil.which('chromium') or shutil.which('chromium-browser')
    if found is None:
        reason = 'chromium is not installed (apt-get install chromium)'
        if os.environ.get('WUMAI_CI_REQUIRES_CHROMIUM'):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def run(chromium: str, page: Path, profile: Path, *flags: str) -> str:
    command = [chromium, *FLAGS, f'--user-data-dir={profile}', *flags, page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    return done.stdout


@pytest.fixture
def browse(chromium: str, tmp_path: Path) -> Browse:
    """Opens a page, runs a script in it, and returns the `data-` attributes of <html>."""

    def browse(html: str, script: str = '') -> dict[str, str]:
        page = tmp_path / 'page.html'
        probe = f'<script>const seen = document.documentElement.dataset;{script}</script></body>'
        page.write_text(html.replace('</body>', probe))
        dump = run(chromium, page, tmp_path / 'profile', '--dump-dom')
        (tag,) = re.findall(r'<html[^>]*>', dump)
        seen = dict(re.findall(r'data-([\w-]+)="([^"]*)"', tag))
        assert 'error' not in seen, seen['error']
        return seen

    return browse


def test_the_page_needs_nothing_from_outside() -> None:
    html = render(troubles().told(), 'A title')
    addresses = set(re.findall(r'(?:https?:)?//[\w.]+[^\s\'"]*', html))
    assert addresses == {'http://www.w3.org/2000/svg'}
    assert not re.findall(r'<(?:link|img|iframe)\b|@import|\burl\((?!#)', html)
    assert "default-src 'none'" in html


def test_the_page_is_the_same_for_the_same_events() -> None:
    assert render(troubles().told(), 'A') == render(troubles().told(), 'A')


def test_texts_cannot_leave_their_place() -> None:
    story = flaky().at(7, 'call', action='</SCRIPT><!-- {{title}} \u2028 &amp; \udc80')
    html = render(story.told(), '<b>"{{data}}"</b>')
    assert html.count('</script>') == html.count('<script') == 3
    assert html.count('<!--') == 0
    assert '<img' not in html
    assert '<title>&lt;b&gt;&quot;{{data}}&quot;&lt;/b&gt;</title>' in html


def test_times_are_whole_microseconds() -> None:
    data = page_data(Story().at(1.5, 'call', action='A').told())
    assert data['end'] == 1_500_000
    assert data['events'] == [[1_500_000, 'call', -1, -1, 'A']]


def test_a_report_is_an_index_and_a_page_for_each_run(tmp_path: Path) -> None:
    entries = [
        ('A job that <b>fails</b>', 'failed', flaky().told()),
        ('../../etc', 'passed', troubles().told()),
        ('...', 'skipped', Story().told()),
    ]
    index = save_report(tmp_path / 'report', entries, title='Nightly')
    assert sorted(path.name for path in index.parent.iterdir()) == [
        '1-a-job-that-b-fails-b.html',
        '2-etc.html',
        '3-run.html',
        'index.html',
    ]
    html = index.read_text()
    assert 'href="1-a-job-that-b-fails-b.html">A job that &lt;b&gt;fails&lt;/b&gt;</a>' in html
    assert '1 failed, 1 passed, 1 skipped' in html
    page = (index.parent / '2-etc.html').read_text()
    assert 'href="index.html"' in page


def test_a_page_draws_all_tries_and_its_controls_work(browse: Browse) -> None:
    """In one visit, since a browser takes seconds to start."""
    story = troubles().told()
    seen = browse(
        render(story, 'Troubles'),
        """
        const get = (id) => document.getElementById(id);
        const count = (what) => String(document.querySelectorAll(what).length);
        const span = () => Number(get('chart').dataset.span);
        const key = (name) => get('chart').dispatchEvent(new KeyboardEvent('keydown', {key: name}));
        for (const how of ['finished', 'failed', 'timeout', 'lost', 'released', 'running'])
            seen['bars' + how] = count('#plot .bar > rect.' + how + ':not(.tail)');
        seen.alerts = count('img');
        seen.rows = count('#body tr[data-e]');
        seen.legend = count('#legend button');
        seen.tears = count('#plot .tear');
        seen.bands = count('#plot rect[fill^="url(#p-"]');
        const all = span();
        get('zoom-in').click();
        seen.zoomed = String(span() < all * 0.7);
        get('zoom-out').click();
        seen.back = String(span() === all);
        get('shorten').click();
        seen.linear = String(span() > all) + count('#plot .tear');
        get('shorten').click();
        get('chart').focus();
        key('ArrowRight');
        seen.tip = get('tip').innerText.split('\\n')[0];
        key('Enter');
        seen.followed = count('#plot .bar.dim') !== '0' && get('follow').textContent;
        key('Escape');
        seen.free = count('#plot .bar.dim');
        get('search').value = 'past exec_timeout';
        get('search').dispatchEvent(new Event('input'));
        seen.found = get('count').textContent;
        get('by-job').click();
        seen.lanes = count('#plot .pick');
        get('search').value = '';
        get('search').dispatchEvent(new Event('input'));
        seen.alllanes = count('#plot .pick');
        const mouse = (target, kind, x, y = 300) => target.dispatchEvent(
            new PointerEvent(kind, {bubbles: true, clientX: x, clientY: y}));
        const name = document.querySelectorAll('#plot .pick')[2];
        mouse(name, 'pointermove', 60);
        seen.hovered = get('tip').innerText.split('\\n')[0];
        mouse(name, 'pointerdown', 60);
        mouse(name, 'pointerup', 60);
        seen.clicked = get('follow').textContent;
        mouse(get('plot'), 'pointerdown', 600);
        mouse(get('plot'), 'pointermove', 500);
        seen.dragging = get('chart').className;
        mouse(get('plot'), 'pointerup', 500);
        seen.still = get('follow').textContent;
        get('plot').dispatchEvent(new WheelEvent('wheel',
            {deltaY: -300, clientX: 600, clientY: 300, bubbles: true, cancelable: true}));
        """,
    )
    assert {name: seen[name] for name in seen if name.startswith('bars')} == {
        'barsfinished': '2',
        'barsfailed': '2',
        'barstimeout': '1',
        'barslost': '2',
        'barsreleased': '1',
        'barsrunning': '1',
    }
    assert seen['ready'] == '9'
    assert seen['alerts'] == '0'
    assert int(seen['rows']) >= 20
    assert seen['legend'] == '6'
    assert int(seen['tears']) == 2 * len(page_data(story)['breaks']) > 0
    assert seen['bands'] == '4'
    assert (seen['zoomed'], seen['back'], seen['linear']) == ('true', 'true', 'true0')
    assert seen['tip'] == 'Flaky#1 try 1 of 3 — failed'
    assert seen['followed'] == 'Only Flaky#1 ✕'
    assert seen['free'] == '0'
    assert seen['found'] == f'1 of {len(story)} events'
    assert (seen['lanes'], seen['alllanes']) == ('1', '6')
    assert seen['hovered'] == 'Slow#2 finished'
    assert seen['clicked'] == seen['still'] == 'Only Slow#2 ✕'
    assert seen['dragging'] == 'dragging'


def test_five_thousand_tries_in_ten_years_do_not_freeze_the_page(browse: Browse) -> None:
    """Zoomed or by job, it draws what a screen can show, and no element for each try."""
    seen = browse(
        render(crowd(5000).told(), 'A crowd'),
        """
        for (let n = 0; n < 5; n++) document.getElementById('zoom-in').click();
        document.getElementById('by-job').click();
        seen.drawn = String(document.querySelectorAll('svg *').length);
        """,
    )
    assert seen['ready'] == '5000'
    assert int(seen['drawn']) < 10_000


def test_an_empty_timeline_says_so(browse: Browse) -> None:
    seen = browse(
        render(Story().told(), 'Nothing'),
        "seen.empty = String(document.getElementById('empty').checkVisibility());",
    )
    assert (seen['ready'], seen['empty']) == ('0', 'true')


def test_the_page_is_light_or_dark_as_its_reader_likes(chromium: str, tmp_path: Path) -> None:
    page = troubles().told().save(tmp_path / 'page.html')
    pictures = []
    for scheme in 'light', 'dark':
        picture = tmp_path / f'{scheme}.png'
        flags = [
            f'--screenshot={picture}',
            f'--blink-settings=preferredColorScheme={scheme == "light":d}',
        ]
        run(chromium, page, tmp_path / scheme, *flags)
        pictures.append(picture.read_bytes())
    assert all(len(picture) > 20_000 for picture in pictures)
    assert pictures[0] != pictures[1]
