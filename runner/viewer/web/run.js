// One run: what it came to, how far it is, and its samples.

import {append, bdi, block, chips, choice, count, crumbs, duration, get, h, interval, interval_bar, link, notice, percent, plural, row_link, say, search_box, seconds, sleep, status_badge, table, verdict_badge, day} from './page.js';

const page_size = 100;
const list_parameters = ['only', 'against', 'text', 'where'];

// The part of an address that says which samples are meant; the same on the run's page and on a
// sample's, so that "next" there means the next of this list.
export function list_state(parameters) {
  return {run: parameters.get('run'), only: parameters.get('only') || '', against: parameters.get('against') || '',
    text: parameters.get('text') || '', where: parameters.getAll('where')};
}

// One page of a list, asked for in as many pieces as the server needs. `progress` is called with
// what is there so far.
export async function find_lines(state, place, limit, signal, progress) {
  let lines = [];
  let cursor = {...place};
  for (;;) {
    const piece = await get('/api/samples', {...state, ...cursor, limit: limit - lines.length}, signal);
    lines = cursor.before ? [...piece.lines, ...lines] : [...lines, ...piece.lines];
    const done = piece.at_end || lines.length >= limit;
    progress?.(lines, piece, done);
    if (done) return {lines, piece};
    if (piece.resume) cursor = cursor.before ? {before: piece.resume} : {after: piece.resume};
    if (piece.counted < 1) await sleep(60, signal);
  }
}

export async function run_page({parameters, place, signal, go, ready, actions}) {
  const state = list_state(parameters);
  const at = {after: parameters.get('after') || '', before: parameters.get('before') || ''};
  const address = (changes) => link('/run', {...state, ...changes});
  actions.u = () => go('/');

  const head = h('div', {});
  const filters = h('div', {});
  const samples = h('div', {});
  place.append(head, h('section', {'aria-labelledby': 'samples'}, h('h2', {id: 'samples'}, 'Samples'), filters, samples));

  let reply = await get('/api/run', {run: state.run}, signal);
  crumbs(h('span', {'aria-current': 'page'}, bdi(state.run)));
  show_head(head, reply, address);
  show_filters();
  const finding = show_samples();
  ready();
  follow();
  await finding;

  // The head goes on by itself while the run is counted or in flight.
  async function follow() {
    const marks = [{time: performance.now(), answers: reply.run.answers}];
    try {
      for (;;) {
        const in_flight = reply.run.status === 'running';
        if (reply.counted >= 1 && reply.record && !in_flight) return;
        await sleep(reply.counted < 1 || !reply.record ? 150 : 1000, signal);
        const was = reply;
        reply = await get('/api/run', {run: state.run}, signal);
        marks.push({time: performance.now(), answers: reply.run.answers});
        while (marks.length > 2 && marks.at(-1).time - marks[0].time > 30000) marks.shift();
        const open = [...head.querySelectorAll('details')].map((details) => details.open);
        show_head(head, reply, address, rate_of(marks));
        head.querySelectorAll('details').forEach((details, index) => { details.open = open[index] || false; });
        const counts_changed = JSON.stringify(was.tally) !== JSON.stringify(reply.tally);
        if (counts_changed && !filters.contains(document.activeElement)) show_filters();
        if (in_flight && reply.run.status !== 'running') {
          say('The run has ended: ' + reply.run.status);
          await show_samples();
        }
      }
    } catch (error) {
      if (error.name !== 'AbortError') append(head, notice(error.message));
    }
  }

  function show_filters() {
    const tally = reply.tally;
    const number = (name) => (tally ? tally[name] : null);
    const flags = [['', 'All', number('all')], ['wrong', 'Wrong', number('wrong')], ['right', 'Right', number('right')]];
    for (const name of ['unparsed', 'truncated', 'empty', 'refused', 'failed']) {
      if (!tally || tally[name] > 0 || state.only === name) flags.push([name, name[0].toUpperCase() + name.slice(1), number(name)]);
    }
    if (state.against) flags.push(['flipped', 'Flipped', null]);
    filters.replaceChildren(
      chips('Verdict', flags, state.only, (only) => address({only})),
      h('div', {class: 'filters'},
        search_box('Search in prompts, replies, answers', state.text, (text) => go(address({text}), {soft: true})),
        reply.breakdowns.map((field) => {
          const values = (reply.record?.breakdowns || []).filter((row) => row.field === field).map((row) => row.value);
          const chosen = state.where.find((each) => each.startsWith(field + ':'));
          if (values.length < 2 && !chosen) return null;
          const others = state.where.filter((each) => each !== chosen);
          if (chosen && !values.includes(chosen.slice(field.length + 1))) values.push(chosen.slice(field.length + 1));
          return choice(field, [['', 'all'], ...values.map((value) => [field + ':' + value, value])], chosen || '',
            (where) => go(address({where: [...others, where]}), {soft: true}));
        }),
        flip_choice()),
      state.only || state.text || state.where.length ? h('p', {class: 'tools'}, h('a', {href: link('/run', {run: state.run}), 'data-soft': true}, 'Clear the filters')) : '');
  }

  // Flips are against another run of the same suite; which there are is asked for when wanted.
  function flip_choice() {
    const box = h('select', {onfocus: fill, onmousedown: fill, onchange: () => go(address(box.value === '' ? {only: '', against: ''} : {only: 'flipped', against: box.value}), {soft: true})},
      h('option', {value: state.against}, state.against || 'choose a run'));
    async function fill() {
      if (box.dataset.filled) return;
      box.dataset.filled = 'true';
      const {runs} = await get('/api/runs', {}, signal);
      const others = runs.filter((run) => run.suite === reply.run.suite && run.run_id !== state.run).slice(0, 200);
      box.replaceChildren(h('option', {value: ''}, others.length ? 'choose a run' : 'no other run of this suite'),
        ...others.map((run) => h('option', {value: run.run_id, selected: run.run_id === state.against}, run.run_id + ', ' + run.variant + ', ' + run.model)));
    }
    return h('label', {class: 'field'}, h('span', {}, 'Flipped against'), box);
  }

  async function show_samples() {
    const note = h('p', {class: 'muted', role: 'status'});
    const body = h('div', {});
    samples.replaceChildren(note, body);
    const draw = (lines) => body.replaceChildren(lines.length === 0 ? ''
      : table('Samples', ['Sample', 'Question', 'Verdict', 'Answer', 'Right answer', '#Tokens', '#Time'], lines.map((line) => sample_row(line))));
    const {lines, piece} = await find_lines(state, at.before ? {before: at.before} : at.after ? {after: at.after} : {}, page_size, signal,
      (found, part, done) => {
        if (done || found.length !== body.querySelectorAll('tbody tr').length) draw(found);
        if (!done) note.textContent = (state.text ? 'Searching: ' : 'Counting: ') + percent(part.examined, 0) + ' done, ' + plural(found.length, 'match').replace('matchs', 'matches');
      });
    // What came before the first page's end is the first page.
    if (at.before && piece.at_end && lines.length < page_size && state.run) {
      go(address({}), {soft: true, replace: true});
      return;
    }
    draw(lines);
    const from = piece.ahead === undefined ? null : piece.ahead + 1;
    note.textContent = lines.length === 0 ? (reply.run.answers === 0 ? 'No answers yet.' : 'No sample matches.')
      : piece.matching === null || from === null ? plural(lines.length, 'answer') + ' on this page' + (piece.at_end ? ', none after it' : '')
      : count(from) + ' to ' + count(from + lines.length - 1) + ' of ' + plural(piece.matching, 'answer');
    const first = lines[0]?.key;
    const last = lines.at(-1)?.key;
    const is_first = !at.after && !at.before;
    const more = lines.length >= page_size && (piece.matching === null || from === null || from + lines.length - 1 < piece.matching);
    const previous = is_first || !first ? null : address({before: first});
    const next = more ? address({after: last}) : null;
    actions.n = () => next && go(next);
    actions.p = () => previous && go(previous);
    samples.append(h('nav', {class: 'pages', 'aria-label': 'Pages of samples'},
      is_first ? null : h('a', {class: 'button', href: address({})}, 'First'),
      previous ? h('a', {class: 'button', rel: 'prev', href: previous}, 'Previous') : null,
      next ? h('a', {class: 'button', rel: 'next', href: next}, 'Next') : null));
  }

  function sample_row(line) {
    return h('tr', {},
      h('th', {scope: 'row'}, row_link(link('/sample', {...state, row: line.row, epoch: line.epoch}), '#' + line.row),
        h('span', {class: 'sub id'}, bdi(line.sample_id)), reply.run.epochs > 1 ? h('span', {class: 'sub'}, 'epoch ' + line.epoch) : null),
      h('td', {class: 'question'}, bdi(line.question)),
      h('td', {class: 'nowrap'}, verdict_badge(line)),
      h('td', {class: 'answer'}, line.state === 'failed' ? bdi(line.failure, {class: 'muted'}) : line.answer === '' ? '–' : bdi(line.answer)),
      h('td', {class: 'answer'}, bdi(line.gold)),
      h('td', {class: 'r'}, count(line.completion_tokens)),
      h('td', {class: 'r nowrap'}, seconds(line.latency_s)));
  }
}

function rate_of(marks) {
  const first = marks[0];
  const last = marks.at(-1);
  return last.time - first.time < 900 ? null : (1000 * (last.answers - first.answers)) / (last.time - first.time);
}

function show_head(head, reply, address, rate) {
  const {run, record} = reply;
  const headline = record?.metrics[0];
  const parts = [
    h('h1', {}, bdi(run.run_id), ' ', status_badge(run.status), run.tags.map((tag) => [' ', h('span', {class: 'tag'}, bdi(tag))])),
    h('p', {class: 'muted'}, bdi(run.suite), ' · ', bdi(run.profile), ' · prompt ', bdi(run.variant), ' · ', bdi(run.model),
      run.dataset ? [' · data ', bdi(run.dataset)] : null, run.started_at ? [' · ', day(run.started_at), ' UTC'] : null),
  ];
  if (headline) {
    parts.push(h('p', {class: 'headline'}, h('strong', {}, percent(headline.value)), ' ', bdi(headline.name),
      headline.low === null ? null : [' ', interval_bar(headline.value, headline.low, headline.high), h('span', {class: 'muted'},
        ' 95 % CI ' + interval(headline) + ', ' + plural(headline.num_samples, 'question'))]));
  } else {
    parts.push(h('p', {class: 'headline'}, h('strong', {}, percent(run.mean_score)), ' mean score ',
      h('span', {class: 'muted'}, reply.counted < 1 ? 'counting answers for the interval: ' + percent(reply.counted, 0) : '')));
  }
  if (run.status === 'running' || run.answers < run.expected_answers) parts.push(progress(run, rate));
  if (record) {
    if (record.sample_data) parts.push(notice('Generated sample data in the official format, not the benchmark\'s own questions.'));
    for (const warning of record.warnings) {
      if (!warning.startsWith('the run is still being written')) parts.push(notice(warning));
    }
    const others = record.metrics.slice(1).filter((metric) => metric.value !== null && (metric.value > 0 || !/unparsed|truncated|empty|refused|failed|guessed/.test(metric.name)));
    if (others.length) parts.push(metric_table('Metrics', 'Metric', others.map((metric) => [bdi(metric.name), metric])));
    for (const field of new Set(record.breakdowns.map((row) => row.field))) {
      const rows = record.breakdowns.filter((row) => row.field === field);
      if (rows.length < 2) continue;
      const drawn = metric_table('By ' + field, field, rows.slice(0, 200).map((row) => [
        h('a', {href: address({where: [field + ':' + row.value]}), 'data-soft': true}, bdi(row.value === '' ? 'none' : row.value)), row.accuracy]));
      parts.push(rows.length <= 12 ? drawn : h('details', {}, h('summary', {}, 'By ' + field + ' (' + rows.length + ' values)'), drawn));
    }
    parts.push(h('details', {}, h('summary', {}, 'How to make this run again'),
      block(record.reproduce, 'Command'),
      h('h2', {}, 'Manifest'), block(JSON.stringify(record.manifest, null, 2), 'Manifest')));
  }
  head.replaceChildren();
  append(head, parts);
}

function metric_table(label, header, rows) {
  return h('div', {class: 'metrics'}, table(label, [header, '#Score', '95 % CI', '', '#Questions'], rows.map(([name, metric]) =>
    h('tr', {}, h('th', {scope: 'row'}, name), h('td', {class: 'r'}, percent(metric.value)),
      h('td', {class: 'nowrap'}, interval(metric) || '–'), h('td', {}, interval_bar(metric.value, metric.low, metric.high)),
      h('td', {class: 'r'}, count(metric.num_samples))))));
}

function progress(run, rate) {
  const left = run.expected_answers - run.answers;
  const moving = run.status === 'running';
  const facts = [count(run.answers) + ' of ' + plural(run.expected_answers, 'answer')];
  if (moving && rate) facts.push((rate < 10 ? rate.toFixed(1) : Math.round(rate)) + ' a second', 'about ' + duration(left / rate) + ' left');
  if (run.failures > 0) facts.push(count(run.failures) + ' failed');
  if (!moving && run.why_stopped) facts.push(run.why_stopped);
  return h('p', {class: 'progress'}, h('progress', {max: run.expected_answers, value: run.answers, 'aria-label': 'answers'}), ' ', facts.join(' · '));
}
