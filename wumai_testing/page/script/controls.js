// Buttons, filter, legend and the table of events; and the beginning of all.

function follow(job) {
  state.job = job;
  refresh();
}

function refresh() {
  $('by-worker').setAttribute('aria-pressed', state.view === 'workers');
  $('by-job').setAttribute('aria-pressed', state.view === 'jobs');
  $('shorten').setAttribute('aria-pressed', state.shorten);
  $('shorten').hidden = !data.breaks.length;
  $('follow').hidden = state.job === null;
  $('follow').textContent = state.job === null ? '' : `Only ${jobs[state.job].name} ✕`;
  if (state.view === 'jobs') layOut();
  for (const chip of $('legend').querySelectorAll('button')) chip.setAttribute('aria-pressed', chip.dataset.how === state.how);
  paint();
  listEvents();
}

function rescale() {
  scale = makeScale(state.shorten ? data.breaks : []);
  [state.from, state.to] = fitted();
}

function choose(view) {
  state.view = view;
  scroller.scrollTop = 0;
  layOut();
  measure();
  refresh();
}

$('by-worker').onclick = () => choose('workers');
$('by-job').onclick = () => choose('jobs');
$('zoom-in').onclick = () => zoom(0.6);
$('zoom-out').onclick = () => zoom(1 / 0.6);
$('fit').onclick = fit;
$('shorten').onclick = () => { state.shorten = !state.shorten; rescale(); refresh(); };
$('follow').onclick = () => follow(null);
$('search').oninput = (event) => { state.query = event.target.value.trim().toLowerCase(); refresh(); };
scroller.addEventListener('scroll', () => later('paint', paint));

function icon(how) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  for (const [key, value] of [['width', 14], ['height', 14], ['viewBox', '-2 -2 14 14'], ['aria-hidden', 'true']]) svg.setAttribute(key, value);
  draw(svg, 'rect', { class: how, x: -2, y: -2, width: 14, height: 14, rx: 3.5 });
  draw(svg, 'path', { class: 'icon', d: HOWS[how][1] });
  return svg;
}

function sign(kind) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  for (const [key, value] of [['width', 14], ['height', 14], ['viewBox', '-7 -7 14 14'], ['aria-hidden', 'true']]) svg.setAttribute(key, value);
  const [, tone, shape, style] = MARKS[kind];
  draw(svg, 'path', { class: `mark ${tone} ${style ?? ''}`, d: shape });
  return svg;
}

function legend() {
  const box = $('legend');
  for (const how of Object.keys(HOWS)) {
    const count = tries.filter((one) => one.how === how).length;
    if (!count) continue;
    const title = `Only tries that are: ${HOWS[how][0]}`;
    const inside = [icon(how), HOWS[how][0], make('b', { text: count.toLocaleString('en') })];
    const chip = make('button', { type: 'button', 'data-how': how, 'aria-pressed': 'false', title }, inside);
    chip.onclick = () => { state.how = state.how === how ? null : how; refresh(); };
    box.append(chip);
  }
  const kinds = Object.keys(MARKS).filter((kind) => marks.some((mark) => mark.kind === kind));
  if (kinds.length && box.children.length) box.append(make('i'));
  for (const kind of kinds) box.append(make('span', {}, [sign(kind), MARKS[kind][0]]));
}

function summary() {
  const open = jobs.filter((job) => ['pending', 'running'].includes(job.state)).length;
  const parts = [plural(jobs.length, 'job'), plural(tries.length, 'try'), plural(data.workers.length, 'worker')];
  if (open) parts.push(`${open} not ended`);
  const years = END / (365.25 * 86400e6);
  const about = years >= 1 ? ` (${years.toFixed(1)} years)` : '';
  parts.push(`${span(END, 2)}${about} of virtual time from ${date(0).replace(' 00:00:00', '')} UTC`);
  $('summary').textContent = parts.join(' · ');
}

// The table of events, of which only what is seen is in the page

const HEIGHT = 27;
let listed = [];

function listEvents() {
  const ended = (event) => state.how === null || toneOf(event) === state.how;
  listed = filtering() ? events.filter((event) => matches(event) && ended(event)) : events;
  const all = plural(events.length, 'event');
  $('count').textContent = listed.length === events.length ? all : `${listed.length.toLocaleString('en')} of ${all}`;
  $('rows').scrollTop = 0;
  fillRows();
}

function toneOf(event) {
  if (event.kind === 'release') return 'released';
  if (event.kind === 'rescue' || event.kind === 'dropped') return 'lost';
  if (event.kind === 'cancel') return 'cancelled';
  if (event.kind === 'crash' || event.kind === 'fault' || event.kind === 'unrun') return 'failed';
  if (event.kind === 'stall') return 'timeout';
  if (event.kind === 'outcome') return /^finished/.test(event.text) ? 'finished' : /: timeout/i.test(event.text) ? 'timeout' : 'failed';
  if (event.kind === 'create' || event.kind === 'call' || event.kind === 'claim') return 'calm';
  return event.kind === 'notify' ? 'note' : 'plain';
}

function fillRows() {
  const box = $('rows');
  const first = Math.max(0, Math.floor(box.scrollTop / HEIGHT) - 10);
  const last = Math.min(listed.length, first + Math.ceil(Math.max(box.clientHeight, 300) / HEIGHT) + 20);
  $('body').replaceChildren(spacer(first), ...listed.slice(first, last).map(rowOf), spacer(listed.length - last));
}

function spacer(count) {
  const cell = make('td', { colspan: 6 });
  cell.style.height = `${count * HEIGHT}px`;
  return make('tr', { class: 'space', 'aria-hidden': 'true' }, [cell]);
}

function rowOf(event) {
  const job = jobs[event.job];
  const link = job ? make('button', { type: 'button', text: job.name, title: job.id }) : '';
  const kind = make('td', { class: `kind ${toneOf(event)}` }, [make('span', { text: event.kind })]);
  return make('tr', { 'data-e': event.index }, [
    make('td', { class: 'when', text: span(event.at) }), make('td', { class: 'date', text: date(event.at) }),
    make('td', { class: 'who', text: worker(event.worker) }), make('td', { class: 'job' }, [link]),
    kind, make('td', { text: event.text, title: event.text }),
  ]);
}

$('rows').addEventListener('scroll', () => later('rows', fillRows));
$('body').addEventListener('click', (event) => {
  const row = event.target.closest('tr[data-e]');
  if (!row) return;
  const one = events[row.dataset.e];
  if (event.target.closest('button')) return follow(state.job === one.job ? null : one.job);
  const at = tries.find((other) => other.job === one.job && other.start <= one.at && (other.end ?? END) >= one.at);
  if (at) { chart.focus({ preventScroll: true }); focusOn(at); }
  else reveal(one.at, null);
});

// Begin

function measure() {
  const fits = scale === null || isFitted();
  width = Math.max(scroller.clientWidth, 320);
  if (scale === null || fits) rescale();
}

function fromAddress() {
  for (const [key, value] of new URLSearchParams(location.hash.slice(1))) {
    if (key === 'view') state.view = value === 'jobs' ? 'jobs' : 'workers';
    if (key === 'job') state.job = jobs.find((job) => job.name === value || job.id === value)?.index ?? null;
    if (key === 'q') { state.query = value.toLowerCase(); $('search').value = value; }
  }
}

fromAddress();
legend();
summary();
layOut();
measure();
refresh();
addEventListener('resize', () => { measure(); paint(); fillRows(); });
document.documentElement.dataset.ready = String(tries.length);
