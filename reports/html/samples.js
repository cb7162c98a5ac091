// Shows the samples that lie in the page's inert blocks. Text is set as text, never as markup.
"use strict";
(() => {
  const kPage = 25;
  const kMostWords = 1500;  // of either side of a comparison word by word
  const element = (name, attributes = {}, ...children) => {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value !== null) node.setAttribute(key, value);
    }
    node.append(...children);
    return node;
  };
  const block = document.getElementById("sample-index");
  if (!block) return;
  const sections = JSON.parse(block.textContent);

  // The words of two texts with what is common to both: [kind, text] runs for either side.
  const compare_words = (a, b) => {
    const words = (text) => text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) || [];
    const left = words(a), right = words(b);
    let head = 0;
    while (head < left.length && head < right.length && left[head] === right[head]) ++head;
    let tail = 0;
    while (tail < left.length - head && tail < right.length - head &&
           left[left.length - 1 - tail] === right[right.length - 1 - tail]) ++tail;
    const x = left.slice(head, left.length - tail), y = right.slice(head, right.length - tail);
    if (x.length > kMostWords || y.length > kMostWords) return null;
    const width = y.length + 1;
    const common = new Uint16Array((x.length + 1) * width);
    for (let i = x.length - 1; i >= 0; --i) {
      for (let j = y.length - 1; j >= 0; --j) {
        common[i * width + j] = x[i] === y[j] ? common[(i + 1) * width + j + 1] + 1
            : Math.max(common[(i + 1) * width + j], common[i * width + j + 1]);
      }
    }
    const sides = [[], []];
    const add = (side, is_common, word) => {
      const runs = sides[side], last = runs[runs.length - 1];
      if (last && last[0] === is_common) last[1] += word;
      else runs.push([is_common, word]);
    };
    const both = (word) => { add(0, true, word); add(1, true, word); };
    left.slice(0, head).forEach(both);
    let i = 0, j = 0;
    while (i < x.length || j < y.length) {
      if (i < x.length && j < y.length && x[i] === y[j]) {
        both(x[i]);
        ++i; ++j;
      } else if (j >= y.length || (i < x.length &&
                 common[(i + 1) * width + j] >= common[i * width + j + 1])) {
        add(0, false, x[i++]);
      } else {
        add(1, false, y[j++]);
      }
    }
    if (tail > 0) left.slice(left.length - tail).forEach(both);
    return sides;
  };

  const text_block = (label, text, runs) => {
    const pre = element("pre", {tabindex: "0", dir: "auto", role: "group", "aria-label": label});
    if (runs) {
      for (const [is_common, words] of runs[1]) {
        pre.append(is_common ? words : element(runs[0], {}, words));
      }
    } else {
      pre.append(text === "" ? element("span", {class: "muted"}, "(empty)") : text);
    }
    return pre;
  };

  const prompt_block = (messages, other) => {
    const out = element("div", {class: "prompt"});
    messages.forEach((message, m) => {
      out.append(element("p", {class: "role"}, message.role));
      message.parts.forEach((part, p) => {
        if (part.image && /^data:image\/(png|jpeg|gif|webp);base64,[A-Za-z0-9+\/=]*$/.test(part.image)) {
          out.append(element("img", {src: part.image, alt: "picture shown to the model", loading: "lazy"}));
        } else if (part.note) {
          out.append(element("p", {class: "muted"}, "[" + part.note + "]"));
        } else {
          const base = other && other[m] && other[m].parts[p] && other[m].parts[p].text;
          const runs = base !== undefined && base !== null && other ? compare_words(base, part.text) : null;
          out.append(text_block("prompt, " + message.role, part.text, runs && ["ins", runs[1]]));
        }
      });
    });
    return out;
  };

  const verdict_word = (answer) => answer.state === "failed" ? "failed"
      : answer.value === 1 ? "right" : answer.value === 0 ? "wrong" : Math.round(100 * answer.value) + " %";

  const answer_block = (answer, runs, tag) => {
    const out = element("div", {class: "answer"});
    const word = verdict_word(answer);
    const line = element("p", {}, element("strong", {class: "verdict-" + word}, word));
    const details = [];
    if (answer.epoch > 0) details.push("epoch " + answer.epoch);
    if (answer.answer !== undefined) {
      details.push("extracted \u201c" + answer.answer + "\u201d" + (answer.rule ? " by " + answer.rule : ""));
    } else {
      details.push(answer.state);
    }
    if (answer.gold !== undefined) details.push("gold " + answer.gold);
    line.append(": " + details.join(", "));
    out.append(line);
    if (answer.why) out.append(element("p", {class: "muted"}, answer.why));
    if (answer.failure) out.append(element("p", {}, "Failure: " + answer.failure));
    if (answer.reasoning) {
      out.append(element("details", {}, element("summary", {}, "Reasoning"),
                         text_block("reasoning", answer.reasoning)));
    }
    if (answer.continuations) {
      const body = element("tbody");
      for (const [words, logprob] of answer.continuations) {
        body.append(element("tr", {}, element("th", {scope: "row"}, words), element("td", {class: "r"}, logprob)));
      }
      out.append(element("table", {}, element("thead", {}, element("tr", {},
          element("th", {scope: "col"}, "Weighed"), element("th", {scope: "col", class: "r"}, "Log-probability"))), body));
    } else if (answer.response !== undefined) {
      out.append(text_block("response", answer.response, runs && [tag, runs]));
    }
    const figures = [];
    if (answer.tokens) figures.push(answer.tokens + " tokens");
    if (answer.ms) figures.push(answer.ms < 1000 ? answer.ms + " ms" : (answer.ms / 1000).toFixed(1) + " s");
    if (answer.finish) figures.push("ended by " + answer.finish);
    if (figures.length > 0) out.append(element("p", {class: "muted small"}, figures.join(", ")));
    return out;
  };

  const story = (section, sample) => {
    const out = element("div", {class: "story"});
    if (sample.metadata) {
      out.append(element("p", {class: "muted"}, Object.entries(sample.metadata)
          .map(([key, value]) => key + ": " + value).join("; ")));
    }
    const sides = sample.sides;
    if (sides[0].prompt) {
      const is_shared = sides.length === 1 || !sides[1].prompt;
      const prompt = element("details", {}, element("summary", {}, is_shared
          ? "Prompt" : "Prompts (they differ; what only B was told is underlined)"));
      const columns = element("div", {class: is_shared ? "" : "sides"}, prompt_block(sides[0].prompt));
      if (!is_shared) columns.append(prompt_block(sides[1].prompt, sides[0].prompt));
      prompt.append(columns);
      prompt.open = true;
      out.append(prompt);
    }
    if (section.restricted) {
      out.append(element("p", {class: "muted"}, "Restricted data: verdicts only."));
    }
    const columns = element("div", {class: sides.length > 1 ? "sides" : ""});
    let has_diff = false;
    sides.forEach((side, s) => {
      const column = element("div", {}, element("h4", {}, section.labels[s]));
      if (side.answers.length === 0) column.append(element("p", {class: "muted"}, "not asked"));
      side.answers.forEach((answer, k) => {
        const other = sides.length > 1 && sides[1 - s].answers[k];
        let runs = null;
        if (other && other.response && answer.response) {
          const both = s === 0 ? compare_words(answer.response, other.response)
                               : compare_words(other.response, answer.response);
          runs = both && both[s];
          has_diff = has_diff || Boolean(runs);
        }
        column.append(answer_block(answer, runs, s === 0 ? "del" : "ins"));
      });
      columns.append(column);
    });
    out.append(columns);
    if (has_diff) {
      out.append(element("p", {class: "muted small"}, "Words that only A wrote are ",
          element("del", {}, "struck out"), ", words that only B wrote are ", element("ins", {}, "underlined"), "."));
    }
    return out;
  };

  document.querySelectorAll("[data-samples]").forEach((place) => {
    const number = Number(place.getAttribute("data-samples"));
    const section = sections[number];
    let lines = null;
    const line_of = (i) => {
      if (!lines) lines = document.getElementById("sample-lines-" + number).textContent.split("\n");
      return lines[i];
    };
    const kinds = [...new Set(section.rows.map((row) => row[1]))];
    const select = element("select", {}, element("option", {value: ""}, "all (" + section.rows.length + ")"));
    for (const kind of kinds) {
      const count = section.rows.filter((row) => row[1] === kind).length;
      select.append(element("option", {value: kind}, kind + " (" + count + ")"));
    }
    const search = element("input", {type: "search", autocomplete: "off", spellcheck: "false"});
    const status = element("p", {role: "status", class: "muted small"});
    const list = element("ol", {class: "samples"});
    const back = element("button", {type: "button"}, "Earlier");
    const on = element("button", {type: "button"}, "Further");
    let found = [], start = 0;

    const show = (opened = -1) => {
      list.replaceChildren();
      list.setAttribute("start", start + 1);
      for (const i of found.slice(start, start + kPage)) {
        const [id, outcome, answers, gold] = section.rows[i];
        const said = answers.join(" \u2192 ");
        const summary = element("summary", {}, element("span", {class: "id"}, id), " ",
            element("span", {class: "badge " + (outcome.endsWith("right") || outcome === "higher" ? "ok"
                : outcome.endsWith("wrong") || outcome === "lower" ? "bad" : "info")}, outcome));
        if (said.replace(/[ \u2192]/g, "")) {
          summary.append(" ", element("bdi", {class: "said"}, said), gold ? element("span", {class: "muted"}, " gold ", element("bdi", {}, gold)) : "");
        }
        const item = element("details", {}, summary);
        const fill = () => {
          if (item.children.length === 1) item.append(story(section, JSON.parse(line_of(i))));
        };
        item.addEventListener("toggle", () => { if (item.open) fill(); });
        item.addEventListener("fill", fill);
        list.append(element("li", {}, item));
        if (i === opened) {
          item.open = true;
          fill();
        }
      }
      const end = Math.min(found.length, start + kPage);
      status.textContent = found.length === 0 ? "None." : "Showing " + (start + 1) + " to " + end + " of " + found.length + ".";
      back.hidden = on.hidden = found.length <= kPage;
      back.disabled = start === 0;
      on.disabled = end >= found.length;
    };
    const filter = () => {
      // As the lines are written: JSON with "<" escaped.
      const needle = JSON.stringify(search.value.toLowerCase()).slice(1, -1).replaceAll("<", "\\u003c");
      found = [];
      section.rows.forEach((row, i) => {
        if (select.value && row[1] !== select.value) return;
        if (needle && !row[0].toLowerCase().includes(needle) && !line_of(i).toLowerCase().includes(needle)) return;
        found.push(i);
      });
      start = 0;
      show();
    };
    // Paper shows what the page shows, stories and all.
    let opened_for_paper = [];
    addEventListener("beforeprint", () => {
      opened_for_paper = [...list.querySelectorAll("li > details:not([open])")];
      for (const item of opened_for_paper) {
        item.dispatchEvent(new Event("fill"));
        item.open = true;
      }
    });
    addEventListener("afterprint", () => { for (const item of opened_for_paper) item.open = false; });
    select.addEventListener("change", filter);
    let timer = 0;
    search.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(filter, 150); });
    back.addEventListener("click", () => { start = Math.max(0, start - kPage); show(); });
    on.addEventListener("click", () => { start += kPage; show(); });
    place.replaceChildren(
        element("div", {class: "controls"}, element("label", {}, "Outcome ", select), element("label", {}, "Search in all text ", search)),
        status, list, element("div", {class: "controls"}, back, on));
    filter();
    // page.html#sample-0-12 opens the thirteenth sample of the first list.
    const link = location.hash.match(/^#sample-(\d+)-(\d+)$/);
    if (link && Number(link[1]) === number && Number(link[2]) < section.rows.length) {
      start = Math.floor(Number(link[2]) / kPage) * kPage;
      show(Number(link[2]));
      list.querySelector("details[open]").scrollIntoView();
    }
  });
})();
