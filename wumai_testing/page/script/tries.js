// Painting: tries, marks, names of lanes, and the strip below.

function paintLane(parent, lane) {
  if (lane.life) {
    const middle = lane.top + lane.height / 2;
    const left = Math.max(x(lane.life[0]), GUTTER), right = Math.min(x(lane.life[1]), width);
    const dim = filtering() && state.job !== lane.job.index && !triesOf[lane.job.index].some(matches) ? ' dim' : '';
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
    const held = one.end ?? END;
    const left = x(one.start), right = Math.max(x(Math.min(one.ran, held)), left + 5);
    const end = Math.max(x(Math.max(one.ran, held)), right);
    if (end < GUTTER || left > width) continue;
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
    // Thin: the row is still held, though no code runs. Thick: code still runs, though the row is lost.
    const size = first.ran > (first.end ?? END) ? 10 : 4;
    const long = Math.min(shape.end, width) - right;
    draw(group, 'rect', { class: `tail ${first.how}`, x: right, y: y + (height - size) / 2, width: long, height: size });
  }
  const stripes = shares(shown, height);
  for (const [how, from, size] of stripes) {
    const attributes = { class: how, x: left, y: y + from, width: Math.max(right - left, 1), height: size };
    if (stripes.length === 1) attributes.rx = Math.min(3.5, (right - left) / 2);
    draw(group, 'rect', attributes);
  }
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
    if (!many) iconAt(group, one.how, start, base);
    if (fitting > 2) draw(group, 'text', { class: 'in', x: start + room, y: base }, cut(text, fitting));
  } else if (inside >= 15 && !many) {
    iconAt(group, one.how, Math.max(shape.left, GUTTER) + inside / 2 - 5, base);
  } else if (shape.right > GUTTER && shape.end <= shape.right + 2) {
    const free = Math.min(next, width) - shape.right - 12;
    if (!many && free >= (state.view === 'jobs' ? 34 : 10)) iconAt(group, one.how, shape.right + 4, base, `out ${one.how}`);
    if (free >= room + 6.3 * text.length) draw(group, 'text', { class: 'halo', x: shape.right + 4 + room, y: base }, text);
  }
}

function iconAt(group, how, left, base, tone = '') {
  draw(group, 'path', { class: `icon ${tone}`, d: HOWS[how][1], transform: `translate(${left} ${base - 9})` });
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
    if (text && next - left > 20 + 6.3 * text.length && left + 10 + 6.3 * text.length < width) {
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
  const long = Math.max(Math.min(spot.right, width) - left + 2.5, 5);
  draw(parent, 'rect', { class: 'ring', x: left, y: spot.y - 2.5, width: long, height: spot.height + 5, rx: 5 });
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
