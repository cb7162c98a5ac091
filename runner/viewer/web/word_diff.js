// Two texts word by word: what only one of them says is marked.

import {h, words} from './page.js';

const most_words = 4000;  // of each text; the rest is shown unmarked

const split = (text) => text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) || [];

// Myers's shortest edit script, O((n + m) d), given up when it would take too many edits.
// Returns for each side which of its pieces the other has too.
export function common(a, b, most_edits = 1500) {
  const max = Math.min(a.length + b.length, most_edits);
  const offset = max + 1;
  let front = new Int32Array(2 * max + 3);
  const trace = [];
  const kept_a = new Array(a.length).fill(false);
  const kept_b = new Array(b.length).fill(false);
  for (let d = 0; d <= max; ++d) {
    trace.push(front.slice(offset - d - 1, offset + d + 2));
    for (let k = -d; k <= d; k += 2) {
      let x = k === -d || (k !== d && front[offset + k - 1] < front[offset + k + 1]) ? front[offset + k + 1] : front[offset + k - 1] + 1;
      let y = x - k;
      while (x < a.length && y < b.length && a[x] === b[y]) { ++x; ++y; }
      front[offset + k] = x;
      if (x >= a.length && y >= b.length) {
        walk(d, k);
        return {kept_a, kept_b};
      }
    }
  }
  return null;

  function walk(d, k) {
    let x = a.length;
    let y = b.length;
    for (; d >= 0; --d) {
      const before = trace[d];
      const value = (diagonal) => before[diagonal + d + 1];
      const from = k === -d || (k !== d && value(k - 1) < value(k + 1)) ? k + 1 : k - 1;
      const start_x = d === 0 ? 0 : value(from);
      const start_y = start_x - (d === 0 ? 0 : from);
      while (x > start_x && y > start_y && x > 0 && y > 0 && a[x - 1] === b[y - 1]) {
        kept_a[--x] = true;
        kept_b[--y] = true;
      }
      x = start_x;
      y = start_y;
      k = from;
    }
  }
}

function marked(pieces, kept, tag) {
  const nodes = [];
  for (let i = 0; i < pieces.length;) {
    let end = i;
    while (end < pieces.length && kept[end] === kept[i]) ++end;
    const text = pieces.slice(i, end).join('');
    nodes.push(kept[i] ? words(text) : h(tag, {}, words(text)));
    i = end;
  }
  return nodes.flat();
}

// [nodes of a, nodes of b, whether they were compared]
export function word_diff(text_a, text_b) {
  const a = split(text_a);
  const b = split(text_b);
  const found = a.length <= most_words && b.length <= most_words ? common(a, b) : null;
  if (!found) return [words(text_a), words(text_b), false];
  return [marked(a, found.kept_a, 'del'), marked(b, found.kept_b, 'ins'), true];
}
