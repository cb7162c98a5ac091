#include "runner/viewer/api.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "reports/json.h"
#include "runner/viewer/media.h"

namespace peira::runner::viewer {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// How long a request may wait for an index, and how long it may search text: both together stay
// below 100 ms with room for the page's own lines.
constexpr milliseconds kWait{35};
constexpr milliseconds kSearch{40};
constexpr std::int64_t kDefaultLimit = 100;
constexpr std::int64_t kMaxLimit = 500;
constexpr std::size_t kMaxText = 1000;

std::string value_of(const Parameters& parameters, const std::string& name) {
  const auto found = parameters.find(name);
  return found == parameters.end() ? "" : found->second;
}

std::int64_t number_of(const std::string& text, const std::string& name) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) {
    throw Error(ErrorCode::kUsage, name + "=" + text + ": a whole number from 0 on is needed");
  }
  return number;
}

std::int64_t number_of(const Parameters& parameters, const std::string& name,
                       std::int64_t otherwise) {
  const std::string text = value_of(parameters, name);
  return text.empty() ? otherwise : number_of(text, name);
}

std::string required(const Parameters& parameters, const std::string& name) {
  std::string value = value_of(parameters, name);
  if (value.empty()) throw Error(ErrorCode::kUsage, name + " is missing");
  return value;
}

std::string to_text(AnswerKey key) {
  return std::to_string(key.row) + "." + std::to_string(key.epoch);
}

std::optional<AnswerKey> key_of(const Parameters& parameters, const std::string& name) {
  const std::string text = value_of(parameters, name);
  if (text.empty()) return std::nullopt;
  const std::size_t dot = text.find('.');
  const std::int64_t epoch = dot == std::string::npos ? 0 : number_of(text.substr(dot + 1), name);
  if (epoch > 1'000'000'000) throw Error(ErrorCode::kUsage, name + "=" + text + ": no such epoch");
  return AnswerKey{number_of(text.substr(0, dot), name), static_cast<int>(epoch)};
}

OrderedJson number(double value) {
  return std::isfinite(value) ? OrderedJson(value) : OrderedJson(nullptr);
}

OrderedJson to_json(const RunRow& run) {
  return {{"run_id", run.id},
          {"suite", run.suite},
          {"profile", run.profile},
          {"variant", run.variant},
          {"model", run.model},
          {"dataset", run.dataset},
          {"method", run.method},
          {"status", run.status},
          {"why_stopped", run.why_stopped},
          {"started_at", run.started_at},
          {"finished_at", run.finished_at},
          {"rescored_from", run.rescored_from},
          {"answers", run.answers},
          {"expected_answers", run.expected_answers},
          {"failures", run.failures},
          {"mean_score", run.mean_score ? number(*run.mean_score) : OrderedJson(nullptr)},
          {"epochs", run.epochs},
          {"wall_s", number(run.wall_s)},
          {"prompt_tokens", run.prompt_tokens},
          {"completion_tokens", run.completion_tokens},
          {"tags", run.tags}};
}

OrderedJson to_json(const AnswerLine& line) {
  return {{"key", to_text(line.key)},
          {"row", line.key.row},
          {"epoch", line.key.epoch},
          {"sample_id", line.sample_id},
          {"state", line.state},
          {"value", number(line.value)},
          {"answer", line.answer},
          {"gold", line.gold},
          {"rule", line.rule},
          {"why", line.why},
          {"finish_reason", line.finish_reason},
          {"failure", line.failure},
          {"latency_s", number(line.latency_s)},
          {"completion_tokens", line.completion_tokens},
          {"question", line.question}};
}

OrderedJson story_json(const RunInfo& run, const SampleStory& story, const MediaFolder& media) {
  const evals::Score& score = story.answer.score;
  const Transcript& transcript = story.transcript;
  OrderedJson out{{"sample_id", story.sample.id},
                  {"row", story.sample.row},
                  {"epoch", story.answer.epoch},
                  {"cluster", story.sample.cluster},
                  {"digest", story.sample.digest},
                  {"metadata", story.sample.metadata},
                  {"permutation", story.answer.permutation},
                  {"gold", story.answer.gold}};
  out["messages"] = messages_for_page(transcript.messages.empty()
                                          ? Json::array()
                                          : parse_json(transcript.messages, "stored messages"),
                                      media);
  out["prompt_text"] = transcript.prompt_text;
  out["prompt_token_ids"] = transcript.prompt_tokens;
  out["response"] = transcript.response;
  out["reasoning"] = transcript.reasoning;
  out["token_ids"] = transcript.tokens;
  OrderedJson continuations = OrderedJson::array();
  for (std::size_t i = 0; i < transcript.continuations.size(); ++i) {
    const bool known = i < transcript.continuation_logprobs.size();
    continuations.push_back(
        {{"text", transcript.continuations[i]},
         {"logprob", known ? number(transcript.continuation_logprobs[i]) : OrderedJson(nullptr)}});
  }
  out["continuations"] = std::move(continuations);
  out["shots"] = transcript.shots;
  out["seed"] = std::to_string(transcript.seed);  // 64 bits: more than a JavaScript number holds
  out["finish_reason"] = story.answer.finish_reason;
  out["failure"] = story.answer.failure;
  out["prompt_tokens"] = story.answer.prompt_tokens;
  out["completion_tokens"] = story.answer.completion_tokens;
  out["attempts"] = story.answer.attempts;
  out["cached"] = story.answer.cached;
  out["latency_s"] = number(story.answer.latency_s);
  out["state"] = evals::to_string(score.state);
  out["value"] = number(score.value);
  out["answer"] = score.answer;
  out["rule"] = score.rule;
  out["why"] = score.why;
  out["parse_flag"] = score.parse_flag;
  out["guessed"] = score.guessed;
  out["notes"] = score.notes;
  const bool beyond =
      run.decision && std::find(run.decision->rows_beyond.begin(), run.decision->rows_beyond.end(),
                                story.sample.row) != run.decision->rows_beyond.end();
  out["past_stopping_point"] = beyond;
  return out;
}

double share(std::size_t part, std::size_t whole) {
  return whole == 0 ? 1.0 : static_cast<double>(part) / static_cast<double>(whole);
}

// "FIELD:VALUE", where a field's own name may hold a colon.
std::pair<std::string, std::string> condition_of(const RunInfo& run, const std::string& text) {
  for (const std::string& field : run.breakdowns) {
    if (text.starts_with(field + ":")) return {field, text.substr(field.size() + 1)};
  }
  const std::size_t colon = text.find(':');
  return {text.substr(0, colon), colon == std::string::npos ? "" : text.substr(colon + 1)};
}

void throw_failure(const std::string& failure) {
  if (!failure.empty()) throw Error(ErrorCode::kUnavailable, failure);
}

OrderedJson run_reply(Desk& desk, Queries& queries, const Parameters& parameters) {
  const RunInfo run = queries.store().run(required(parameters, "run"));
  const auto index = desk.index(queries, run, kWait);
  throw_failure(index->failure());
  OrderedJson out;
  for (const RunRow& row : queries.runs()) {
    if (row.id == run.id) out["run"] = to_json(row);
  }
  out["breakdowns"] = run.breakdowns;
  out["counted"] = index->is_done() ? 1.0 : share(index->size(), index->capacity());
  const auto record = index->record();
  out["record"] = record ? reports::to_json(*record) : OrderedJson(nullptr);
  const Tally tally = index->tally();
  OrderedJson counts{{"all", tally.all}, {"right", tally.right}, {"wrong", tally.wrong}};
  for (std::size_t state = 0; state < tally.states.size(); ++state) {
    counts[std::string(evals::to_string(static_cast<evals::AnswerState>(state)))] =
        tally.states[state];
  }
  out["tally"] = index->is_done() ? counts : OrderedJson(nullptr);
  return out;
}

// The filter asked for. Empty when it rests on a pairing that is still being made.
std::optional<AnswerFilter> filter_of(Desk& desk, Queries& queries, const RunInfo& run,
                                      const Parameters& parameters) {
  AnswerFilter filter;
  const std::string only = value_of(parameters, "only");
  if (only == "right") {
    filter.verdict = AnswerFilter::Verdict::kRight;
  } else if (only == "wrong") {
    filter.verdict = AnswerFilter::Verdict::kWrong;
  } else if (only == "flipped") {
    const auto pairing = desk.pairing(queries, run.id, required(parameters, "against"), kWait);
    if (!pairing->is_done()) return std::nullopt;
    throw_failure(pairing->failure());
    filter.rows = pairing->flipped_rows();
  } else if (!only.empty() && only != "all") {
    filter.state = evals::answer_state_from(only);
    if (!filter.state) {
      throw Error(ErrorCode::kUsage,
                  "only=" + only +
                      ": one of right, wrong, flipped, scored, unparsed, truncated, empty, "
                      "refused, failed is meant");
    }
  }
  const auto [first, last] = parameters.equal_range("where");
  for (auto it = first; it != last; ++it) filter.where.push_back(condition_of(run, it->second));
  return filter;
}

struct PageRequest {
  std::optional<AnswerKey> after, before;
  std::size_t limit = 0;
  std::string text;
};

struct Page {
  std::vector<AnswerKey> keys;  // in the order of the list
  std::optional<AnswerKey> resume;
  std::size_t examined = 0;  // answers this page's search has behind it
  bool at_end = false;       // nothing further that way
};

Page find_page(const RunIndex& index, const RunIndex::Matcher& matches, std::size_t size,
               bool is_done, const PageRequest& request, Queries& queries, const RunInfo& run) {
  const bool backward = request.before.has_value();
  std::optional<TextSearch> search;
  if (!request.text.empty()) search.emplace(queries, run, request.text, backward);
  const auto deadline = steady_clock::now() + kSearch;

  std::size_t position = 0;  // of the next answer to look at; going down: one above it
  if (backward) {
    position = index.lower_bound(*request.before, size);
  } else if (request.after) {
    position = index.lower_bound(*request.after, size);
    if (position < size && index.key(position) == *request.after) ++position;
  }
  Page page;
  bool out_of_time = false;
  while (backward ? position > 0 : position < size) {
    if (page.keys.size() == request.limit) break;
    const std::size_t here = backward ? position - 1 : position;
    if (matches(here)) {
      const AnswerKey key = index.key(here);
      if (search && steady_clock::now() > deadline) {
        out_of_time = true;
        break;
      }
      if (!search || search->holds(key)) page.keys.push_back(key);
    }
    position = backward ? position - 1 : position + 1;
  }
  page.examined = backward ? size - position : position;
  const bool at_limit = backward ? position == 0 : position == size;
  page.at_end = !out_of_time && at_limit && (backward || is_done);
  if (!page.at_end && page.keys.size() < request.limit) {
    if (backward) {
      page.resume = position < size ? std::optional(index.key(position)) : request.before;
    } else {
      page.resume = position > 0 ? std::optional(index.key(position - 1)) : request.after;
    }
  }
  if (backward) std::reverse(page.keys.begin(), page.keys.end());
  return page;
}

OrderedJson samples_reply(Desk& desk, Queries& queries, const Parameters& parameters) {
  const RunInfo run = queries.store().run(required(parameters, "run"));
  PageRequest request;
  request.after = key_of(parameters, "after");
  request.before = key_of(parameters, "before");
  request.text = value_of(parameters, "text");
  if (request.text.size() > kMaxText) {
    throw Error(ErrorCode::kUsage,
                "text: at most " + std::to_string(kMaxText) + " bytes can be searched for");
  }
  request.limit = static_cast<std::size_t>(
      std::clamp(number_of(parameters, "limit", kDefaultLimit), std::int64_t{1}, kMaxLimit));

  const auto index = desk.index(queries, run, kWait);
  throw_failure(index->failure());
  const bool is_done = index->is_done();  // asked first: what it has then is all it will have
  const std::size_t size = index->size();
  OrderedJson out{{"lines", OrderedJson::array()}, {"matching", nullptr}};
  out["counted"] = is_done ? 1.0 : share(size, index->capacity());
  const std::optional<AnswerFilter> filter = filter_of(desk, queries, run, parameters);
  if (!filter) {
    out["at_end"] = false;
    out["examined"] = 0.0;
    out["resume"] = request.after ? OrderedJson(to_text(*request.after)) : OrderedJson(nullptr);
    return out;
  }
  const RunIndex::Matcher matches = index->matcher(*filter);
  const Page page = find_page(*index, matches, size, is_done, request, queries, run);
  for (const AnswerLine& line : queries.lines(run, page.keys)) {
    out["lines"].push_back(to_json(line));
  }
  out["examined"] = share(page.examined, std::max(size, index->capacity()));
  out["at_end"] = page.at_end;
  out["resume"] = page.resume ? OrderedJson(to_text(*page.resume)) : OrderedJson(nullptr);
  out["first"] = page.keys.empty() ? OrderedJson(nullptr) : OrderedJson(to_text(page.keys.front()));
  out["last"] = page.keys.empty() ? OrderedJson(nullptr) : OrderedJson(to_text(page.keys.back()));
  if (is_done && request.text.empty()) {
    std::int64_t matching = 0;
    std::int64_t ahead = 0;  // of this page
    const std::size_t first =
        page.keys.empty() ? size : index->lower_bound(page.keys.front(), size);
    for (std::size_t position = 0; position < size; ++position) {
      if (!matches(position)) continue;
      ++matching;
      ahead += position < first ? 1 : 0;
    }
    out["matching"] = matching;
    out["ahead"] = ahead;
  }
  return out;
}

AnswerKey answer_key(const Parameters& parameters) {
  const std::int64_t epoch = number_of(parameters, "epoch", 0);
  if (epoch > 1'000'000'000) throw Error(ErrorCode::kUsage, "epoch: there is no such epoch");
  return {number_of(required(parameters, "row"), "row"), static_cast<int>(epoch)};
}

SampleStory story_of(Queries& queries, const RunInfo& run, AnswerKey key) {
  std::optional<SampleStory> story = queries.story(run, key);
  if (!story) {
    throw Error(ErrorCode::kUsage, "run " + run.id + " has no answer at row " +
                                       std::to_string(key.row) + ", epoch " +
                                       std::to_string(key.epoch));
  }
  return std::move(*story);
}

OrderedJson sample_reply(Queries& queries, const Parameters& parameters) {
  const RunInfo run = queries.store().run(required(parameters, "run"));
  AnswerKey key = answer_key(parameters);
  const std::vector<AnswerLine> epochs = queries.epochs(run, key.row);
  // A run in flight may have later epochs first.
  if (value_of(parameters, "epoch").empty() && !epochs.empty()) key = epochs.front().key;
  OrderedJson lines = OrderedJson::array();
  for (const AnswerLine& line : epochs) lines.push_back(to_json(line));
  return {
      {"run_id", run.id},
      {"suite", run.suite},
      {"restricted", run.restricted},
      {"epochs", std::move(lines)},
      {"story", story_json(run, story_of(queries, run, key), MediaFolder(queries.store().path()))}};
}

Reply media_reply(Queries& queries, const Parameters& parameters) {
  const RunInfo run = queries.store().run(required(parameters, "run"));
  const SampleStory story = story_of(queries, run, answer_key(parameters));
  const auto message =
      static_cast<std::size_t>(number_of(required(parameters, "message"), "message"));
  const auto part = static_cast<std::size_t>(number_of(required(parameters, "part"), "part"));
  const Json messages = story.transcript.messages.empty()
                            ? Json::array()
                            : parse_json(story.transcript.messages, "stored messages");
  std::optional<Media> media;
  if (messages.is_array() && message < messages.size() && messages[message].is_object()) {
    const Json content = messages[message].value("content", Json());
    if (content.is_array() && part < content.size())
      media = media_of(content[part], MediaFolder(queries.store().path()));
  }
  if (!media) throw Error(ErrorCode::kUsage, "this answer has no media there that can be shown");
  return {200, std::move(media->type), std::move(media->bytes)};
}

OrderedJson compare_reply(Desk& desk, Queries& queries, const Parameters& parameters) {
  const auto pairing =
      desk.pairing(queries, required(parameters, "a"), required(parameters, "b"), kWait);
  OrderedJson out{{"done", pairing->is_done()}, {"comparison", nullptr}};
  if (!pairing->is_done()) return out;
  throw_failure(pairing->failure());
  out["comparison"] = reports::to_json(*pairing->comparison());
  OrderedJson counts = OrderedJson::object();
  using Show = Pairing::Show;
  constexpr std::pair<const char*, Show> kShows[] = {{"all", Show::kAll},
                                                     {"flips", Show::kFlips},
                                                     {"to-right", Show::kToRight},
                                                     {"to-wrong", Show::kToWrong},
                                                     {"both-right", Show::kBothRight},
                                                     {"both-wrong", Show::kBothWrong},
                                                     {"answers", Show::kAnswers},
                                                     {"failed", Show::kFailed}};
  for (const auto& [name, show] : kShows) {
    counts[name] = std::count_if(pairing->pairs().begin(), pairing->pairs().end(),
                                 [&](const Pair& pair) { return Pairing::shows(show, pair); });
  }
  out["counts"] = std::move(counts);
  return out;
}

Pairing::Show show_of(const Parameters& parameters) {
  const std::string name = value_of(parameters, "show");
  using Show = Pairing::Show;
  if (name.empty() || name == "flips") return Show::kFlips;
  if (name == "all") return Show::kAll;
  if (name == "to-right") return Show::kToRight;
  if (name == "to-wrong") return Show::kToWrong;
  if (name == "both-right") return Show::kBothRight;
  if (name == "both-wrong") return Show::kBothWrong;
  if (name == "answers") return Show::kAnswers;
  if (name == "failed") return Show::kFailed;
  throw Error(ErrorCode::kUsage, "show=" + name +
                                     ": one of all, flips, to-right, to-wrong, both-right, "
                                     "both-wrong, answers, failed is meant");
}

// The lines of several rows' first epochs, in their order; null where a run has none there.
OrderedJson first_lines(Queries& queries, const RunInfo& run, const std::vector<AnswerKey>& keys) {
  OrderedJson out = OrderedJson::array();
  std::vector<AnswerLine> lines = queries.lines(run, keys);
  std::size_t next = 0;
  for (const AnswerKey key : keys) {
    const bool found = next < lines.size() && lines[next].key == key;
    out.push_back(found ? to_json(lines[next]) : OrderedJson(nullptr));
    next += found ? 1 : 0;
  }
  return out;
}

OrderedJson pairs_reply(Desk& desk, Queries& queries, const Parameters& parameters) {
  const RunInfo a = queries.store().run(required(parameters, "a"));
  const RunInfo b = queries.store().run(required(parameters, "b"));
  const Pairing::Show show = show_of(parameters);
  const auto pairing = desk.pairing(queries, a.id, b.id, kWait);
  OrderedJson out{{"done", pairing->is_done()}, {"pairs", OrderedJson::array()}};
  if (!pairing->is_done()) return out;
  throw_failure(pairing->failure());
  const std::vector<Pair>& pairs = pairing->pairs();
  const auto limit = static_cast<std::size_t>(
      std::clamp(number_of(parameters, "limit", kDefaultLimit), std::int64_t{1}, kMaxLimit));
  const std::int64_t after =
      value_of(parameters, "after").empty() ? -1 : number_of(parameters, "after", 0);
  std::vector<Pair> page;
  std::int64_t matching = 0;
  std::int64_t ahead = 0;
  std::optional<std::int64_t> previous;  // row behind which the page ahead of this one begins
  std::vector<std::int64_t> earlier;     // the last `limit` + 1 rows ahead of this page
  std::optional<Pair> before_after;      // the last one before `after` itself
  for (const Pair& pair : pairs) {
    if (!Pairing::shows(show, pair)) continue;
    ++matching;
    if (pair.row_a <= after) {
      ++ahead;
      if (pair.row_a < after) before_after = pair;
      if (earlier.size() > limit) earlier.erase(earlier.begin());
      earlier.push_back(pair.row_a);
    } else if (page.size() < limit) {
      page.push_back(pair);
    }
  }
  if (earlier.size() > limit) previous = earlier.front();
  std::vector<AnswerKey> keys_a;
  std::vector<AnswerKey> keys_b;
  for (const Pair& pair : page) {
    keys_a.push_back({pair.row_a, 0});
    keys_b.push_back({pair.row_b, 0});
  }
  const OrderedJson lines_a = first_lines(queries, a, keys_a);
  const OrderedJson lines_b = first_lines(queries, b, keys_b);
  for (std::size_t i = 0; i < page.size(); ++i) {
    out["pairs"].push_back({{"row_a", page[i].row_a},
                            {"row_b", page[i].row_b},
                            {"mean_a", number(static_cast<double>(page[i].mean_a))},
                            {"mean_b", number(static_cast<double>(page[i].mean_b))},
                            {"failed", page[i].failed},
                            {"a", lines_a[i]},
                            {"b", lines_b[i]}});
  }
  out["matching"] = matching;
  out["ahead"] = ahead;
  out["last"] = page.empty() ? OrderedJson(nullptr) : OrderedJson(page.back().row_a);
  out["earlier"] = before_after
                       ? OrderedJson{{"row_a", before_after->row_a}, {"row_b", before_after->row_b}}
                       : OrderedJson(nullptr);
  out["previous"] = previous ? OrderedJson(*previous) : OrderedJson(nullptr);
  return out;
}

Reply failure(int status, const std::string& message) {
  const std::size_t line = message.find('\n');
  OrderedJson body{{"error", message.substr(0, line)}};
  std::string hint = line == std::string::npos ? "" : message.substr(line + 1);
  const std::size_t begin = hint.find_first_not_of(' ');
  body["hint"] = begin == std::string::npos ? "" : hint.substr(begin);
  return {status, "application/json", dump_json(body)};
}

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUsage:
      return 404;  // a run, a row or a word that is not there
    case ErrorCode::kUnavailable:
      return 503;
    default:
      return 500;
  }
}

}  // namespace

// Goes back to the idle ones at its end, unless a failure made it suspect.
class Api::Lent {
 public:
  explicit Lent(Api& api) : api_(api) {
    const std::lock_guard lock(api_.mutex_);
    if (!api_.idle_.empty()) {
      queries_ = std::move(api_.idle_.back());
      api_.idle_.pop_back();
    }
  }
  Queries& queries() {
    if (!queries_) queries_ = std::make_unique<Queries>(api_.path_);
    return *queries_;
  }
  void give_back() {
    const std::lock_guard lock(api_.mutex_);
    api_.idle_.push_back(std::move(queries_));
  }

 private:
  Api& api_;
  std::unique_ptr<Queries> queries_;
};

Api::Api(const std::filesystem::path& store, const std::filesystem::path& experiments)
    : path_(store), desk_(store), experiments_path_(experiments), experiments_(experiments) {
  idle_.push_back(std::make_unique<Queries>(store));
}

Reply Api::get(const std::string& path, const Parameters& parameters) {
  try {
    Lent lent(*this);
    Reply reply;
    try {
      reply = answer(path, parameters, lent.queries());
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kUsage) throw;
      reply = failure(status_of(error.code()), error.what());
    }
    lent.give_back();
    return reply;
  } catch (const Error& error) {
    return failure(status_of(error.code()), error.what());
  } catch (const std::exception& error) {
    return failure(500, std::string("internal: ") + error.what());
  }
}

Reply Api::answer(const std::string& path, const Parameters& parameters, Queries& queries) {
  const auto json = [](const OrderedJson& value) {
    return Reply{200, "application/json", dump_json(value)};
  };
  if (path == "/api/store") {
    return json({{"path", path_.string()}, {"version", PEIRA_VERSION}});
  }
  if (path == "/api/runs") {
    OrderedJson rows = OrderedJson::array();
    for (const RunRow& row : queries.runs()) rows.push_back(to_json(row));
    return json({{"runs", std::move(rows)}});
  }
  if (path == "/api/run") return json(run_reply(desk_, queries, parameters));
  if (path == "/api/samples") return json(samples_reply(desk_, queries, parameters));
  if (path == "/api/sample") return json(sample_reply(queries, parameters));
  if (path == "/api/media") return media_reply(queries, parameters);
  if (path == "/api/compare") return json(compare_reply(desk_, queries, parameters));
  if (path == "/api/pairs") return json(pairs_reply(desk_, queries, parameters));
  if (path == "/api/experiments") {
    return json({{"experiments", experiments_.list()}, {"path", experiments_path_.string()}});
  }
  if (path == "/api/experiment") {
    return json(experiments_.one(required(parameters, "id"), kWait));
  }
  throw Error(ErrorCode::kUsage, "there is no " + path + " here");
}

}  // namespace peira::runner::viewer
