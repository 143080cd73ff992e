// Painting: the whole, and what lies under the tries: idle gaps, ticks, bands.

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
  if (right <= GUTTER || left >= width || band.to <= band.from) return;
  const rect = draw(parent, 'rect', { x: left, y: top, width: right - left, height, fill: `url(#p-${band.kind})` });
  rect.dataset.hit = hits.push({ title: band.text, rows: [['from', when(band.from)], ['for', span(band.to - band.from)]] }) - 1;
  if (band.kind === 'exited') return;
  const text = band.where === 'all' ? band.text : BANDS[band.kind];
  const after = band.kind === 'crashed' ? 11 : 5; // the crash itself is marked there
  if (right - left > after + 3 + 6.4 * text.length) draw(parent, 'text', { class: band.kind, x: left + after, y: top + 14 }, text);
}
