// All runs: searched, sorted, two of them compared.

import {bdi, chips, choice, count, crumbs, day, get, h, link, percent, plural, row_link, search_box, sleep, status_badge, table} from './page.js';

const sorts = {
  newest: (a, b) => 0,
  oldest: (a, b) => 0,
  score: (a, b) => (b.mean_score ?? -1) - (a.mean_score ?? -1),
  suite: (a, b) => a.suite.localeCompare(b.suite),
  model: (a, b) => a.model.localeCompare(b.model),
  answers: (a, b) => b.answers - a.answers,
};
const shown_at_most = 500;

export async function runs_page({parameters, place, signal, go, ready}) {
  const state = {q: parameters.get('q') || '', status: parameters.get('status') || '', suite: parameters.get('suite') || '',
    sort: parameters.get('sort') || 'newest'};
  const address = (changes) => {
    const next = {...state, ...changes};
    return link('/', {...next, sort: next.sort === 'newest' ? '' : next.sort});
  };
  const picked = new Set();
  crumbs();

  const list = h('div', {});
  const bar = h('div', {});
  const compare = h('p', {class: 'tools', 'aria-live': 'polite'});
  append_page();
  let first = true;
  for (;;) {
    const {runs} = await get('/api/runs', {}, signal);
    show(runs);
    if (first) ready();
    first = false;
    if (!runs.some((run) => run.status === 'running')) return;
    await sleep(2000, signal);
  }

  function append_page() {
    place.append(h('h1', {}, 'Runs'), bar, compare, list);
  }

  function show(runs) {
    if (runs.length === 0) {
      list.replaceChildren(h('p', {}, 'No runs in this store yet. Make one: ', h('code', {}, 'peira run gpqa aime --model bundled')));
      return;
    }
    const suites = [...new Set(runs.map((run) => run.suite))].sort();
    const number = (status) => runs.filter((run) => run.status === status).length;
    if (!bar.contains(document.activeElement)) {
      bar.replaceChildren(
        chips('Status', [['', 'All', runs.length], ...['complete', 'running', 'incomplete', 'stopped']
          .filter((status) => number(status) > 0 || status === state.status)
          .map((status) => [status, status, number(status)])], state.status, (status) => address({status})),
        h('div', {class: 'filters'},
          search_box('Search runs, models, prompts, tags', state.q, (q) => go(address({q}), {soft: true})),
          suites.length > 1 ? choice('Suite', [['', 'all'], ...suites.map((suite) => [suite, suite])], state.suite,
            (suite) => go(address({suite}), {soft: true})) : null,
          choice('Order', [['newest', 'newest first'], ['oldest', 'oldest first'], ['score', 'best score first'], ['suite', 'by suite'],
            ['model', 'by model'], ['answers', 'most answers first']], state.sort, (sort) => go(address({sort}), {soft: true}))));
    }
    const sought = state.q.toLowerCase().split(/\s+/).filter(Boolean);
    let rows = runs.filter((run) => {
      if (state.status && run.status !== state.status) return false;
      if (state.suite && run.suite !== state.suite) return false;
      const text = [run.run_id, run.suite, run.profile, run.variant, run.model, run.dataset, ...run.tags].join(' ').toLowerCase();
      return sought.every((word) => text.includes(word));
    });
    if (state.sort === 'oldest') rows.reverse();
    else rows = rows.sort(sorts[state.sort] || sorts.newest);
    const focused = list.contains(document.activeElement) ? document.activeElement.id : '';
    list.replaceChildren(
      rows.length === 0 ? h('p', {}, 'No run matches. ', h('a', {href: '/'}, 'Show all'))
      : table('Runs', [h('th', {scope: 'col'}, h('span', {class: 'sr'}, 'Compare')), 'Run', 'Suite', 'Prompt', 'Model', '#Answers', '#Score', 'Status', 'Started (UTC)'],
        rows.slice(0, shown_at_most).map(row_of)),
      rows.length > shown_at_most ? h('p', {class: 'muted'}, 'The first ' + shown_at_most + ' of ' + count(rows.length) + ': search to see others.') : '');
    if (focused) document.getElementById(focused)?.focus();
    show_compare();
  }

  function row_of(run) {
    const box = h('input', {type: 'checkbox', id: 'pick-' + run.run_id, 'aria-label': 'compare ' + run.run_id, checked: picked.has(run.run_id),
      onchange: () => {
        if (box.checked) picked.add(run.run_id);
        else picked.delete(run.run_id);
        show_compare();
      }});
    return h('tr', {},
      h('td', {class: 'pick'}, box),
      h('th', {scope: 'row'}, row_link(link('/run', {run: run.run_id}), bdi(run.run_id)),
        run.tags.map((tag) => [' ', h('span', {class: 'tag'}, bdi(tag))])),
      h('td', {}, bdi(run.suite), h('span', {class: 'sub'}, bdi(run.profile))),
      h('td', {}, bdi(run.variant)),
      h('td', {}, bdi(run.model)),
      h('td', {class: 'r'}, count(run.answers),
        run.answers === run.expected_answers ? null : h('span', {class: 'sub'}, 'of ' + count(run.expected_answers))),
      h('td', {class: 'r'}, percent(run.mean_score), run.failures > 0 ? h('span', {class: 'sub'}, plural(run.failures, 'failure')) : null),
      h('td', {}, status_badge(run.status)),
      h('td', {class: 'nowrap'}, day(run.started_at)));
  }

  function show_compare() {
    const ids = [...picked];
    if (ids.length === 2) {
      // The older one is the baseline: lists are newest first.
      compare.replaceChildren(h('a', {class: 'button', href: link('/compare', {a: ids[1], b: ids[0]})}, 'Compare the two'), ' ',
        h('button', {type: 'button', class: 'plain', onclick: () => { picked.clear(); for (const box of list.querySelectorAll('input')) box.checked = false; show_compare(); }}, 'Clear'));
    } else {
      compare.replaceChildren(h('span', {class: 'muted'}, ids.length === 0 ? 'Tick two runs to compare them.'
        : ids.length === 1 ? 'One run is ticked: tick another to compare them.' : 'Two runs can be compared: untick ' + (ids.length - 2) + '.'));
    }
  }
}
