// Two runs sample by sample, and one sample of both side by side.

import {append, bdi, block, chips, count, crumbs, get, h, interval_bar, link, notice, percent, plural, points, row_link, say, sleep, table, verdict_badge} from './page.js';
import {messages_of, story_parts, verdict} from './sample.js';
import {word_diff} from './word_diff.js';

const page_size = 100;
const shows = [['flips', 'All flips'], ['to-right', 'To right'], ['to-wrong', 'To wrong'], ['answers', 'Answers differ'],
  ['both-wrong', 'Both wrong'], ['both-right', 'Both right'], ['failed', 'Failed in one'], ['all', 'All']];

export async function compare_page({parameters, place, signal, go, ready, actions}) {
  const a = parameters.get('a');
  const b = parameters.get('b');
  const show = parameters.get('show') || 'flips';
  const after = parameters.get('after') || '';
  const address = (changes) => link('/compare', {a, b, show, ...changes});
  crumbs(h('span', {'aria-current': 'page'}, 'comparison'));
  actions.u = () => go('/');

  const head = h('div', {});
  const list = h('div', {});
  place.append(head, list);
  append(head, [h('h1', {}, 'Comparison'), h('p', {class: 'muted', role: 'status'}, 'Pairing the two runs sample by sample …')]);
  let reply = await get('/api/compare', {a, b}, signal);
  if (!reply.done) ready();
  while (!reply.done) {
    await sleep(150, signal);
    reply = await get('/api/compare', {a, b}, signal);
  }
  show_head();
  const page = await get('/api/pairs', {a, b, show, after, limit: page_size}, signal);
  show_pairs(page);
  ready();

  function show_head() {
    const result = reply.comparison;
    const bound = Math.max(0.02, ...[result.low, result.high, result.difference].map((value) => Math.abs(value ?? 0))) * 1.15;
    const arm = (name, side) => h('tr', {}, h('th', {scope: 'row'}, name + ' ', h('a', {href: link('/run', {run: side.run_id})}, bdi(side.run_id))),
      h('td', {}, bdi(side.model)), h('td', {}, bdi(side.variant)), h('td', {}, bdi(side.profile)),
      h('td', {class: 'r'}, percent(side.score.value)),
      h('td', {class: 'nowrap'}, side.score.low === null ? '–' : (100 * side.score.low).toFixed(1) + ' to ' + (100 * side.score.high).toFixed(1)));
    head.replaceChildren();
    append(head, [
      h('h1', {}, 'B against A'),
      h('p', {class: 'lead'}, bdi(result.verdict)),
      result.difference === null ? null : h('p', {class: 'headline'}, h('strong', {}, points(result.difference) + ' points'), ' ',
        interval_bar(result.difference, result.low, result.high, -bound, bound),
        h('span', {class: 'muted'}, (result.low === null ? '' : ' 95 % CI ' + points(result.low) + ' to ' + points(result.high) + ', ') +
          plural(result.num_pairs, 'pair') + (result.num_clusters && result.num_clusters !== result.num_pairs ? ' in ' + plural(result.num_clusters, 'cluster') : ''))),
      table('The two runs', ['Run', 'Model', 'Prompt', 'Profile', '#Score over the pairs', '95 % CI'], [arm('A', result.a), arm('B', result.b)]),
      h('p', {class: 'muted'}, 'They differ in: ', bdi(result.varied.join(', ') || 'nothing that the manifest names'),
        ' · ', h('a', {href: link('/compare', {a: b, b: a, show})}, 'swap A and B')),
      result.varied.includes('dataset') ? notice('The two runs are over different data: only samples with the same id are paired.') : null,
      result.only_in_a + result.only_in_b > 0 ? notice(count(result.only_in_a) + ' only in A, ' + count(result.only_in_b) + ' only in B: not compared.') : null,
      result.failed_pairs > 0 ? notice(plural(result.failed_pairs, 'pair') + ' without an answer in one of the runs: not compared.') : null,
    ]);
  }

  function show_pairs(page) {
    list.replaceChildren(h('h2', {}, 'Samples'),
      chips('Which samples', shows.filter(([name]) => reply.counts[name] > 0 || name === show || name === 'flips').map(([name, text]) => [name, text, reply.counts[name]]), show,
        (name) => link('/compare', {a, b, show: name})),
      h('p', {class: 'muted', role: 'status'}, page.matching === 0 ? 'No sample of this kind.'
        : count(page.ahead + 1) + ' to ' + count(page.ahead + page.pairs.length) + ' of ' + count(page.matching)),
      page.pairs.length === 0 ? '' : table('Samples of both runs', ['Sample', 'Question', 'A', 'A answered', 'B', 'B answered', 'Right answer'], page.pairs.map(pair_row)));
    const previous = after === '' ? null : address({after: page.previous ?? ''});
    const next = page.ahead + page.pairs.length < page.matching ? address({after: page.last}) : null;
    actions.n = () => next && go(next);
    actions.p = () => previous && go(previous);
    list.append(h('nav', {class: 'pages', 'aria-label': 'Pages of samples'},
      previous ? h('a', {class: 'button', rel: 'prev', href: previous}, 'Previous') : null,
      next ? h('a', {class: 'button', rel: 'next', href: next}, 'Next') : null));
  }

  function pair_row(pair) {
    const line = pair.a || pair.b || {sample_id: '', question: '', gold: ''};
    const side = (mean, each) => (each ? (mean > 0 && mean < 1 ? h('span', {class: 'badge info'}, '◐ ' + percent(mean, 0)) : verdict_badge({...each, value: mean})) : '–');
    return h('tr', {},
      h('th', {scope: 'row'}, row_link(link('/pair', {a, b, show, row_a: pair.row_a, row_b: pair.row_b}), '#' + pair.row_a), h('span', {class: 'sub id'}, bdi(line.sample_id))),
      h('td', {class: 'question'}, bdi(line.question)),
      h('td', {class: 'nowrap'}, side(pair.mean_a, pair.a)), h('td', {class: 'answer'}, bdi(pair.a?.answer || '–')),
      h('td', {class: 'nowrap'}, side(pair.mean_b, pair.b)), h('td', {class: 'answer'}, bdi(pair.b?.answer || '–')),
      h('td', {class: 'answer'}, bdi(line.gold)));
  }
}

export async function pair_page({parameters, place, signal, go, ready, actions}) {
  const [a, b, show] = ['a', 'b', 'show'].map((name) => parameters.get(name) || '');
  const row_a = parameters.get('row_a');
  const [left, right] = await Promise.all([
    get('/api/sample', {run: a, row: row_a}, signal), get('/api/sample', {run: b, row: parameters.get('row_b')}, signal)]);
  const list = link('/compare', {a, b, show});
  crumbs(h('a', {href: list}, 'comparison'), h('span', {'aria-current': 'page'}, '#' + left.story.row));
  const same_prompt = JSON.stringify(left.story.messages) === JSON.stringify(right.story.messages);
  const [said_a, said_b, compared] = word_diff(left.story.response, right.story.response);
  const column = (name, reply, said) => h('section', {class: 'arm', 'aria-label': 'Run ' + name},
    h('h2', {}, name + ' ', h('a', {href: link('/sample', {run: reply.run_id, row: reply.story.row})}, bdi(reply.run_id))),
    verdict(reply.story),
    same_prompt ? null : [h('h3', {}, 'Asked'), messages_of(reply.story, reply.run_id)],
    reply.story.reasoning ? h('details', {}, h('summary', {}, 'Reasoning'), block(reply.story.reasoning, 'Reasoning of ' + name)) : null,
    h('h3', {}, reply.story.continuations.length ? 'Log-likelihoods' : 'Reply'),
    reply.story.continuations.length ? story_parts(reply.story, reply.run_id)[2]
      : h('pre', {class: 'text', dir: 'auto', tabindex: '0', role: 'region', 'aria-label': 'Reply of ' + name}, said.length ? said : h('span', {class: 'muted'}, 'nothing')),
    reply.epochs.length > 1 ? h('p', {class: 'muted'}, reply.epochs.filter((line) => line.value > 0).length + ' of ' + plural(reply.epochs.length, 'epoch') + ' right; this is the first') : null);
  const steps = h('nav', {class: 'pages', 'aria-label': 'Samples of the list'});
  place.append(
    h('h1', {}, 'Sample #' + left.story.row, ' ', h('span', {class: 'id muted'}, bdi(left.story.sample_id))),
    steps,
    same_prompt ? h('details', {open: true}, h('summary', {}, 'Asked, the same of both'), messages_of(left.story, a)) : h('p', {class: 'muted'}, 'The two were asked in different words.'),
    h('p', {class: 'muted'}, compared ? ['Words that only one reply has are marked: ', h('del', {}, 'only in A'), ' ', h('ins', {}, 'only in B'), '.'] : 'The replies are too long or too unlike to be compared word by word.'),
    h('div', {class: 'arms'}, column('A', left, said_a), column('B', right, said_b)));
  ready();

  actions.u = () => go(list);
  const to = (pair, name) => (pair ? go(link('/pair', {a, b, show, row_a: pair.row_a, row_b: pair.row_b})) : say('There is no ' + name + ' sample in this list.'));
  actions.j = async () => to((await get('/api/pairs', {a, b, show, after: row_a, limit: 1}, signal)).pairs[0], 'next');
  actions.k = async () => to((await get('/api/pairs', {a, b, show, after: row_a, limit: 1}, signal)).earlier, 'earlier');
  append(steps, [h('a', {class: 'button', href: list}, 'Back to the list'),
    h('button', {type: 'button', onclick: () => actions.k()}, 'Previous'), h('button', {type: 'button', onclick: () => actions.j()}, 'Next')]);
}
