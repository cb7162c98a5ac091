// Which page an address means, how links lead from one to the next, and the keyboard.

import {Failure, get, h} from './page.js';
import {runs_page} from './runs.js';
import {run_page} from './run.js';
import {sample_page} from './sample.js';
import {compare_page, pair_page} from './compare.js';
import {experiment_page, experiments_page} from './experiments.js';

const pages = {'/': runs_page, '/run': run_page, '/sample': sample_page, '/compare': compare_page, '/pair': pair_page,
  '/experiments': experiments_page, '/experiment': experiment_page};
const main = document.getElementById('main');
let leaving = new AbortController();
let actions = {};  // what n, p, u, j and k mean on this page

// The first page is read from its top, where the link that skips to its content is.
let has_navigated = false;

async function render({soft}) {
  const is_first = !has_navigated;
  has_navigated = true;
  leaving.abort();
  leaving = new AbortController();
  const {signal} = leaving;
  const page = pages[location.pathname];
  actions = {};
  const focused = soft && document.activeElement ? document.activeElement.getAttribute('data-search') : null;
  const place = h('div', {});
  try {
    if (!page) throw new Failure(404, {error: 'There is no such page.', hint: 'The runs are at /'});
    await page({
      parameters: new URLSearchParams(location.search),
      place, signal, go, actions,
      // Called once there is something to see: the page before stays until then.
      ready: () => {
        if (signal.aborted || place.isConnected) return;
        main.replaceChildren(place);
        const title = place.querySelector('h1');
        document.title = (title ? title.textContent + ' · ' : '') + 'Peira';
        if (focused) place.querySelector('[data-search]')?.focus();
        else if (!soft && !is_first) {
          window.scrollTo(0, 0);
          main.focus({preventScroll: true});
        }
      },
    });
  } catch (error) {
    if (error.name === 'AbortError') return;
    main.replaceChildren(h('div', {class: 'failure', role: 'alert'},
      h('h1', {}, error instanceof Failure ? error.message : 'This page failed: ' + error.message),
      error.hint ? h('p', {}, error.hint) : null,
      h('p', {}, h('a', {href: '/'}, 'All runs'))));
    main.dataset.failed = 'true';
    return;
  }
  main.dataset.ready = location.pathname + location.search;
}

// To another address of ours. `soft`: the same page in another state, which keeps its scroll.
function go(address, {soft = false, replace = false} = {}) {
  if (replace) history.replaceState(null, '', address);
  else history.pushState(null, '', address);
  render({soft});
}

document.addEventListener('click', (event) => {
  const anchor = event.target.closest('a');
  if (!anchor || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey ||
      event.shiftKey || event.altKey || anchor.origin !== location.origin || anchor.hasAttribute('download') ||
      anchor.getAttribute('href').startsWith('#') || !(anchor.pathname in pages)) return;
  event.preventDefault();
  go(anchor.href, {soft: anchor.hasAttribute('data-soft')});
});
addEventListener('popstate', () => render({soft: false}));

// ---- keyboard ----

function move_line(step) {
  const lines = [...main.querySelectorAll('a.row-link')];
  if (lines.length === 0) return false;
  const at = lines.indexOf(document.activeElement);
  const next = at < 0 ? (step > 0 ? 0 : lines.length - 1) : Math.min(lines.length - 1, Math.max(0, at + step));
  lines[next].focus();
  lines[next].scrollIntoView({block: 'nearest'});
  return true;
}

const help = document.getElementById('help');
document.getElementById('help-button').addEventListener('click', () => help.showModal());

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  if (event.target.closest('input, select, textarea')) {
    if (event.key === 'Escape') event.target.blur();
    return;
  }
  const deeds = {
    j: () => (actions.j ? actions.j() : move_line(1)),
    k: () => (actions.k ? actions.k() : move_line(-1)),
    n: () => actions.n?.(), p: () => actions.p?.(), u: () => actions.u?.(),
    '/': () => main.querySelector('[data-search]')?.focus(),
    '?': () => help.showModal(),
  };
  if (!Object.hasOwn(deeds, event.key)) return;
  event.preventDefault();
  deeds[event.key]();
});

get('/api/store').then((store) => {
  const place = document.getElementById('store');
  place.textContent = store.path;
  place.title = 'peira ' + store.version;
}).catch(() => {});
render({soft: false});
