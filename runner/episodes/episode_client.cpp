#include "runner/episodes/episode_client.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "runner/judge.h"
#include "runner/request_key.h"

namespace peira::runner {

using Clock = std::chrono::steady_clock;

namespace {

constexpr const char* kAsk = "ask";
constexpr const char* kRun = "run";
constexpr std::size_t kMostOutputKept = std::size_t{4} << 20U;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Whether a failure says that the messages are more than the model's context holds. Endpoints say
// so in words of their own.
bool says_too_long(const ModelResponse& response) {
  if (response.retryable || response.finish_reason != "error") return false;
  for (const char* words : {"context_length_exceeded", "maximum context length", "context length",
                            "context window", "context size", "too many tokens",
                            "prompt is too long", "exceeds the model", "more than the model's"}) {
    if (response.failure.find(words) != std::string::npos) return true;
  }
  return false;
}

Json result_of(const ModelResponse& response, bool too_long) {
  const auto count = [](std::int64_t told, const std::vector<std::int32_t>& tokens) {
    return told > 0 ? told : static_cast<std::int64_t>(tokens.size());
  };
  return {{"text", response.text},
          {"reasoning", response.reasoning},
          {"finish_reason", response.finish_reason},
          {"failure", response.failure},
          {"too_long", too_long},
          {"prompt_tokens", count(response.num_prompt_tokens, response.prompt_tokens)},
          {"completion_tokens", count(response.num_completion_tokens, response.tokens)}};
}

std::string valid_text(const std::string& bytes) {
  // JSON holds no bytes that are not UTF-8, and neither do messages.
  return to_valid_utf8(std::string_view(bytes).substr(0, kMostOutputKept));
}

Json result_of(const evals::CodeResult& result) {
  return {{"cause", static_cast<int>(result.cause)},
          {"cause_name", evals::name(result.cause)},
          {"exit_code", result.exit_code},
          {"signal", result.signal},
          {"detail", result.detail},
          {"out", valid_text(result.out)},
          {"err", valid_text(result.err)}};
}

evals::CodeResult code_result_from(const Json& json) {
  evals::CodeResult result;
  const int cause = json.at("cause").get<int>();
  if (cause < 0 || cause > static_cast<int>(evals::ExitCause::kNotStarted)) {
    throw Error(ErrorCode::kData, "a stored turn has an unknown cause " + std::to_string(cause));
  }
  result.cause = static_cast<evals::ExitCause>(cause);
  json.at("exit_code").get_to(result.exit_code);
  json.at("signal").get_to(result.signal);
  json.at("detail").get_to(result.detail);
  json.at("out").get_to(result.out);
  json.at("err").get_to(result.err);
  return result;
}

std::string digest_of(const evals::CodeRequest& request) {
  Sha256 digest;
  const auto add = [&](std::string_view text) {
    digest.update(std::to_string(text.size()) + ":");
    digest.update(text);
  };
  for (const std::string& word : request.argv) add(word);
  add("files");
  for (const evals::CodeFile& file : request.files) {
    add(file.path);
    add(file.executable ? "x" : "-");
    add(file.bytes);
  }
  add(request.input);
  return digest.hex();
}

}  // namespace

// One conversation on its way.
struct EpisodeClient::Talk {
  ModelRequest request;
  std::unique_ptr<evals::Episode> episode;
  std::vector<Turn> stored;  // of earlier sittings, to be told again
  int turn = 0;              // the next one's number
  Turn open;                 // what is being asked or run
  Clock::time_point began, turn_began;
  std::int64_t prompt_tokens = 0, completion_tokens = 0;
  std::string reasoning;  // of the last reply
  std::int64_t model_ticket = -1;
};

EpisodeClient::EpisodeClient(ModelClient& model, evals::CodeRunner& programs, TurnStore& turns,
                             const evals::Profile& profile, EpisodeOptions options)
    : model_(model),
      programs_(programs),
      turns_(turns),
      profile_(profile),
      options_(std::move(options)),
      pool_(programs) {}

EpisodeClient::~EpisodeClient() = default;

Json EpisodeClient::identity() const {
  Json identity = model_.identity();
  Json tools = Json::object();
  for (const Toolchain& toolchain : options_.toolchains) {
    if (toolchain.available()) tools[toolchain.name] = toolchain.version;
  }
  identity["episode"] = {{"isolation", programs_.isolation()}, {"toolchains", std::move(tools)}};
  return identity;
}

std::vector<std::string> EpisodeClient::notes() const {
  std::vector<std::string> notes = model_.notes();
  notes.insert(notes.end(), options_.notes.begin(), options_.notes.end());
  return notes;
}

int EpisodeClient::preferred_in_flight() const {
  return model_.preferred_in_flight() + programs_.num_workers();
}

std::int64_t EpisodeClient::submit(ModelRequest request) {
  if (request.sample == nullptr) {
    throw Error(ErrorCode::kInternal, "a conversation needs its sample");
  }
  if (model_identity_.empty()) model_identity_ = dump_json(model_.identity());
  auto talk = std::make_unique<Talk>();
  talk->episode = profile_.episode(*request.sample);
  talk->stored = turns_.turns(run_key_, request.row, request.epoch);
  talk->request = std::move(request);
  talk->began = Clock::now();
  const std::int64_t ticket = ++last_ticket_;
  talks_.emplace(ticket, std::move(talk));
  advance(ticket);
  return ticket;
}

// Goes on until something has to be waited for.
void EpisodeClient::advance(std::int64_t ticket) {
  for (;;) {
    const auto found = talks_.find(ticket);
    if (found == talks_.end()) return;
    Talk& talk = *found->second;
    evals::EpisodeStep step = talk.episode->next();
    if (step.kind == evals::EpisodeStep::Kind::kEnd) {
      ModelResponse response;
      response.text = std::move(step.record);
      response.reasoning = talk.reasoning;
      response.finish_reason = "stop";
      response.num_prompt_tokens = talk.prompt_tokens;
      response.num_completion_tokens = talk.completion_tokens;
      response.latency_s = seconds_since(talk.began);
      finish(ticket, std::move(response));
      return;
    }
    const bool asks = step.kind == evals::EpisodeStep::Kind::kAsk;
    const char* const kind = asks ? kAsk : kRun;
    const Json messages = asks ? messages_json(step.messages) : Json();
    const std::string digest = asks ? sha256_hex(dump_json(messages)) : digest_of(step.program);
    if (talk.turn < static_cast<int>(talk.stored.size())) {
      const Turn& stored = talk.stored[static_cast<std::size_t>(talk.turn)];
      if (stored.number == talk.turn && stored.kind == kind && stored.digest == digest) {
        ++talk.turn;
        feed(talk, kind, stored.result);
        continue;
      }
      talk.stored.clear();  // the conversation takes another way than it did then
    }

    talk.open = Turn{};
    talk.open.number = talk.turn;
    talk.open.kind = kind;
    talk.open.digest = digest;
    talk.turn_began = Clock::now();
    if (!asks) {
      talk.open.asked = dump_json(Json{{"toolchain", step.toolchain}, {"argv", step.program.argv}});
      equip(step.program, step.toolchain, options_.toolchains);
      pool_.submit(ticket, std::move(step.program));
      return;
    }
    talk.open.asked = dump_json(messages);
    ModelRequest request = talk.request;
    request.sample = nullptr;
    request.messages = std::move(step.messages);
    request.seed =
        derive_seed({"turn", std::to_string(talk.request.seed), std::to_string(talk.turn)});
    talk.open.cache_key = request_key(request, messages, model_identity_);
    if (options_.use_cache) {
      if (const std::optional<Json> cached = turns_.find_cached(talk.open.cache_key)) {
        Turn turn = talk.open;
        turn.result = *cached;
        turn.cached = true;
        turn.cache_key.clear();
        keep(talk, std::move(turn));
        feed(talk, kAsk, *cached);
        continue;
      }
    }
    try {
      talk.model_ticket = model_.submit(std::move(request));
    } catch (const Error& failure) {
      if (failure.code() == ErrorCode::kInternal || failure.code() == ErrorCode::kUnavailable) {
        throw;
      }
      fail(ticket, failure.what());
      return;
    }
    asked_.emplace(talk.model_ticket, ticket);
    return;
  }
}

void EpisodeClient::keep(Talk& talk, Turn turn) {
  turns_.put(run_key_, talk.request.row, talk.request.epoch, turn);
  ++talk.turn;
}

void EpisodeClient::feed(Talk& talk, const std::string& kind, const Json& result) {
  if (kind == kRun) {
    talk.episode->take(code_result_from(result));
    return;
  }
  evals::EpisodeReply reply;
  result.at("text").get_to(reply.text);
  result.at("finish_reason").get_to(reply.finish_reason);
  result.at("too_long").get_to(reply.too_long);
  result.at("prompt_tokens").get_to(reply.prompt_tokens);
  result.at("completion_tokens").get_to(reply.completion_tokens);
  result.at("reasoning").get_to(talk.reasoning);
  talk.prompt_tokens += reply.prompt_tokens;
  talk.completion_tokens += reply.completion_tokens;
  talk.episode->take(reply);
}

void EpisodeClient::finish(std::int64_t ticket, ModelResponse response) {
  talks_.erase(ticket);
  finished_.push_back({ticket, std::move(response)});
}

void EpisodeClient::fail(std::int64_t ticket, const std::string& failure) {
  ModelResponse response;
  response.finish_reason = "error";
  response.failure = failure.substr(0, failure.find('\n'));
  finish(ticket, std::move(response));
}

void EpisodeClient::take_reply(std::int64_t ticket, ModelResponse response) {
  Talk& talk = *talks_.at(ticket);
  talk.model_ticket = -1;
  const bool too_long = says_too_long(response);
  if (is_failure(response.finish_reason) && !too_long) {
    // Of the model, not of what it wrote: asked again, the conversation goes on from here.
    finish(ticket, std::move(response));
    return;
  }
  Turn turn = talk.open;
  turn.result = result_of(response, too_long);
  turn.seconds = seconds_since(talk.turn_began);
  if (too_long || response.text.empty()) turn.cache_key.clear();
  const Json result = turn.result;
  keep(talk, std::move(turn));
  feed(talk, kAsk, result);
  advance(ticket);
}

void EpisodeClient::take_program(ProgramPool::Done done) {
  const auto found = talks_.find(done.ticket);
  if (found == talks_.end()) return;  // given up on meanwhile
  Talk& talk = *found->second;
  if (!done.result || done.result->cause == evals::ExitCause::kNotStarted) {
    fail(done.ticket,
         "tests could not be run: " + (done.result ? done.result->detail : done.failure));
    return;
  }
  Turn turn = talk.open;
  turn.result = result_of(*done.result);
  turn.seconds = seconds_since(talk.turn_began);
  const Json result = turn.result;
  keep(talk, std::move(turn));
  feed(talk, kRun, result);
  advance(done.ticket);
}

std::vector<ModelClient::Finished> EpisodeClient::poll() {
  if (finished_.empty()) {
    const bool asked = !asked_.empty();
    if (asked) {
      for (Finished& reply : model_.poll()) {
        const auto found = asked_.find(reply.ticket);
        if (found == asked_.end()) continue;
        const std::int64_t ticket = found->second;
        asked_.erase(found);
        if (talks_.contains(ticket)) take_reply(ticket, std::move(reply.response));
      }
    }
    for (ProgramPool::Done& done : pool_.poll(std::chrono::milliseconds(asked ? 0 : 50))) {
      take_program(std::move(done));
    }
  }
  return std::exchange(finished_, {});
}

void EpisodeClient::cancel(std::int64_t ticket) {
  const auto found = talks_.find(ticket);
  if (found == talks_.end()) return;
  if (found->second->model_ticket >= 0) {
    model_.cancel(found->second->model_ticket);
    return;
  }
  ModelResponse response;  // its program ends by its own limit
  response.finish_reason = "timeout";
  finish(ticket, std::move(response));
}

}  // namespace peira::runner
