// The timeline's data with names for its columns, its signs and its words. All times are
// microseconds from the start.

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
