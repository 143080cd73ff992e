// What hovering over a shape, or the focus on a try, tells.

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
  if (hit.tries) return crowdDetails(hit.tries);
  return hit.marks ? markDetails(hit.marks) : hit;
}

function crowdDetails(crowd) {
  const counts = Object.keys(HOWS).map((how) => [HOWS[how][0], crowd.filter((one) => one.how === how).length]);
  const rows = counts.filter(([, count]) => count).map(([name, count]) => [name, String(count)]);
  rows.push(['from', when(crowd[0].start)], ['to', when(crowd.at(-1).start)]);
  return { title: plural(crowd.length, 'try'), rows, list: ['Zoom in to tell them apart.'] };
}

function markDetails(points) {
  const list = points.slice(0, 8).map((mark) => [jobs[mark.job]?.name, mark.text].filter(Boolean).join(' · '));
  if (points.length > 8) list.push(`and ${points.length - 8} more`);
  const name = MARKS[points[0].kind]?.[0] ?? points[0].kind;
  const title = points.length > 1 ? `${name} ×${points.length}` : name;
  return { title, rows: [['time', when(points[0].at)]], list: list.filter(Boolean) };
}

function tell(hit, left, top) {
  const details = detailsOf(hit);
  const head = make('div', {}, [make('b', { text: details.title }), details.sub ? ` ${details.sub}` : '']);
  if (details.how) head.append(' — ', make('span', { class: `how ${details.how}`, text: HOWS[details.how][0] }));
  const rows = (details.rows ?? []).filter(([, value]) => value);
  const list = make('dl', {}, rows.flatMap(([name, value]) => [make('dt', { text: name }), make('dd', { text: value })]));
  tip.replaceChildren(head, list);
  if (details.list?.length) tip.append(make('ul', {}, details.list.map((text) => make('li', { text }))));
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(8, Math.min(left + 14, innerWidth - box.width - 10))}px`;
  tip.style.top = `${top + 18 + box.height > innerHeight ? Math.max(8, top - box.height - 12) : top + 18}px`;
  return tip.innerText;
}

const hitOf = (target) => { const found = target.closest?.('[data-hit]'); return found ? hits[found.dataset.hit] : null; };
