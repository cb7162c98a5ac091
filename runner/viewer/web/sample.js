// One sample's story: what was asked, what came back, how the answer was read, and the verdict.

import {append, bdi, block, count, crumbs, get, h, link, percent, plural, say, seconds, verdict_badge} from './page.js';
import {find_lines, list_state} from './run.js';

export async function sample_page({parameters, place, signal, go, ready, actions}) {
  const state = list_state(parameters);
  const row = parameters.get('row');
  const reply = await get('/api/sample', {run: state.run, row, epoch: parameters.get('epoch') || ''}, signal);
  const {story, epochs} = reply;
  const key = story.row + '.' + story.epoch;
  const list = link('/run', state);
  const here = (line) => link('/sample', {...state, row: line.row, epoch: line.epoch});
  crumbs(h('a', {href: list}, bdi(state.run)), h('span', {'aria-current': 'page'}, '#' + story.row));

  const steps = h('nav', {class: 'pages', 'aria-label': 'Samples of the list'});
  place.append(
    h('h1', {}, 'Sample #' + story.row, ' ', h('span', {class: 'id muted'}, bdi(story.sample_id))),
    steps,
    verdict(story),
    epochs.length > 1 ? epoch_list(epochs, story, here) : '',
    h('div', {class: 'story'}, story_parts(story, state.run)));
  ready();

  actions.u = () => go(list);
  const step = async (cursor, name) => {
    say('');
    const {lines} = await find_lines(state, cursor, 1, signal);
    if (lines.length) go(here(lines[0]), {});
    else say('There is no ' + name + ' sample in this list.');
  };
  actions.j = () => step({after: key}, 'next').catch(ignore_leaving);
  actions.k = () => step({before: key}, 'earlier').catch(ignore_leaving);
  append(steps, [
    h('a', {class: 'button', href: list}, 'Back to the list'),
    h('button', {type: 'button', onclick: actions.k}, 'Previous'),
    h('button', {type: 'button', onclick: actions.j}, 'Next'),
    describe(state)]);
}

function ignore_leaving(error) {
  if (error.name !== 'AbortError') throw error;
}

function describe(state) {
  const parts = [];
  if (state.only) parts.push(state.only + (state.only === 'flipped' ? ' against ' + state.against : ''));
  parts.push(...state.where.map((each) => each.replace(':', ': ')));
  if (state.text) parts.push('text “' + state.text + '”');
  return parts.length ? h('span', {class: 'muted'}, 'of: ', bdi(parts.join(' · '))) : null;
}

export function verdict(story) {
  const kind = story.state === 'failed' ? 'open' : story.value > 0 ? 'better' : 'worse';
  return h('section', {class: 'card ' + kind, 'aria-label': 'Verdict'},
    h('p', {class: 'verdict'}, verdict_badge(story), ' ',
      story.answer === '' ? null : ['answered ', h('strong', {}, bdi(story.answer)), ', '],
      'right is ', h('strong', {}, bdi(story.gold)),
      story.value > 0 && story.value < 1 ? ', score ' + percent(story.value, 0) : null),
    h('p', {}, bdi(story.state === 'failed' ? story.failure : story.why)),
    story.rule ? h('p', {class: 'muted'}, 'read by the rule ', h('code', {}, bdi(story.rule)), story.guessed ? ', a guess of the official grader\'s' : null) : null,
    story.notes.map((note) => h('p', {class: 'muted'}, 'note: ', bdi(note))),
    story.past_stopping_point ? h('p', {class: 'muted'}, 'Answered past the point at which the run stopped: kept, not counted.') : null);
}

function epoch_list(epochs, story, here) {
  const right = epochs.filter((line) => line.value > 0).length;
  return h('nav', {class: 'chips', 'aria-label': 'Epochs'},
    h('span', {class: 'muted'}, right + ' of ' + plural(epochs.length, 'epoch') + ' right:'),
    epochs.slice(0, 200).map((line) => h('a', {href: here(line), 'aria-current': line.epoch === story.epoch ? 'true' : null, 'data-soft': true},
      (line.state === 'failed' ? '– ' : line.value > 0 ? '✓ ' : '✗ ') + line.epoch, line.answer === '' ? null : [' ', bdi(line.answer.slice(0, 24))])));
}

function media(part, run, story) {
  if (part.type === 'text') return block(part.text, 'Text');
  const source = link('/api/media', {run, row: story.row, epoch: story.epoch, message: part.message, part: part.part});
  const name = part.type + (part.sha256 ? ', SHA-256 ' + part.sha256.slice(0, 16) + '…' : '');
  if (!part.shown) return h('p', {class: 'muted'}, '[' + name + ': its bytes are not in the store]');
  const element = part.type === 'image' ? h('img', {src: source, alt: 'image shown to the model', loading: 'lazy'})
    : part.type === 'audio' ? h('audio', {src: source, controls: true, preload: 'none'})
    : part.type === 'video' ? h('video', {src: source, controls: true, preload: 'none'})
    : h('a', {href: source, download: true}, 'download');
  return h('figure', {}, element, h('figcaption', {class: 'muted'}, name));
}

export function messages_of(story, run) {
  return story.messages.map((message) => h('div', {class: 'message'}, h('h3', {}, bdi(message.role || 'message')),
    message.parts.map((part) => media(part, run, story))));
}

export function story_parts(story, run) {
  const facts = [
    ['Prompt', plural(story.prompt_tokens, 'token')], ['Reply', plural(story.completion_tokens, 'token')],
    ['Ended by', story.finish_reason || '–'], ['Time', seconds(story.latency_s)], ['Asked', plural(story.attempts, 'time') + (story.cached ? ', from the cache' : '')],
    ['Seed', story.seed], ['Epoch', story.epoch], ['Cluster', story.cluster || '–'],
    ['Order of options', story.permutation.length ? story.permutation.map((k) => k + 1).join(', ') : '–'],
    ['Content', 'SHA-256 ' + story.digest.slice(0, 16) + '…'],
  ];
  const metadata = Object.entries(story.metadata);
  return [
    h('section', {'aria-labelledby': 'asked'}, h('h2', {id: 'asked'}, 'Asked'), messages_of(story, run),
      story.prompt_text ? h('details', {}, h('summary', {}, 'As the model saw it (chat template applied)'), block(story.prompt_text, 'Rendered prompt')) : null),
    story.reasoning ? h('section', {'aria-labelledby': 'thought'}, h('h2', {id: 'thought'}, 'Reasoning'), block(story.reasoning, 'Reasoning')) : null,
    h('section', {'aria-labelledby': 'said'}, h('h2', {id: 'said'}, story.continuations.length ? 'Log-likelihoods' : 'Reply'),
      story.continuations.length ? likelihoods(story) : block(story.response, 'Reply')),
    h('section', {'aria-labelledby': 'facts'}, h('h2', {id: 'facts'}, 'Facts'),
      h('dl', {class: 'facts'}, [...facts, ...metadata].map(([name, value]) =>
        h('div', {}, h('dt', {}, bdi(name)), h('dd', {}, bdi(String(value)))))),
      story.shots.length ? h('p', {}, 'Examples shown: ', story.shots.map((shot) => [h('code', {}, bdi(shot)), ' '])) : null,
      ids('Token ids of the prompt', story.prompt_token_ids), ids('Token ids of the reply', story.token_ids)),
  ];
}

function likelihoods(story) {
  const best = Math.max(...story.continuations.map((each) => each.logprob ?? -Infinity));
  return h('dl', {class: 'facts'}, story.continuations.map((each) => h('div', {}, h('dt', {}, bdi(each.text)),
    h('dd', {}, each.logprob === null ? '–' : each.logprob.toFixed(4), each.logprob === best ? ' ← most likely' : ''))));
}

function ids(label, list) {
  if (!list.length) return null;
  const details = h('details', {ontoggle: () => {
    if (details.open && details.childElementCount === 1) details.append(block(list.join(' '), label));
  }}, h('summary', {}, label + ' (' + count(list.length) + ')'));
  return details;
}
