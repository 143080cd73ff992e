'use strict';
(() => {
  // The data, with names for its columns. All times are microseconds from the start.

  const data = JSON.parse(document.getElementById('data').textContent);
  const START = Date.parse(data.start);
  const END = data.end;
  const named = (rows, ...names) =>
    rows.map((row, index) => Object.assign({ index }, ...names.map((name, i) => ({ [name]: row[i] }))));
  const jobs = named(data.jobs, 'id', 'name', 'state');
  const tries = named(data.tries, 'job', 'worker', 'slot', 'start', 'ran', 'end', 'due', 'how', 'n', 'm', 'error');
  const bands = named(data.bands, 'where', 'from', 'to', 'kind', 'text');
  const marks = named(data.marks, 'at', 'kind', 'worker', 'job', 'text');
  const events = named(data.events, 'at', 'kind', 'worker', 'job', 'text');
  for (const one of tries) {
    if (one.due !== null && one.due <= END) {
      marks.push({ index: marks.length, at: one.due, kind: 'due', worker: -1, job: one.job, text: `try due after ${ordinal(one)}` });
    }
  }
  const triesOf = jobs.map(() => []);
  for (const one of tries) triesOf[one.job]?.push(one);

  const HOWS = {
    finished: ['finished', 'M2 5.3 4.2 7.6 8.2 2.6'],
    failed: ['failed', 'M2.4 2.4 7.6 7.6M7.6 2.4 2.4 7.6'],
    timeout: ['timed out', 'M5 1.2a3.8 3.8 0 1 0 .01 0M5 3v2.2l1.5 1'],
    released: ['handed back', 'M8.2 7.8V6A2 2 0 0 0 6.2 4H2M4.2 1.8 2 4l2.2 2.2'],
    lost: ['worker lost', 'M5.8 .8 3 5.4h4L4.2 9.2'],
    cancelled: ['cancelled', 'M2 5h6'],
    running: ['still running', 'M3.2 1.8 8 5 3.2 8.2Z'],
  };
  const MARKS = {
    // kind: what it is, the class that colours it, its shape around (0, 0), whether it is hollow or a line
    create: ['job created', 'calm', 'M0-4.2A4.2 4.2 0 1 1-.01-4.2Z'],
    call: ['API call', 'calm', 'M-4-4H0L4.5 0 0 4H-4L-.5 0Z'],
    due: ['next try due', 'plain', 'M-4.5-3.5H4.5L0 4.2Z', 'hollow'],
    notify: ['message sent', 'note', 'M-5-4.5H5V2.5H-.5L-3.5 5V2.5H-5Z'],
    fault: ['fault', 'failed', 'M1.2-6-3.6.8H-.4L-1.6 6 3.6-1.4H.4Z'],
    crash: ['crash', 'failed', 'M-4-4 4 4M4-4-4 4', 'stroke'],
    start: ['worker started', 'finished', 'M-3.4-4.2 4.4 0-3.4 4.2Z'],
    stop: ['worker told to stop', 'plain', 'M-3.6-3.6H3.6V3.6H-3.6Z', 'hollow'],
    exit: ['worker exited', 'plain', 'M-3.6-3.6H3.6V3.6H-3.6Z'],
    cancel: ['job cancelled', 'cancelled', 'M-4.5 0H4.5', 'stroke'],
    retry: ['job retried by hand', 'calm', 'M3.6-1.6A4 4 0 1 0 4 1M4.2-5V-1.4H.6', 'stroke'],
    unrun: ['job ended without a run', 'failed', 'M0-5 5 4H-5Z', 'hollow'],
    dropped: ['outcome too late', 'lost', 'M-3.4-3.4 3.4 3.4M3.4-3.4-3.4 3.4', 'stroke'],
  };
  const BANDS = { stalled: 'stalled', crashed: 'crashed', exited: 'exited', down: 'down', hang: 'hangs' };
  const ON_WORKER = new Set(['start', 'stop', 'exit', 'crash', 'dropped', 'fault']);
  const OF_JOB = new Set(['create', 'due', 'cancel', 'retry', 'unrun', 'dropped']);

  // Words

  function ordinal(one) {
    if (one.n === null) return 'a try';
    return one.m === null ? `try ${one.n}` : `try ${one.n} of ${one.m}`;
  }

  /** As wumai_testing.duration writes it: 1d2h3m4.5s; with `most`, only so many parts. */
  function span(us, most = 9) {
    let rest = Math.abs(Math.round(us));
    const parts = [];
    for (const [unit, size] of [['d', 86400e6], ['h', 3600e6], ['m', 60e6], ['s', 1e6]]) {
      const exact = unit === 's' ? rest / size : Math.floor(rest / size);
      const count = unit === 's' && (parts.length || most < 9) ? Number(exact.toFixed(most < 9 ? 3 : 6)) : exact;
      if (count) parts.push(count + unit);
      rest -= Math.floor(exact) * size;
    }
    return (us < 0 ? '-' : '') + (parts.slice(0, most).join('') || '0s');
  }

  const stamp = (us) => new Date(START + us / 1000).toISOString().replace('T', ' ').replace('Z', '');
  const date = (us) => stamp(us).replace(/\.000$/, '');
  const plural = (count, one) => `${count.toLocaleString('en')} ${count === 1 ? one : one === 'try' ? 'tries' : one + 's'}`;
  const cut = (text, most) => (text.length > most ? text.slice(0, Math.max(most - 1, 1)) + '…' : text);
  const worker = (index) => data.workers[index] ?? '';

  // Elements

  const $ = (id) => document.getElementById(id);
  const chart = $('chart'), axis = $('axis'), scroller = $('scroll'), plot = $('plot'), overview = $('overview'), tip = $('tip');

  function make(name, attributes = {}, children = []) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key === 'text') element.textContent = value;
      else element.setAttribute(key, value);
    }
    element.append(...children);
    return element;
  }

  function draw(parent, name, attributes, text) {
    const element = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    if (text !== undefined) element.textContent = text;
    parent.appendChild(element);
    return element;
  }

  // The state

  const state = {
    view: data.workers.length ? 'workers' : 'jobs',
    shorten: data.breaks.length > 0,
    from: 0, to: 0, // what is shown of the scale
    query: '', how: null, job: null, focus: null,
  };
  const GUTTER = Math.min(210, Math.max(96, 30 + 7 * longestLabel()));
  const ROW = 20, PAD_LEFT = 14, PAD_RIGHT = Math.min(170, GUTTER + 30), AXIS = 40;
  let width = 900, scale = null, lanes = [], total = 0;

  function longestLabel() {
    const sizes = [...data.workers, ...data.jobs.map((job) => job[1])].map((text) => text.length);
    return sizes.reduce((most, size) => Math.max(most, size), 12);
  }

  // The scale: time to units, in which long idle stretches may be shorter, and units to pixels

  function makeScale(breaks) {
    const times = [0], units = [0];
    for (const [from, to, size] of breaks) {
      times.push(from, to);
      units.push(units.at(-1) + from - times.at(-3), 0);
      units[units.length - 1] = units.at(-2) + size;
    }
    times.push(Math.max(END, times.at(-1) + (END ? 0 : 1e6)));
    units.push(units.at(-1) + times.at(-1) - times.at(-2));
    const through = (xs, ys) => (x) => {
      let low = 0, high = xs.length - 1;
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (xs[middle] <= x) low = middle;
        else high = middle;
      }
      const run = xs[high] - xs[low];
      return run ? ys[low] + ((x - xs[low]) * (ys[high] - ys[low])) / run : ys[low];
    };
    return { unit: through(times, units), time: through(units, times), size: units.at(-1), breaks };
  }

  function fitted() {
    const room = Math.max(width - GUTTER - PAD_LEFT - PAD_RIGHT, 80);
    return [(-PAD_LEFT * scale.size) / room, scale.size + (PAD_RIGHT * scale.size) / room];
  }

  const perPixel = () => (state.to - state.from) / (width - GUTTER);
  const xOfUnit = (unit) => GUTTER + (unit - state.from) / perPixel();
  const x = (time) => xOfUnit(scale.unit(time));
  const unitAt = (pixel) => state.from + (pixel - GUTTER) * perPixel();
  const isFitted = () => { const [from, to] = fitted(); return state.from <= from && state.to >= to; };

  function show(from, to) {
    aim(from, to);
    paint();
  }

  function aim(from, to) {
    const [least, most] = fitted();
    const size = Math.min(Math.max(to - from, 20), most - least);
    state.from = Math.min(Math.max(from + (to - from - size) / 2, least), most - size);
    state.to = state.from + size;
  }

  function zoom(factor, unit = (state.from + state.to) / 2, move = show) {
    move(unit - (unit - state.from) * factor, unit + (state.to - unit) * factor);
  }

  const pan = (part) => show(state.from + part * (state.to - state.from), state.to + part * (state.to - state.from));
  const fit = () => show(...fitted());

  // What matches the filter

  function textOf(one) {
    const job = jobs[one.job];
    return `${job ? `${job.name} ${job.id}` : ''} ${worker(one.worker)} ${one.how ?? one.kind} ${one.error ?? one.text}`.toLowerCase();
  }
  const texts = new Map();
  function matches(one) {
    if (state.job !== null && one.job !== state.job) return false;
    if (state.how !== null && one.how !== undefined && one.how !== state.how) return false;
    if (!state.query) return true;
    if (!texts.has(one)) texts.set(one, textOf(one));
    return texts.get(one).includes(state.query);
  }
  /** Whether a job's lane is worth its place while there is a filter. */
  function hasMatch(job) {
    if (!state.query && state.how === null) return true;
    if (triesOf[job.index].some(matches)) return true;
    return state.how === null && `${job.name} ${job.id}`.toLowerCase().includes(state.query);
  }
  const filtering = () => state.job !== null || state.how !== null || state.query !== '';

  // Lanes

  function workerLanes() {
    const requests = marks.filter((mark) => ['call', 'create', 'cancel', 'retry', 'unrun'].includes(mark.kind));
    const made = [
      { label: 'Requests', marks: requests },
      { label: 'Next tries due', marks: marks.filter((mark) => mark.kind === 'due') },
      { label: 'Messages', marks: marks.filter((mark) => mark.kind === 'notify'), bands: bandsOf('messages') },
      { label: 'Faults', marks: marks.filter((mark) => mark.kind === 'fault' && mark.worker < 0) },
    ].filter((lane) => lane.marks.length);
    data.workers.forEach((label, index) => {
      const own = tries.filter((one) => one.worker === index);
      const points = marks.filter((mark) => mark.worker === index && ON_WORKER.has(mark.kind));
      if (!own.length && !points.length) return;
      made.push({ label, sub: plural(own.length, 'try'), rows: grouped(own, (one) => one.slot), strip: points, bands: bandsOf(index) });
    });
    return made;
  }

  function jobLanes() {
    const made = [
      { label: 'Requests', marks: marks.filter((mark) => mark.kind === 'call') },
      { label: 'Messages', marks: marks.filter((mark) => mark.kind === 'notify'), bands: bandsOf('messages') },
      { label: 'Faults', marks: marks.filter((mark) => mark.kind === 'fault' && mark.worker < 0) },
    ].filter((lane) => lane.marks.length);
    const points = grouped(marks.filter((mark) => OF_JOB.has(mark.kind) && mark.job >= 0), (mark) => mark.job);
    for (const job of jobs) {
      if (!hasMatch(job)) continue;
      made.push({ label: job.name, job, rows: [triesOf[job.index]], over: points[job.index] ?? [], life: lifeOf(job.index, points[job.index]) });
    }
    return made;
  }

  const bandsOf = (where) => bands.filter((band) => band.where === where);

  function grouped(items, key) {
    const groups = [];
    for (const item of items) (groups[key(item)] ??= []).push(item);
    return groups;
  }

  function lifeOf(job, points) {
    const own = triesOf[job];
    const from = Math.min(points?.[0]?.at ?? Infinity, own[0]?.start ?? Infinity);
    const open = ['pending', 'running'].includes(jobs[job].state);
    const last = Math.max(own.at(-1)?.end ?? 0, points?.at(-1)?.at ?? 0);
    return from === Infinity ? null : [from, open ? END : last];
  }

  function layOut() {
    lanes = state.view === 'workers' ? workerLanes() : jobLanes();
    total = 0;
    for (const lane of lanes) {
      lane.top = total;
      lane.head = lane.marks ? 26 : (lane.strip?.length ? 20 : 5);
      const count = Math.max(lane.rows?.length ?? 0, lane.rows ? 1 : 0);
      lane.height = lane.head + (lane.rows ? count * ROW + 5 : 0);
      if (lane.job) lane.height = 27;
      total += lane.height;
    }
    $('space').style.height = `${total}px`;
    $('empty').hidden = lanes.length > 0;
  }

  // Painting

  let hits = [];
  const spots = new Map();

  function paint() {
    const before = scroller.clientHeight;
    overview.style.display = isFitted() ? 'none' : '';
    paintAll();
    if (scroller.clientHeight !== before) paintAll();
  }

  function paintAll() {
    const tall = Math.max(scroller.clientHeight, 60);
    const top = scroller.scrollTop;
    hits = [];
    spots.clear();
    for (const svg of [plot, axis, overview]) svg.replaceChildren();
    plot.setAttribute('height', Math.max(Math.min(tall, total), 60));
    draw(plot, 'defs').append(...patterns());
    const back = draw(plot, 'g', { transform: `translate(0 ${-top})` });
    const seen = lanes.filter((lane) => lane.top + lane.height > top && lane.top < top + tall);
    seen.forEach((lane) => paintGround(back, lane));
    paintBreaks(back, top, tall);
    paintTicks(back, top, tall);
    bandsOf('all').forEach((band) => paintBand(back, band, top, tall));
    seen.forEach((lane) => (lane.bands ?? []).forEach((band) => paintBand(back, band, lane.top, lane.height)));
    const front = draw(plot, 'g', { transform: `translate(0 ${-top})` });
    seen.forEach((lane) => paintLane(front, lane));
    paintPath(front);
    seen.forEach((lane) => paintLabel(front, lane));
    paintFocus(front);
    paintOverview();
    chart.dataset.span = String(Math.round(state.to - state.from));
  }

  function patterns() {
    return Object.keys(BANDS).map((kind) => {
      const pattern = document.createElementNS('http://www.w3.org/2000/svg', 'pattern');
      const attributes = { id: `p-${kind}`, class: kind, width: 7, height: 7, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' };
      for (const key in attributes) pattern.setAttribute(key, attributes[key]);
      draw(pattern, 'rect', { width: 7, height: 7, fill: 'currentColor', 'fill-opacity': 0.09 });
      if (kind !== 'exited') draw(pattern, 'rect', { width: 2, height: 7, fill: 'currentColor', 'fill-opacity': 0.26 });
      return pattern;
    });
  }

  function paintGround(parent, lane) {
    if (lanes.indexOf(lane) % 2) draw(parent, 'rect', { class: 'alt', x: 0, y: lane.top, width, height: lane.height });
    if (lane.top) draw(parent, 'path', { class: 'grid', d: `M0 ${lane.top + 0.5}H${width}` });
  }

  function paintBreaks(parent, top, tall) {
    for (const [from, to] of scale.breaks) {
      const left = Math.max(x(from), GUTTER), right = Math.min(x(to), width);
      if (right - left < 1) continue;
      const middle = (left + right) / 2;
      draw(parent, 'rect', { class: 'gap', x: left, y: top, width: right - left, height: tall });
      const label = span(to - from, 2);
      if (right - left > 9) {
        for (const at of [middle - 2.5, middle + 2.5]) draw(parent, 'path', { class: 'tear', d: zigzag(at, top, Math.min(tall, total)) });
        draw(axis, 'rect', { class: 'gap', x: left, y: 0, width: right - left, height: AXIS });
        for (const at of [middle - 2.5, middle + 2.5]) draw(axis, 'path', { class: 'tear', d: zigzag(at, 26, 14) });
      }
      if (right - left > 14 + 6.2 * label.length) draw(axis, 'text', { class: 'soft', x: middle, y: 17, 'text-anchor': 'middle' }, label);
      const hit = draw(parent, 'rect', { class: 'hit', x: left, y: top, width: right - left, height: tall });
      hit.dataset.hit = hits.push({ title: `${span(to - from)} in which nothing happens`, rows: [['from', when(from)], ['to', when(to)]] }) - 1;
    }
  }

  function zigzag(at, top, tall) {
    let path = `M${at} ${top}`;
    for (let y = 0, side = 1; y < tall; y += 7, side = -side) path += `l${3.5 * side} 3.5l${-3.5 * side} 3.5`;
    return path;
  }

  const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 10e6, 15e6, 30e6,
    60e6, 120e6, 300e6, 600e6, 900e6, 1800e6, 3600e6, 7200e6, 10800e6, 21600e6, 43200e6,
    ...[1, 2, 5, 10, 20, 30, 60, 90, 180, 365, 730, 1825, 3650, 7300, 36500].map((days) => days * 86400e6)];

  function ticks() {
    const step = STEPS.find((size) => size / perPixel() >= 92) ?? STEPS.at(-1);
    const found = [];
    let from = 0;
    for (const [start, end] of [...scale.breaks, [Math.max(END, scale.time(state.to)), 0]]) {
      const low = Math.max(from, scale.time(Math.max(state.from, 0))), high = Math.min(start, scale.time(Math.min(state.to, scale.size)));
      if (high >= low) {
        if (from >= low) found.push([from, true]);
        for (let at = Math.ceil(low / step) * step; at <= high; at += step) if (at !== from) found.push([at, false]);
      }
      from = end;
    }
    return [found, step];
  }

  function paintTicks(parent, top, tall) {
    const [found, step] = ticks();
    let free = GUTTER - 4, day = '';
    for (const [at, first] of thinned(found)) {
      const left = Math.round(x(at)) + 0.5;
      if (left < GUTTER || left > width) continue;
      draw(parent, 'path', { class: 'grid', d: `M${left} ${top}V${top + tall}` });
      draw(axis, 'path', { class: 'tick', d: `M${left} 34V40` });
      if (left < free) continue;
      const text = first && step >= 1e6 ? span(at, at >= 30 * 86400e6 ? 1 : 2) : span(at);
      const [today, clock] = date(at).split(' ');
      const below = today === day ? clock : `${today}${step < 86400e6 ? ` ${clock.slice(0, 5)}` : ''}`;
      if (left + 5.6 * below.length > width + 20) continue;
      draw(axis, 'text', { x: left, y: 15 }, text);
      draw(axis, 'text', { class: 'date', x: left, y: 28 }, below);
      free = left + Math.max(6.4 * text.length, 5.8 * below.length) + 10;
      day = today;
    }
    draw(axis, 'rect', { class: 'gutter', x: 0, y: 0, width: GUTTER - 1, height: AXIS });
    draw(axis, 'text', { class: 'soft', x: 12, y: 15 }, 'Virtual time');
    draw(axis, 'text', { class: 'date', x: 12, y: 28 }, 'Date, UTC');
  }

  /** The ticks without those that come too close after the start of a stretch. */
  function thinned(found) {
    return found.filter(([at, first], index) => first || index === 0 || !found[index - 1][1] || x(at) - x(found[index - 1][0]) > 60);
  }

  function paintBand(parent, band, top, height) {
    const left = Math.max(x(band.from), GUTTER), right = Math.min(Math.max(x(band.to), left + 2), width);
    if (right <= GUTTER || left >= width) return;
    const rect = draw(parent, 'rect', { x: left, y: top, width: right - left, height, fill: `url(#p-${band.kind})` });
    rect.dataset.hit = hits.push({ title: band.text, rows: [['from', when(band.from)], ['for', span(band.to - band.from)]] }) - 1;
    if (band.kind === 'exited') return;
    const text = band.where === 'all' ? band.text : BANDS[band.kind];
    const y = band.where === 'all' ? top + 12 : top + height - 5;
    if (right - left > 8 + 6.4 * text.length) draw(parent, 'text', { class: band.kind, x: left + 5, y }, text);
  }

  function paintLane(parent, lane) {
    if (lane.life) {
      const middle = lane.top + lane.height / 2;
      const left = Math.max(x(lane.life[0]), GUTTER), right = Math.min(x(lane.life[1]), width);
      const dim = filtering() && !matches({ ...lane.job, job: lane.job.index, how: undefined, text: '' }) ? ' dim' : '';
      if (right > left) draw(parent, 'path', { class: `life${dim}`, d: `M${left} ${middle}H${right}` });
    }
    (lane.rows ?? []).forEach((row, index) => {
      const y = lane.job ? lane.top + 4 : lane.top + lane.head + index * ROW;
      if (row) paintRow(parent, row, y, lane.job ? 19 : ROW - 3);
    });
    if (lane.marks) paintMarks(parent, lane.marks, lane.top + 13);
    if (lane.strip) paintMarks(parent, lane.strip, lane.top + 10);
    if (lane.over) paintMarks(parent, lane.over.filter((mark) => mark.at !== undefined), lane.top + lane.height / 2, true);
  }

  function paintRow(parent, row, y, height) {
    const shapes = [];
    for (const one of row) {
      const left = x(one.start), right = Math.max(x(one.ran), left + 5);
      const end = one.end === null ? x(END) : x(one.end);
      if (Math.max(right, end) < GUTTER || left > width) continue;
      const last = shapes.at(-1);
      if (last && left < last.left + 5.5 && right - left < 6 && last.right - last.left < 6) {
        last.right = Math.max(last.right, right);
        last.end = Math.max(last.end, end);
        last.tries.push(one);
      } else shapes.push({ left, right, end, tries: [one] });
    }
    shapes.forEach((shape, index) => paintTries(parent, shape, y, height, shapes[index + 1]?.left ?? width));
  }

  function paintTries(parent, shape, y, height, next) {
    const left = Math.max(shape.left, GUTTER - 20), right = Math.min(shape.right, width + 20);
    const dim = filtering() && !shape.tries.some(matches) ? ' dim' : '';
    const group = draw(parent, 'g', { class: `bar${dim}` });
    group.dataset.hit = hits.push({ tries: shape.tries }) - 1;
    const shown = filtering() && !dim ? shape.tries.filter(matches) : shape.tries;
    const first = shown[0];
    if (shape.end > right + 1 && first.how !== 'running') {
      draw(group, 'rect', { class: `tail ${first.how}`, x: right, y: y + height / 2 - 2, width: Math.min(shape.end, width) - right, height: 4 });
    }
    const stripes = shares(shown, height);
    for (const [how, from, size] of stripes) {
      const attributes = { class: how, x: left, y: y + from, width: Math.max(right - left, 1), height: size };
      if (stripes.length === 1) attributes.rx = Math.min(3.5, (right - left) / 2);
      draw(group, 'rect', attributes);
    }
    if (shape.end < right - 2) draw(group, 'path', { class: 'rule', d: `M${shape.end} ${y}v${height}` });
    for (const one of shape.tries) spots.set(one, { left, right, y, height });
    paintCaption(group, shape, shown, y, height, next);
  }

  /** How much of a bar's height each ending takes. */
  function shares(shown, height) {
    if (shown.length === 1) return [[shown[0].how, 0, height]];
    const counts = Object.keys(HOWS).map((how) => [how, shown.filter((one) => one.how === how).length]).filter(([, count]) => count);
    let from = 0;
    return counts.map(([how, count]) => {
      const size = (height * count) / shown.length;
      from += size;
      return [how, from - size, size];
    });
  }

  function paintCaption(group, shape, shown, y, height, next) {
    const one = shown[0], many = shown.length > 1;
    const inside = Math.min(shape.right, width) - Math.max(shape.left, GUTTER);
    const text = many ? `${shown.length.toLocaleString('en')} tries` : caption(one);
    const room = many ? 0 : 14;
    const base = y + height / 2 + 4;
    if (inside >= room + 22) {
      const start = Math.max(shape.left, GUTTER) + 5;
      const fitting = Math.floor((inside - room - 8) / 6.3);
      if (!many) draw(group, 'path', { class: 'icon', d: HOWS[one.how][1], transform: `translate(${start} ${base - 9})` });
      if (fitting > 2) draw(group, 'text', { class: 'in', x: start + room, y: base }, cut(text, fitting));
    } else if (inside >= 15 && !many) {
      draw(group, 'path', { class: 'icon', d: HOWS[one.how][1], transform: `translate(${Math.max(shape.left, GUTTER) + inside / 2 - 5} ${base - 9})` });
    } else if (shape.right > GUTTER && shape.end <= shape.right + 2) {
      const free = Math.min(next, width) - shape.right - 12;
      if (!many && free >= 10) draw(group, 'path', { class: `icon out ${one.how}`, d: HOWS[one.how][1], transform: `translate(${shape.right + 4} ${base - 9})` });
      if (free >= room + 6.3 * text.length) draw(group, 'text', { class: 'halo', x: shape.right + 4 + room, y: base }, text);
    }
  }

  function caption(one) {
    const count = one.n === null || one.m === 1 ? '' : one.m === null ? ` ${one.n}` : ` ${one.n}/${one.m}`;
    return state.view === 'workers' ? (jobs[one.job]?.name ?? '') + count : `${count.trim()} ${worker(one.worker)}`.trim();
  }

  function paintMarks(parent, points, y, over = false) {
    const last = {};
    const groups = [];
    for (const mark of [...points].sort((a, b) => a.at - b.at)) {
      const at = x(mark.at);
      if (at < GUTTER - 6 || at > width + 6) continue;
      const group = last[mark.kind];
      if (group && at - group.x < (points.length > 200 ? 5 : 11)) group.marks.push(mark);
      else groups.push((last[mark.kind] = { x: at, kind: mark.kind, marks: [mark] }));
    }
    groups.sort((a, b) => a.x - b.x);
    let free = -Infinity;
    const dense = groups.length > 45;
    groups.forEach((group, index) => {
      const [, tone, shape, style] = MARKS[group.kind] ?? MARKS.fault;
      const dim = filtering() && !group.marks.some(matches) ? ' dim' : '';
      const left = over ? group.x - 6 : dense ? group.x : Math.max(group.x, free);
      const holder = draw(parent, 'g', { class: `bar${dim}`, transform: `translate(${left} ${y})` });
      holder.dataset.hit = hits.push({ marks: group.marks }) - 1;
      draw(holder, 'rect', { class: 'hit', x: -6, y: -8, width: 12, height: 16 });
      if (dense) draw(holder, 'rect', { class: tone, x: -1, y: -5, width: 2, height: 10 });
      else draw(holder, 'path', { class: `mark ${tone} ${style ?? ''}`, d: shape });
      free = left + 12;
      const next = groups[index + 1]?.x ?? width;
      const text = over ? '' : group.marks.length > 1 ? `×${group.marks.length.toLocaleString('en')}` : short(group.marks[0]);
      if (text && next - left > 16 + 6.3 * text.length && left + 10 + 6.3 * text.length < width) {
        draw(holder, 'text', { class: 'soft', x: 9, y: 4 }, text);
        free = left + 14 + 6.3 * text.length;
      }
    });
  }

  /** A few words beside a mark. */
  function short(mark) {
    if (mark.kind === 'notify') return mark.text.split(':')[0];
    if (mark.kind === 'call' || mark.kind === 'fault') return cut(mark.text, 32);
    if (mark.job >= 0) return jobs[mark.job].name;
    return { exit: mark.text, stop: 'stop' }[mark.kind] ?? '';
  }

  /** From try to try of the job that is followed. */
  function paintPath(parent) {
    if (state.job === null || state.view !== 'workers') return;
    const stops = triesOf[state.job].map((one) => spots.get(one)).filter(Boolean);
    let path = '';
    stops.slice(1).forEach((stop, index) => {
      const from = stops[index];
      path += `M${from.right} ${from.y + from.height / 2}L${stop.left} ${stop.y + stop.height / 2}`;
    });
    if (path) draw(parent, 'path', { class: 'path', d: path });
  }

  function paintLabel(parent, lane) {
    draw(parent, 'rect', { class: 'gutter', x: 0, y: lane.top + 1, width: GUTTER - 1, height: lane.height - 1 });
    draw(parent, 'path', { class: 'rule', d: `M${GUTTER - 0.5} ${lane.top}v${lane.height}` });
    const most = Math.floor((GUTTER - 30) / 6.6);
    if (lane.job) {
      const tone = { finished: 'finished', error: 'failed', running: 'running', cancelled: 'cancelled' }[lane.job.state] ?? 'released';
      draw(parent, 'circle', { class: tone, cx: 15, cy: lane.top + lane.height / 2, r: 4 });
      const text = draw(parent, 'text', { class: 'pick', x: 26, y: lane.top + lane.height / 2 + 4 }, cut(lane.label, most));
      text.dataset.hit = hits.push({ job: lane.job }) - 1;
    } else {
      const y = lane.rows ? lane.top + Math.min(lane.height / 2 + (lane.height > 38 ? -2 : 4), 26) : lane.top + 17;
      draw(parent, 'text', { class: lane.rows ? 'label' : 'soft', x: 12, y }, cut(lane.label, most));
      if (lane.sub && lane.height > 38) draw(parent, 'text', { class: 'date', x: 12, y: y + 14 }, lane.sub);
    }
  }

  function paintFocus(parent) {
    const spot = state.focus && spots.get(state.focus);
    if (!spot || document.activeElement !== chart) return;
    const left = Math.max(spot.left, GUTTER) - 2.5;
    draw(parent, 'rect', { class: 'ring', x: left, y: spot.y - 2.5, width: Math.max(Math.min(spot.right, width) - left + 2.5, 5), height: spot.height + 5, rx: 5 });
  }

  /** All tries in a strip, and which part of it the chart shows. */
  function paintOverview() {
    if (isFitted()) return;
    const [from, to] = fitted();
    const place = (unit) => GUTTER + ((unit - from) * (width - GUTTER)) / (to - from);
    const columns = new Map();
    const order = ['finished', 'released', 'cancelled', 'running', 'lost', 'timeout', 'failed'];
    for (const one of tries) {
      const left = Math.round(place(scale.unit(one.start)));
      const known = columns.get(left);
      const size = Math.max(place(scale.unit(one.ran)) - left, 1.5);
      const worse = known && order.indexOf(known.how) > order.indexOf(one.how) ? known.how : one.how;
      columns.set(left, { how: worse, size: Math.max(size, known?.size ?? 0) });
    }
    for (const [left, { how, size }] of columns) draw(overview, 'rect', { class: how, x: left, y: 4, width: size, height: 8 });
    const left = place(state.from);
    draw(overview, 'rect', { class: 'view', x: left, y: 0.5, width: Math.max(place(state.to) - left, 3), height: 15 });
  }

  // Details

  const when = (us) => `${span(us)}  (${date(us)})`;

  function tryDetails(one) {
    const job = jobs[one.job];
    const rows = [['job', job?.id ?? ''], ['worker', worker(one.worker)], ['start', when(one.start)]];
    const isOpen = one.how === 'running';
    rows.push([isOpen ? 'running for' : 'ran for', span(one.ran - one.start)]);
    if (one.end !== null && one.end !== one.ran) {
      rows.push(one.end > one.ran ? ['written', `${span(one.end - one.ran)} later`] : ['went on', `${span(one.ran - one.end)} after it was lost`]);
    }
    if (one.error) rows.push(['error', one.error]);
    if (one.due !== null) rows.push(['next try', when(one.due)]);
    return { title: job?.name ?? '', sub: ordinal(one), how: one.how, rows };
  }

  function detailsOf(hit) {
    if (hit.job) return { title: hit.job.name, sub: hit.job.state, rows: [['job', hit.job.id], ['tries', String(triesOf[hit.job.index].length)]] };
    if (hit.tries?.length === 1) return tryDetails(hit.tries[0]);
    if (hit.tries) {
      const counts = Object.keys(HOWS).map((how) => [HOWS[how][0], hit.tries.filter((one) => one.how === how).length]);
      const rows = counts.filter(([, count]) => count).map(([name, count]) => [name, String(count)]);
      return { title: plural(hit.tries.length, 'try'), rows: [...rows, ['from', when(hit.tries[0].start)], ['to', when(hit.tries.at(-1).start)]], list: ['Zoom in to tell them apart.'] };
    }
    if (hit.marks) {
      const list = hit.marks.slice(0, 8).map((mark) => [jobs[mark.job]?.name, mark.text].filter(Boolean).join(' · '));
      if (hit.marks.length > 8) list.push(`and ${hit.marks.length - 8} more`);
      const name = MARKS[hit.marks[0].kind]?.[0] ?? hit.marks[0].kind;
      return { title: hit.marks.length > 1 ? `${name} ×${hit.marks.length}` : name, rows: [['time', when(hit.marks[0].at)]], list: list.filter(Boolean) };
    }
    return hit;
  }

  function tell(hit, left, top) {
    const details = detailsOf(hit);
    const head = make('div', {}, [make('b', { text: details.title }), details.sub ? ` ${details.sub}` : '']);
    if (details.how) head.append(' — ', make('span', { class: `how ${details.how}`, text: HOWS[details.how][0] }));
    const list = make('dl', {}, (details.rows ?? []).filter(([, value]) => value).flatMap(([name, value]) => [make('dt', { text: name }), make('dd', { text: value })]));
    tip.replaceChildren(head, list);
    if (details.list?.length) tip.append(make('ul', {}, details.list.map((text) => make('li', { text }))));
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(left + 14, innerWidth - box.width - 10))}px`;
    tip.style.top = `${top + 18 + box.height > innerHeight ? Math.max(8, top - box.height - 12) : top + 18}px`;
    return tip.innerText;
  }

  const hitOf = (target) => { const found = target.closest?.('[data-hit]'); return found ? hits[found.dataset.hit] : null; };

  // Pointer

  let drag = null;
  plot.addEventListener('pointermove', (event) => {
    if (drag) return;
    const hit = hitOf(event.target);
    if (hit) tell(hit, event.clientX, event.clientY);
    else tip.hidden = true;
  });
  plot.addEventListener('pointerleave', () => { tip.hidden = true; });
  scroller.addEventListener('pointerdown', (event) => {
    if (event.button || event.offsetX > scroller.clientWidth) return;
    drag = { x: event.clientX, y: event.clientY, from: state.from, to: state.to, top: scroller.scrollTop, moved: false, hit: hitOf(event.target) };
  });
  addEventListener('pointermove', (event) => {
    if (!drag) return;
    const by = event.clientX - drag.x;
    if (!drag.moved && Math.hypot(by, event.clientY - drag.y) < 4) return;
    drag.moved = true;
    tip.hidden = true;
    chart.classList.add('dragging');
    scroller.scrollTop = drag.top - (event.clientY - drag.y);
    later('paint', () => drag && show(drag.from - by * perPixel(), drag.to - by * perPixel()));
  });
  addEventListener('pointerup', () => {
    if (drag && !drag.moved) pick(drag.hit);
    drag = null;
    chart.classList.remove('dragging');
  });
  addEventListener('pointercancel', () => { drag = null; chart.classList.remove('dragging'); });

  function pick(hit) {
    const job = hit?.job?.index ?? hit?.tries?.[0]?.job ?? hit?.marks?.find((mark) => mark.job >= 0)?.job ?? null;
    if (hit?.tries) state.focus = hit.tries[0];
    follow(job === state.job ? null : job);
  }

  chart.addEventListener('wheel', (event) => {
    const at = event.clientX - plot.getBoundingClientRect().left;
    if (at < GUTTER && !event.ctrlKey) return; // over the names it scrolls
    event.preventDefault();
    tip.hidden = true;
    const step = event.deltaMode === 1 ? 20 : 1;
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      const by = (event.deltaX || event.deltaY) * step * perPixel();
      aim(state.from + by, state.to + by);
    } else zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY * step * 0.0022))), unitAt(at), aim);
    later('paint', paint);
  }, { passive: false });

  overview.addEventListener('pointerdown', (event) => { overview.setPointerCapture(event.pointerId); slide(event); });
  overview.addEventListener('pointermove', (event) => { if (event.buttons) slide(event); });
  function slide(event) {
    const [from, to] = fitted();
    const middle = from + ((event.offsetX - GUTTER) * (to - from)) / (width - GUTTER);
    show(middle - (state.to - state.from) / 2, middle + (state.to - state.from) / 2);
  }

  const waiting = new Map();
  /** Do this with the next frame; of works with one name only the last. */
  function later(name, work) {
    if (!waiting.size) requestAnimationFrame(() => { const works = [...waiting.values()]; waiting.clear(); works.forEach((one) => one()); });
    waiting.set(name, work);
  }

  // Keyboard

  const KEYS = {
    '+': () => zoomHere(0.6), '=': () => zoomHere(0.6), '-': () => zoomHere(1 / 0.6), 0: fit, f: fit,
    ArrowLeft: (event) => (event.shiftKey ? pan(-0.2) : step(-1, 0)),
    ArrowRight: (event) => (event.shiftKey ? pan(0.2) : step(1, 0)),
    ArrowUp: () => step(0, -1), ArrowDown: () => step(0, 1),
    Home: () => focusOn(tries[0]), End: () => focusOn(tries.at(-1)),
    Enter: () => state.focus && pick({ tries: [state.focus] }),
    Escape: () => { state.focus = null; tip.hidden = true; follow(null); },
  };
  chart.addEventListener('keydown', (event) => {
    const act = !event.ctrlKey && !event.metaKey && !event.altKey && KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act(event);
  });
  chart.addEventListener('blur', () => { tip.hidden = true; paint(); });

  /** Zoom around the try that has the focus. */
  function zoomHere(factor) {
    const spot = state.focus && spots.get(state.focus);
    if (!spot) return zoom(factor);
    zoom(factor, scale.unit(state.focus.start));
    return focusOn(state.focus);
  }

  const laneIndex = (one) => (state.view === 'workers' ? one.worker : one.job);

  function step(along, across) {
    const one = state.focus;
    if (!one) return focusOn(tries.find(matches));
    const wanted = tries.filter(matches);
    if (along) {
      const row = wanted.filter((other) => state.job !== null || laneIndex(other) === laneIndex(one));
      return focusOn(row[row.indexOf(one) + along]);
    }
    const rank = (other) => laneIndex(other) * 1000 + (state.view === 'workers' ? other.slot : 0);
    const beyond = wanted.filter((other) => (rank(other) - rank(one)) * across > 0);
    const nearest = beyond.reduce((least, other) => Math.min(least, Math.abs(rank(other) - rank(one))), Infinity);
    const row = beyond.filter((other) => Math.abs(rank(other) - rank(one)) === nearest);
    return focusOn(row.reduce((best, other) => (best && Math.abs(best.start - one.start) <= Math.abs(other.start - one.start) ? best : other), null));
  }

  function focusOn(one) {
    if (!one) return;
    state.focus = one;
    reveal(one.start, laneOf(one));
    const spot = spots.get(one);
    if (!spot) return;
    const box = plot.getBoundingClientRect();
    $('live').textContent = tell({ tries: [one] }, box.left + Math.max(spot.left, GUTTER), box.top + spot.y - scroller.scrollTop + spot.height - 6);
  }

  const laneOf = (one) => lanes.find((lane) => (state.view === 'workers' ? lane.label === worker(one.worker) && lane.rows : lane.job?.index === one.job));

  function reveal(time, lane) {
    const at = x(time), size = state.to - state.from;
    if (lane && (lane.top < scroller.scrollTop || lane.top + lane.height > scroller.scrollTop + scroller.clientHeight)) {
      scroller.scrollTop = lane.top - scroller.clientHeight / 3;
    }
    if (at < GUTTER || at > width - 20) show(scale.unit(time) - size / 3, scale.unit(time) + (2 * size) / 3);
    else paint();
  }

  // Controls

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
      const chip = make('button', { type: 'button', 'data-how': how, 'aria-pressed': 'false', title: `Only tries that are: ${HOWS[how][0]}` }, [icon(how), HOWS[how][0], make('b', { text: count.toLocaleString('en') })]);
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
    parts.push(`${span(END, 2)}${years >= 1 ? ` (${years.toFixed(1)} years)` : ''} of virtual time from ${date(0).replace(' 00:00:00', '')} UTC`);
    $('summary').textContent = parts.join(' · ');
  }

  // The table of events, of which only what is seen is in the page

  const HEIGHT = 27;
  let listed = [];

  function listEvents() {
    listed = filtering() ? events.filter((event) => matches(event) && (state.how === null || toneOf(event) === state.how)) : events;
    $('count').textContent = listed.length === events.length ? plural(events.length, 'event') : `${listed.length.toLocaleString('en')} of ${plural(events.length, 'event')}`;
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
})();
