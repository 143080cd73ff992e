// What is shown: the elements, the state, and the scale from time to pixels.

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
  return sizes.reduce((most, size) => Math.max(most, size), 14);
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
