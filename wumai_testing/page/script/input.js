// Pointer and keyboard.

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
  const below = box.top + spot.y - scroller.scrollTop + spot.height - 6;
  $('live').textContent = tell({ tries: [one] }, box.left + Math.max(spot.left, GUTTER), below);
}

function laneOf(one) {
  if (state.view === 'jobs') return lanes.find((lane) => lane.job?.index === one.job);
  return lanes.find((lane) => lane.rows && lane.label === worker(one.worker));
}

function reveal(time, lane) {
  const at = x(time), size = state.to - state.from;
  if (lane && (lane.top < scroller.scrollTop || lane.top + lane.height > scroller.scrollTop + scroller.clientHeight)) {
    scroller.scrollTop = lane.top - scroller.clientHeight / 3;
  }
  if (at < GUTTER || at > width - 20) show(scale.unit(time) - size / 3, scale.unit(time) + (2 * size) / 3);
  else paint();
}
