// What every page is made of: elements, texts, numbers, requests. Texts from the store only ever
// become text nodes here; nothing is parsed as HTML.

// h('p', {class: 'muted'}, 'text', element, [more])
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  append(element, children);
  return element;
}

export function append(element, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

export function svg(tag, attributes, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  return append(element, children);
}

// Controls of terminals and of writing direction, and what is invisible: shown by name, so that a
// text reads as it is and changes nothing around it.
const unseen =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|\udb40[\udc00-\udc7f]/g;

function mark(piece) {
  const code = piece.codePointAt(0);
  const name = 'U+' + code.toString(16).toUpperCase().padStart(4, '0');
  const shown = code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? '\u2421' : name;
  return h('span', {class: 'unseen', title: name}, shown);
}

// `text` as nodes.
export function words(text) {
  const nodes = [];
  let from = 0;
  for (const match of String(text).matchAll(unseen)) {
    if (match[0] === '\r' && text[match.index + 1] === '\n') {
      nodes.push(text.slice(from, match.index));
      from = match.index + 1;
      continue;
    }
    nodes.push(text.slice(from, match.index), mark(match[0]));
    from = match.index + match[0].length;
  }
  nodes.push(String(text).slice(from));
  return nodes.filter((node) => node !== '');
}

// A short text from the store inside a sentence or a cell.
export const bdi = (text, attributes) => h('bdi', attributes, words(text));

// A long one, as it was written.
export const block = (text, label) =>
  h('pre', {class: 'text', dir: 'auto', tabindex: '0', role: 'region', 'aria-label': label},
    text === '' ? h('span', {class: 'muted'}, 'nothing') : words(text));

export const percent = (value, digits = 1) =>
  value === null || value === undefined ? '–' : (100 * value).toFixed(digits) + '\u00a0%';
export const points = (value) =>
  value === null || value === undefined ? '–' : (value > 0 ? '+' : value < 0 ? '\u2212' : '') +
    Math.abs(100 * value).toFixed(1);
export const count = (value) => Number(value).toLocaleString('en-US');
export const seconds = (value) =>
  value === null || value === undefined ? '–'
  : value < 1 ? Math.round(1000 * value) + '\u00a0ms'
  : value < 100 ? value.toFixed(1) + '\u00a0s' : duration(value);
export function duration(value) {
  const total = Math.max(0, Math.ceil(value));
  const two = (number) => String(number).padStart(2, '0');
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor((total % 3600) / 60);
  return (hours > 0 ? hours + ':' + two(minutes) : minutes) + ':' + two(total % 60);
}
export const interval = (metric) =>
  metric.low === null ? '' : (100 * metric.low).toFixed(1) + ' to ' + (100 * metric.high).toFixed(1);
export const day = (time) => (time ? time.replace('T', ' ').replace('Z', '') : '');
// Of one value among many: "1 sample", "2 samples".
export const plural = (number, word) => count(number) + ' ' + word + (number === 1 ? '' : 's');

// An address of ours. Values that are empty are left out; lists repeat their name.
export function link(path, parameters) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters || {})) {
    for (const each of [value].flat()) {
      if (each !== '' && each !== null && each !== undefined) query.append(name, each);
    }
  }
  const text = query.toString();
  return path + (text ? '?' + text : '');
}

export class Failure extends Error {
  constructor(status, body) {
    super(body.error || 'the viewer answered with status ' + status);
    this.status = status;
    this.hint = body.hint || '';
  }
}

export async function get(path, parameters, signal) {
  let response;
  try {
    response = await fetch(link(path, parameters), {signal});
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Failure(0, {error: 'The viewer has ended.', hint: 'Start it again: peira view'});
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Failure(response.status, body);
  return body;
}

export const sleep = (milliseconds, signal) =>
  new Promise((resolve, reject) => {
    const stop = () => reject(new DOMException('left', 'AbortError'));
    if (signal.aborted) return stop();
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => { clearTimeout(timer); stop(); }, {once: true});
  });

// Said to screen readers.
export function say(text) {
  document.getElementById('status').textContent = text;
}

export function crumbs(...parts) {
  const place = document.getElementById('crumbs');
  place.replaceChildren();
  for (const part of parts) append(place, [h('span', {class: 'muted', 'aria-hidden': 'true'}, ' / '), part]);
}

const signs = {complete: ['ok', '✓'], stopped: ['ok', '✓'], running: ['info', '▸'], incomplete: ['bad', '!']};
export function status_badge(status) {
  const [kind, sign] = signs[status] || ['info', ''];
  return h('span', {class: 'badge ' + kind}, h('span', {'aria-hidden': 'true'}, sign + ' '), status);
}

// Right, wrong or why there is no verdict: a sign and a word, never colour alone.
export function verdict_badge(line) {
  if (line.state === 'failed') return h('span', {class: 'badge info'}, '– failed');
  if (line.value > 0 && line.value < 1) return h('span', {class: 'badge ok'}, '◐ ' + percent(line.value, 0));
  if (line.value > 0) return h('span', {class: 'badge ok'}, '✓ right');
  return h('span', {class: 'badge bad'},
    line.state === 'scored' ? '✗ wrong' : '✗ ' + line.state);
}

// A share with its interval on a line from 0 to 1 (or from -1 to 1 around a marked 0).
export function interval_bar(value, low, high, from = 0, to = 1) {
  const width = 120;
  const x = (number) => 3 + (width - 6) * Math.min(1, Math.max(0, (number - from) / (to - from)));
  const picture = svg('svg', {class: 'interval', viewBox: '0 0 ' + width + ' 14', width, height: 14, 'aria-hidden': 'true'});
  picture.append(svg('line', {class: 'axis', x1: 3, x2: width - 3, y1: 7, y2: 7}));
  if (from < 0) picture.append(svg('line', {class: 'zero', x1: x(0), x2: x(0), y1: 1, y2: 13}));
  if (low !== null && low !== undefined) {
    picture.append(svg('line', {class: 'range', x1: x(low), x2: x(high), y1: 7, y2: 7}));
  }
  if (value !== null) picture.append(svg('circle', {class: 'dot', cx: x(value), cy: 7, r: 3.5}));
  return picture;
}

export function notice(text) {
  return h('p', {class: 'notice'}, bdi(text));
}

// A row of a table whose first link j, k and Enter go to.
export const row_link = (href, ...children) => h('a', {class: 'row-link', href}, ...children);

export function table(label, headers, rows) {
  return h('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': label},
    h('table', {}, h('caption', {class: 'sr'}, label),
      h('thead', {}, h('tr', {}, headers.map((header) =>
        header instanceof Node ? header
        : h('th', {scope: 'col', class: header.startsWith('#') ? 'r' : null}, header.replace(/^#/, ''))))),
      h('tbody', {}, rows)));
}

// Links that choose one of several: [[value, text, count]].
export function chips(label, options, chosen, address) {
  return h('nav', {class: 'chips', 'aria-label': label}, options.map(([value, text, number]) =>
    h('a', {href: address(value), 'aria-current': value === chosen ? 'true' : null, 'data-soft': true},
      text, number === undefined || number === null ? null : h('span', {class: 'muted'}, ' ' + count(number)))));
}

// A labelled choice that leads to another address of the same page.
export function choice(label, options, chosen, go) {
  const box = h('select', {onchange: () => go(box.value)},
    options.map(([value, text]) => h('option', {value, selected: value === chosen}, text)));
  return h('label', {class: 'field'}, h('span', {}, label), box);
}

export function search_box(label, value, go) {
  const input = h('input', {type: 'search', value, placeholder: label, 'aria-label': label, 'data-search': true, maxlength: 300});
  return h('form', {class: 'search', role: 'search', onsubmit: (event) => { event.preventDefault(); go(input.value); }},
    input, h('button', {}, 'Search'));
}
