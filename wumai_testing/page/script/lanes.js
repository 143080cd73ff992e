// Which tries match the filter, and the lanes that they are drawn in.

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
    lane.head = lane.marks ? 26 : (lane.strip?.length || lane.bands?.some((band) => band.kind !== 'exited') ? 20 : 5);
    const count = Math.max(lane.rows?.length ?? 0, lane.rows ? 1 : 0);
    lane.height = lane.head + (lane.rows ? count * ROW + 5 : 0);
    if (lane.job) lane.height = 27;
    total += lane.height;
  }
  $('space').style.height = `${total}px`;
  $('empty').hidden = lanes.length > 0;
}
