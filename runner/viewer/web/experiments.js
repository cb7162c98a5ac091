// Experiments: the list, and one with its split, effects, course and verdict.

import {append, bdi, count, crumbs, get, h, link, notice, percent, plural, row_link, sleep, svg, table} from './page.js';

const kinds = {ship: 'better', 'keep-control': 'worse', undecided: 'open', invalid: 'worse'};
const status_kinds = {running: 'info', stopped: 'ok', draft: 'info'};

function status_badge(status) {
  const sign = {running: '▸ ', stopped: '■ ', draft: '✎ '}[status] || '';
  return h('span', {class: 'badge ' + (status_kinds[status] || 'info')}, h('span', {'aria-hidden': 'true'}, sign), status);
}

export async function experiments_page({place, signal, ready}) {
  crumbs(h('span', {'aria-current': 'page'}, 'experiments'));
  const {experiments, path} = await get('/api/experiments', {}, signal);
  append(place, [h('h1', {}, 'Experiments'),
    experiments.length === 0
      ? h('p', {}, 'No experiments in ', h('code', {}, bdi(path)), ' yet. Make one: ',
        h('code', {}, 'peira experiment create prompt_v2 --variant control=50 --variant new=50 --metric solved:proportion --start'))
      : table('Experiments', ['Experiment', 'Variants', 'Metrics', 'Read', 'Status', 'Started', 'Conclusion'], experiments.map((one) =>
        h('tr', {},
          h('th', {scope: 'row'}, row_link(link('/experiment', {id: one.id}), bdi(one.id)),
            one.description ? h('span', {class: 'sub'}, bdi(one.description)) : null),
          h('td', {}, one.variants.map((variant, i) => [i > 0 ? ', ' : '', bdi(variant.key), ' ' + percent(variant.share, 0)])),
          h('td', {}, one.metrics.map((metric, i) => [i > 0 ? ', ' : '', bdi(metric.name)])),
          h('td', {}, one.monitoring),
          h('td', {}, status_badge(one.status)),
          h('td', {class: 'nowrap'}, one.started || '–'),
          h('td', {}, one.conclusion ? bdi(one.conclusion) : '–'))))]);
  ready();
}

const number = (value) => value === null || value === undefined ? '–' : Number(value).toPrecision(4).replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '');
const signed = (value, scale = 1) =>
  value === null || value === undefined ? '–'
  : (value > 0 ? '+' : value < 0 ? '−' : '') + number(Math.abs(scale * value));
const p_text = (p) => p === null || p === undefined ? '–' : p < 0.0001 ? '< 0.0001' : p.toFixed(4);

export async function experiment_page({parameters, place, signal, go, ready, actions}) {
  const id = parameters.get('id') || '';
  crumbs(h('a', {href: '/experiments'}, 'experiments'), h('span', {'aria-current': 'page'}, bdi(id)));
  actions.u = () => go('/experiments');
  const body = h('div', {});
  let reply = await get('/api/experiment', {id}, signal);
  const one = reply.experiment;
  append(place, [h('h1', {}, bdi(one.id), ' ', status_badge(one.status)),
    one.description ? h('p', {}, bdi(one.description)) : null,
    h('p', {class: 'muted'}, one.variants.map((variant, i) => [i > 0 ? ' : ' : '', bdi(variant.key), ' ' + percent(variant.share, 0)]),
      ', ' + percent(one.coverage, 0) + ' of units take part, read ' + one.monitoring + ' at ' + percent(one.alpha, 0),
      one.started ? ', started ' + one.started : '', one.stopped ? ', stopped ' + one.stopped : ''),
    one.conclusion ? h('p', {}, h('strong', {}, 'Conclusion: '), bdi(one.conclusion)) : null, body]);
  body.replaceChildren(h('p', {class: 'muted', role: 'status'}, 'Reading every unit …'));
  if (!reply.done) ready();
  while (!reply.done) {
    await sleep(200, signal);
    reply = await get('/api/experiment', {id}, signal);
  }
  body.replaceChildren(...report_parts(reply.report, one),
    h('details', {}, h('summary', {}, 'History (' + reply.history.length + ')'),
      h('ul', {}, reply.history.map((line) => h('li', {}, bdi(line))))),
    h('p', {class: 'muted'}, 'As a file: ', h('code', {}, 'peira report --experiment ', bdi(one.id), ' -o report.html')));
  ready();
}

function report_parts(report, one) {
  const share = (metric) => one.metrics.some((each) => each.name === metric && each.type === 'proportion');
  const scale = (metric) => share(metric) ? 100 : 1;
  const total = report.arms.reduce((sum, arm) => sum + arm.units, 0);
  const promised = one.variants.reduce((sum, variant) => sum + variant.share, 0);
  const parts = [h('div', {class: 'card ' + (kinds[report.decision] || 'open')},
    h('p', {class: 'verdict'}, bdi(report.reason)),
    report.variants.length > 1 ? h('ul', {}, report.variants.map((variant) =>
      h('li', {}, h('strong', {}, bdi(variant.variant), ': ' + variant.decision.replace('-', ' ')), ', ', bdi(variant.reason)))) : null),
    ...report.warnings.map(notice)];

  parts.push(h('h2', {}, 'Assignment'),
    table('Exposed units of each variant', ['Variant', '#Units', '#Share', '#As declared'], report.arms.map((arm, i) => h('tr', {},
      h('th', {scope: 'row'}, bdi(arm.key), arm.control && arm.key !== 'control' ? ' (control)' : ''),
      h('td', {class: 'r'}, count(arm.units)),
      h('td', {class: 'r'}, total > 0 ? percent(arm.units / total, 2) : '–'),
      h('td', {class: 'r'}, one.variants[i] && promised > 0 ? percent(one.variants[i].share / promised, 2) : '–')))));
  if (report.srm) {
    parts.push(h('p', {}, h('span', {class: 'badge ' + (report.srm.status === 'failed' ? 'bad' : 'ok')},
      report.srm.status === 'failed' ? '✗ the split is broken' : '✓ split as declared'),
    h('span', {class: 'muted'}, ' sample ratio: χ² = ' + number(report.srm.chi2) + ', p = ' + p_text(report.srm.p) +
      ', over all looks p = ' + p_text(report.srm.sequential_p))));
  }

  parts.push(h('h2', {}, 'Effects'), h('p', {class: 'muted'}, 'Against the control; of shares in points.'),
    table('Each metric and variant against the control',
      ['Metric', 'Variant', '#Control', '#Treated', '#Change', 'Interval', '', '#p', '#Adjusted', 'Verdict'],
      report.metrics.map((metric) => {
        const by = scale(metric.metric);
        const ci = metric.ci;
        const bound = ci ? 1.15 * Math.max(...ci.map(Math.abs), Math.abs(metric.estimate ?? 0), 1e-12) : 1;
        return h('tr', {},
          h('th', {scope: 'row'}, bdi(metric.metric), h('span', {class: 'sub'}, metric.role)),
          h('td', {}, bdi(metric.variant)),
          h('td', {class: 'r'}, number(metric.control === null ? null : by * metric.control)),
          h('td', {class: 'r'}, number(metric.treated === null ? null : by * metric.treated)),
          h('td', {class: 'r'}, signed(metric.estimate, by)),
          h('td', {class: 'nowrap'}, ci ? signed(ci[0], by) + ' to ' + signed(ci[1], by) : '–'),
          h('td', {}, metric.estimate === null || !ci ? null : difference_bar(metric.estimate, ci, bound)),
          h('td', {class: 'r'}, p_text(metric.p)),
          h('td', {class: 'r'}, p_text(metric.adjusted_p)),
          h('td', {}, metric.problem ? bdi(metric.problem) : metric.verdict === null ? '–' : bdi(metric.verdict)));
      })));

  if (report.cumulative && report.cumulative.length > 0) {
    parts.push(h('h2', {}, 'As it came about'),
      h('p', {class: 'muted'}, 'The effect over all units up to and with each day, with the interval the plan reads by' +
        (report.monitoring === 'anytime' ? ': a confidence sequence, which holds at every look at once.'
        : ', which holds at its planned looks, not at every day.')));
    const series = new Map();
    for (const row of report.cumulative) {
      const name = row.metric + ', ' + row.variant;
      series.set(name, [...(series.get(name) || []), row]);
    }
    for (const [name, rows] of series) {
      parts.push(h('h3', {}, bdi(name), share(rows[0].metric) ? ', in points' : ''), course(name, rows, scale(rows[0].metric)),
        h('details', {}, h('summary', {}, 'In numbers'),
          table(name, ['Day', '#Units', '#Change', 'Interval', '#p'], rows.map((row) => h('tr', {},
            h('th', {scope: 'row'}, row.day), h('td', {class: 'r'}, count(row.n_control + row.n_variant)),
            h('td', {class: 'r'}, signed(row.estimate, scale(row.metric))),
            h('td', {class: 'nowrap'}, row.ci ? signed(row.ci[0], scale(row.metric)) + ' to ' + signed(row.ci[1], scale(row.metric)) : '–'),
            h('td', {class: 'r'}, p_text(row.p)))))));
    }
  }
  return parts;
}

function difference_bar(value, [low, high], bound) {
  const width = 120;
  const x = (at) => 3 + (width - 6) * (at + bound) / (2 * bound);
  return svg('svg', {class: 'interval', viewBox: '0 0 ' + width + ' 14', width, height: 14, 'aria-hidden': 'true'},
    svg('line', {class: 'axis', x1: 3, x2: width - 3, y1: 7, y2: 7}),
    svg('line', {class: 'zero', x1: x(0), x2: x(0), y1: 1, y2: 13}),
    svg('line', {class: 'range', x1: x(low), x2: x(high), y1: 7, y2: 7}),
    svg('circle', {class: 'dot', cx: x(value), cy: 7, r: 3.5}));
}

// An estimate over time with its interval as a band, zero marked.
function course(name, rows, by) {
  const width = 720, height = 190, left = 56, right = 8, top = 10, bottom = 22;
  const known = rows.map((row, i) => ({i, row})).filter(({row}) => row.estimate !== null);
  if (known.length === 0) return h('p', {class: 'muted'}, 'Nothing is known yet.');
  // The first days' intervals are wide: they may run off the plot, the estimates may not.
  const widths = known.filter(({row}) => row.ci).map(({row}) => Math.max(Math.abs(row.ci[0]), Math.abs(row.ci[1]))).sort((a, b) => a - b);
  const least = Math.max(...known.map(({row}) => Math.abs(row.estimate)), 1e-12);
  const bound = 1.1 * Math.max(least, widths.length > 0 ? widths[Math.floor((widths.length - 1) / 2)] : 0);
  const power = 10 ** Math.floor(Math.log10(bound));
  const tick = power * [5, 2, 1].find((factor) => factor * power <= bound);
  const x = (i) => rows.length === 1 ? (left + width - right) / 2 : left + (width - left - right) * i / (rows.length - 1);
  const y = (value) => top + (height - top - bottom) * (1 - (Math.min(bound, Math.max(-bound, value)) + bound) / (2 * bound));
  const picture = svg('svg', {class: 'course', viewBox: '0 0 ' + width + ' ' + height, role: 'img',
    'aria-label': name + ': ' + plural(known.length, 'day') + ', the last at ' + signed(known.at(-1).row.estimate, by)});
  for (const value of [-tick, 0, tick]) {
    append(picture, [svg('line', {class: value === 0 ? 'zero' : 'grid', x1: left, x2: width - right, y1: y(value), y2: y(value)}),
      svg('text', {class: 'tick', x: left - 6, y: y(value) + 4, 'text-anchor': 'end'}, value === 0 ? '0' : signed(value, by))]);
  }
  const banded = known.filter(({row}) => row.ci);
  if (banded.length > 1) {
    picture.append(svg('path', {class: 'band', d: 'M' + banded.map(({i, row}) => x(i) + ' ' + y(row.ci[1])).join('L') +
      'L' + banded.toReversed().map(({i, row}) => x(i) + ' ' + y(row.ci[0])).join('L') + 'Z'}));
  }
  picture.append(svg('path', {class: 'line', d: 'M' + known.map(({i, row}) => x(i) + ' ' + y(row.estimate)).join('L')}));
  for (const {i, row} of known) {
    picture.append(svg('circle', {class: 'dot', cx: x(i), cy: y(row.estimate), r: known.length > 60 ? 2 : 3.5},
      svg('title', {}, row.day + ': ' + signed(row.estimate, by) + (row.ci ? ' (' + signed(row.ci[0], by) + ' to ' + signed(row.ci[1], by) + ')' : ''))));
  }
  append(picture, [svg('text', {class: 'tick', x: left, y: height - 4}, rows[0].day),
    rows.length > 1 ? svg('text', {class: 'tick', x: width - right, y: height - 4, 'text-anchor': 'end'}, rows.at(-1).day) : null]);
  return h('figure', {}, picture);
}
