#include "runner/nightly/plan.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "evals/suite.h"
#include "runner/json_object.h"
#include "runner/run_cost.h"

namespace peira::runner {
namespace {

bool is_plain_name(const std::string& name) {
  return !name.empty() && name.size() <= 100 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

constexpr double kAnyNumber = 1e15;
constexpr std::int64_t kAnyWhole = 1'000'000'000'000'000;

// Reads one plan file; knows its folder, from which relative paths start.
class PlanReader {
 public:
  PlanReader(const std::string& text, const std::filesystem::path& file)
      : file_(file),
        folder_(std::filesystem::absolute(file).parent_path()),
        value_(parse_json(text, file.string())) {}

  NightlyPlan read() {
    const JsonObject plan(
        value_, file_.string(), "",
        {"name",   "models", "suites",       "prompts",   "metrics", "schedule", "sampling",
         "seed",   "budget", "prices",       "history",   "gates",   "branch",   "report",
         "notify", "store",  "max_failures", "timeout_s", "retries", "in_flight"});
    NightlyPlan out;
    out.file = file_;
    out.name = plan.text("name", file_.stem().string());
    if (!is_plain_name(out.name)) {
      plan.fail("name", "\"" + out.name + "\" must be of letters, digits, \".\", \"_\" and \"-\"");
    }
    read_models(plan, out);
    const std::vector<std::string> prompts = plan.texts("prompts");
    const std::vector<std::string> metrics = metrics_of(plan, "metrics", {"score"});
    const NightlySchedule schedule = schedule_of(plan, {});
    read_suites(plan, out, prompts.empty() ? std::vector<std::string>{"official"} : prompts,
                metrics, schedule);
    read_sampling(plan, out);
    read_budget(plan, out);
    read_prices(plan, out);
    read_gates(plan, out);
    out.branch = plan.text("branch", "");
    read_history(plan, out);
    read_notify(plan, out);
    read_run(plan, out);
    out.report = plan.text("report", "");
    if (!out.report.empty()) out.report = absolute(out.report);
    out.store = plan.text("store", "");
    if (!out.store.empty()) out.store = absolute(out.store);
    return out;
  }

 private:
  JsonObject object(const Json& value, const std::string& path,
                    const std::vector<std::string>& allowed) const {
    return {value, file_.string(), path, allowed};
  }
  std::string absolute(const std::string& path) const {
    return (folder_ / path).lexically_normal().string();
  }
  // A file beside the plan if there is one of that name, else the word as it is.
  std::string beside(const std::string& word) const {
    std::error_code error;
    return std::filesystem::exists(folder_ / word, error) ? absolute(word) : word;
  }

  void read_models(const JsonObject& plan, NightlyPlan& out) {
    const Json* models = plan.find("models");
    if (models == nullptr) plan.fail("models", "is missing; it must be a list of models");
    if (!models->is_array() || models->empty()) {
      plan.fail("models", "must be a list of models, is " + kind_of(*models));
    }
    for (std::size_t i = 0; i < models->size(); ++i) {
      const std::string path = "models[" + std::to_string(i) + "]";
      NightlyModel model = read_model((*models)[i], path);
      for (const NightlyModel& other : out.models) {
        if (other.label == model.label) {
          plan.fail(path, "there are two models called \"" + model.label +
                              "\"\n  try: {\"model\": ..., \"name\": \"another name\"}");
        }
      }
      out.models.push_back(std::move(model));
    }
  }

  NightlyModel read_model(const Json& value, const std::string& path) {
    NightlyModel model;
    if (value.is_string()) {
      model.spec = value.get<std::string>();
    } else {
      const JsonObject given =
          object(value, path,
                 {"model", "name", "device", "threads", "batch", "weights", "kv_dtype",
                  "template_options", "template_date", "endpoint", "price"});
      model.spec = given.required_text("model");
      model.label = given.text("name", "");
      model.engine.device = given.text("device", model.engine.device);
      model.engine.num_threads = static_cast<int>(given.whole("threads", 0, 4096).value_or(0));
      model.engine.max_batch =
          static_cast<int>(given.whole("batch", 1, 65536).value_or(model.engine.max_batch));
      const std::string weights = given.word("weights", "stored", {"stored", "int8", "int4"});
      if (weights == "int8") model.engine.weights = model::WeightPrecision::kInt8;
      if (weights == "int4") model.engine.weights = model::WeightPrecision::kInt4;
      const std::string kv = given.word("kv_dtype", "f32", {"f32", "bf16", "int8"});
      if (kv == "bf16") model.engine.kv_dtype = model::DType::kBF16;
      if (kv == "int8") model.engine.kv_dtype = model::DType::kI8;
      if (const Json* options = given.find("template_options")) {
        if (!options->is_object()) given.fail("template_options", "must be an object");
        model.template_options = parse_ordered_json(dump_json(*options), path);
      }
      model.template_date = given.text("template_date", "");
      read_endpoint(given, model, path);
      if (const Json* price = given.find("price")) {
        const JsonObject prices = object(*price, path + ".price", {"input", "output"});
        const auto input = prices.number("input", 0, kAnyNumber);
        const auto output = prices.number("output", 0, kAnyNumber);
        if (!input || !output) {
          prices.fail("", "needs both input and output, in dollars a million tokens");
        }
        model.price = Price{*input, *output};
        model.has_own_price = true;
      }
    }
    if (model.spec.empty()) object(Json::object(), path, {}).fail("", "must not be empty");
    // Of an endpoint the model's own name, wherever it is served.
    if (model.label.empty()) {
      model.label = model.is_repeatable() ? model.spec : model.spec.substr(0, model.spec.find('@'));
    }
    constexpr std::string_view kReplay = "replay:";
    if (model.spec.starts_with(kReplay)) {
      model.spec = std::string(kReplay) + beside(model.spec.substr(kReplay.size()));
    } else if (model.spec != "bundled" && model.spec != "instant" && model.is_repeatable()) {
      model.spec = beside(model.spec);
    }
    return model;
  }

  static constexpr const char* kEndpoint = "endpoint";
  void read_endpoint(const JsonObject& model, NightlyModel& out, const std::string& path) const {
    const Json* value = model.find(kEndpoint);
    if (value == nullptr) return;
    if (out.is_repeatable()) model.fail(kEndpoint, "is for models that begin with openai:");
    const JsonObject given = object(
        *value, path + "." + kEndpoint,
        {"api", "stream", "max_in_flight", "idle_timeout_s", "key_variable", "extra", "omit"});
    const std::string api = given.word("api", "chat", {"chat", "completions"});
    out.endpoint.api = api == "chat" ? OpenAiApi::kChat : OpenAiApi::kCompletions;
    out.endpoint.stream = given.boolean("stream").value_or(out.endpoint.stream);
    if (const auto most = given.whole("max_in_flight", 1, 100'000)) {
      out.endpoint.max_in_flight = static_cast<int>(*most);
    }
    out.endpoint.idle_timeout_s =
        given.number("idle_timeout_s", 1e-3, kAnyNumber).value_or(out.endpoint.idle_timeout_s);
    out.endpoint.key_variable = given.text("key_variable", "");
    if (const Json* extra = given.find("extra")) {
      if (!extra->is_object()) given.fail("extra", "must be an object");
      out.endpoint.extra = parse_ordered_json(dump_json(*extra), path);
    }
    out.endpoint.omit = given.texts("omit");
  }

  std::vector<std::string> metrics_of(const JsonObject& from, const std::string& key,
                                      const std::vector<std::string>& otherwise) {
    const std::vector<std::string> metrics = from.texts(key);
    for (const std::string& metric : metrics) from.check_word(key, metric, nightly_metrics());
    return metrics.empty() ? otherwise : metrics;
  }

  NightlySchedule schedule_of(const JsonObject& from, const NightlySchedule& otherwise) {
    const std::string text = from.text("schedule", "");
    if (text.empty()) return otherwise;
    try {
      return parse_schedule(text);
    } catch (const Error& error) {
      from.fail("schedule", error.what());
    }
  }

  void read_suites(const JsonObject& plan, NightlyPlan& out,
                   const std::vector<std::string>& prompts, const std::vector<std::string>& metrics,
                   const NightlySchedule& schedule) {
    const Json* suites = plan.find("suites");
    if (suites == nullptr) plan.fail("suites", "is missing; it must be a list of suites");
    if (!suites->is_array() || suites->empty()) {
      plan.fail("suites", "must be a list of suites, is " + kind_of(*suites));
    }
    std::vector<std::string> labels;
    for (const NightlyModel& model : out.models) labels.push_back(model.label);
    for (std::size_t i = 0; i < suites->size(); ++i) {
      const Json& value = (*suites)[i];
      NightlySuite suite;
      suite.prompts = prompts;
      suite.metrics = metrics;
      suite.models = labels;
      suite.schedule = schedule;
      if (value.is_string()) {
        suite.suite = value.get<std::string>();
      } else {
        const JsonObject given =
            object(value, "suites[" + std::to_string(i) + "]",
                   {"suite", "data", "profile", "prompts", "models", "metrics", "limit", "epochs",
                    "method", "max_tokens", "schedule", "gates"});
        suite.suite = given.required_text("suite");
        suite.data = given.text("data", "");
        suite.profile = given.text("profile", "");
        if (std::vector<std::string> own = given.texts("prompts"); !own.empty()) {
          suite.prompts = std::move(own);
        }
        if (std::vector<std::string> own = given.texts("models"); !own.empty()) {
          for (const std::string& label : own) given.check_word("models", label, labels);
          suite.models = std::move(own);
        }
        suite.metrics = metrics_of(given, "metrics", metrics);
        suite.limit = given.whole("limit", 1, kAnyWhole);
        suite.epochs = static_cast<int>(given.whole("epochs", 1, 100'000).value_or(1));
        suite.method = given.word("method", "generate", {"generate", "loglikelihood"});
        if (const auto tokens = given.whole("max_tokens", 1, 10'000'000)) {
          suite.max_tokens = static_cast<int>(*tokens);
        }
        suite.schedule = schedule_of(given, schedule);
      }
      suite.suite = beside(suite.suite);
      if (!suite.data.empty()) suite.data = beside(suite.data);
      for (std::string& prompt : suite.prompts) prompt = beside(prompt);
      check_suite(plan, suite, "suites[" + std::to_string(i) + "]");
      out.suites.push_back(std::move(suite));
    }
  }

  // Suite, profile and prompts must exist: their own messages say which there are.
  static void check_suite(const JsonObject& plan, const NightlySuite& suite,
                          const std::string& path) {
    try {
      static_cast<void>(evals::find_suite(suite.suite).profile(suite.profile));
      for (const std::string& prompt : suite.prompts) {
        static_cast<void>(evals::parse_variant(prompt));
      }
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kUsage) plan.fail(path, error.what());
      throw;
    }
  }

  void read_sampling(const JsonObject& plan, NightlyPlan& out) {
    if (const Json* value = plan.find("sampling")) {
      const JsonObject given =
          object(*value, "sampling",
                 {"temperature", "top_p", "min_p", "top_k", "repetition_penalty",
                  "presence_penalty", "frequency_penalty"});
      out.sampling.temperature = given.number("temperature", 0, 100);
      out.sampling.top_p = given.number("top_p", 0, 1);
      out.sampling.min_p = given.number("min_p", 0, 1);
      if (const auto top_k = given.whole("top_k", 0, 1'000'000'000)) {
        out.sampling.top_k = static_cast<int>(*top_k);
      }
      out.sampling.repetition_penalty = given.number("repetition_penalty", 0, 100);
      out.sampling.presence_penalty = given.number("presence_penalty", -100, 100);
      out.sampling.frequency_penalty = given.number("frequency_penalty", -100, 100);
    }
    out.seed = static_cast<std::uint64_t>(plan.whole("seed", 0, kAnyWhole).value_or(0));
  }

  void read_budget(const JsonObject& plan, NightlyPlan& out) {
    const Json* value = plan.find("budget");
    if (value == nullptr) return;
    const JsonObject given = object(*value, "budget", {"minutes", "tokens", "cost"});
    out.budget.minutes = given.number("minutes", 0, kAnyNumber);
    out.budget.tokens = given.whole("tokens", 1, kAnyWhole);
    out.budget.cost = given.number("cost", 0, kAnyNumber);
  }

  void read_prices(const JsonObject& plan, NightlyPlan& out) {
    const Json* value = plan.find("prices");
    if (value == nullptr) return;
    if (value->is_string()) {
      out.prices = PriceTable::read(absolute(value->get<std::string>()));
    } else {
      out.prices = PriceTable(*value, file_.string() + ": prices");
    }
  }

  // Of the plan, and of its suites.
  void read_gates(const JsonObject& plan, NightlyPlan& out) {
    if (const Json* value = plan.find("gates")) read_policies(*value, "gates", out, std::nullopt);
    const Json& suites = *plan.find("suites");
    for (std::size_t i = 0; i < suites.size(); ++i) {
      if (!suites[i].is_object() || !suites[i].contains("gates")) continue;
      read_policies(suites[i]["gates"], "suites[" + std::to_string(i) + "].gates", out, i);
    }
  }

  // One policy, or a list of them.
  void read_policies(const Json& value, const std::string& path, NightlyPlan& out,
                     std::optional<std::size_t> suite) {
    if (!value.is_array()) {
      read_policy(value, path, out, suite);
      return;
    }
    if (value.empty()) {
      throw Error(ErrorCode::kData,
                  file_.string() + ": " + path + ": must be a policy or a list of policies");
    }
    for (std::size_t i = 0; i < value.size(); ++i) {
      read_policy(value[i], path + "[" + std::to_string(i) + "]", out, suite);
    }
  }

  void read_policy(const Json& value, const std::string& path, NightlyPlan& out,
                   std::optional<std::size_t> suite) {
    NightlyGates gates;
    gates.suite = suite;
    for (const NightlyModel& model : out.models) gates.models.push_back(model.label);
    std::string policy_file;
    if (value.is_string()) {
      policy_file = value.get<std::string>();
    } else {
      const JsonObject given = object(
          value, path,
          {"policy", "name", "models", "prompts", "alpha", "vary", "prices", "families", "gates"});
      policy_file = given.text("policy", "");
      gates.name = given.text("name", "");
      if (std::vector<std::string> own = given.texts("models"); !own.empty()) {
        for (const std::string& label : own) given.check_word("models", label, gates.models);
        gates.models = std::move(own);
      }
      gates.prompts = given.texts("prompts");
      for (std::string& prompt : gates.prompts) prompt = beside(prompt);
      Json policy = value;
      for (const char* own : {"policy", "name", "models", "prompts"}) policy.erase(own);
      if (policy_file.empty()) {
        gates.plan = gate_plan_from(policy, file_.string(), path, folder_);
      } else if (!policy.empty()) {
        given.fail(policy.begin().key(), "stands in the policy file, not beside its name");
      }
    }
    if (!policy_file.empty()) {
      gates.plan = read_gate_plan(absolute(policy_file));
      if (gates.name.empty()) gates.name = std::filesystem::path(policy_file).stem().string();
    }
    if (gates.name.empty()) gates.name = path;
    check_gated_suites(gates, path, out);
    out.gates.push_back(std::move(gates));
  }

  // Every model and prompt of a policy must have one run of each suite that it gates.
  void check_gated_suites(NightlyGates& gates, const std::string& path, const NightlyPlan& out) {
    const auto fail = [&](const std::string& what) {
      throw Error(ErrorCode::kData, file_.string() + ": " + path + ": " + what);
    };
    std::vector<std::string> names;
    for (std::size_t s = 0; s < out.suites.size(); ++s) {
      if (gates.suite && *gates.suite != s) continue;
      names.push_back(evals::find_suite(out.suites[s].suite).name);
    }
    const bool all_prompts = gates.prompts.empty();
    for (const evals::Gate& gate : gates.plan.policy.gates) {
      const std::string& wanted = gate.target.suite;
      if (std::find(names.begin(), names.end(), wanted) == names.end()) {
        fail("gate " + gate.text() + ": suite " + wanted + " is none of: " + joined_words(names) +
             try_nearest(wanted, names));
      }
      for (std::size_t s = 0; s < out.suites.size(); ++s) {
        const bool is_meant = !gates.suite || *gates.suite == s;
        if (!all_prompts || !is_meant || evals::find_suite(out.suites[s].suite).name != wanted) {
          continue;
        }
        for (const std::string& prompt : out.suites[s].prompts) {
          if (std::count(gates.prompts.begin(), gates.prompts.end(), prompt) == 0) {
            gates.prompts.push_back(prompt);
          }
        }
      }
    }
    for (const evals::Gate& gate : gates.plan.policy.gates) {
      for (const std::string& model : gates.models) {
        for (const std::string& prompt : gates.prompts) {
          int runs = 0;
          for (std::size_t s = 0; s < out.suites.size(); ++s) {
            const NightlySuite& suite = out.suites[s];
            if (gates.suite && *gates.suite != s) continue;
            runs += evals::find_suite(suite.suite).name == gate.target.suite &&
                    std::count(suite.models.begin(), suite.models.end(), model) > 0 &&
                    std::count(suite.prompts.begin(), suite.prompts.end(), prompt) > 0;
          }
          if (runs == 1) continue;
          fail("there are " + std::to_string(runs) + " runs a night of suite " + gate.target.suite +
               " with model " + model + " and prompt " + prompt + "; a policy judges one of each" +
               (runs == 0 ? "\n  try: \"models\" or \"prompts\" beside the policy"
                          : "\n  try: \"gates\" within the suite"));
        }
      }
    }
  }

  void read_history(const JsonObject& plan, NightlyPlan& out) {
    const Json* value = plan.find("history");
    if (value == nullptr) return;
    const JsonObject given = object(*value, "history",
                                    {"window", "min_nights", "alpha", "procedure", "renew_after",
                                     "run_length", "measure_every"});
    NightlyHistory& history = out.history;
    history.window = static_cast<int>(given.whole("window", 1, 10'000).value_or(history.window));
    history.min_nights =
        static_cast<int>(given.whole("min_nights", 3, 10'000).value_or(history.min_nights));
    history.alpha = given.number("alpha", 1e-9, 0.5).value_or(history.alpha);
    const std::string procedure = given.text("procedure", "lord++");
    given.check_word("procedure", procedure,
                     {"lord++", "saffron", "addis", "lond", "alpha-spending"});
    history.procedure = stats::online_procedure_from(procedure);
    if (const auto nights = given.whole("renew_after", 1, 100'000)) {
      history.renew_after = static_cast<int>(*nights);
    }
    if (const auto nights = given.whole("measure_every", 1, 100'000)) {
      history.measure_every = static_cast<int>(*nights);
    }
    history.run_length = given.number("run_length", 10, 1e9).value_or(history.run_length);
    if (history.min_nights > history.window) {
      given.fail("min_nights", "is " + std::to_string(history.min_nights) +
                                   ", more than the window of " + std::to_string(history.window));
    }
  }

  void read_notify(const JsonObject& plan, NightlyPlan& out) {
    const Json* value = plan.find("notify");
    if (value == nullptr) return;
    const JsonObject given = object(*value, "notify", {"command", "webhook", "on"});
    if (const Json* command = given.find("command")) {
      // Arguments one by one: nothing in them is read by a shell.
      if (!command->is_array() || command->empty()) {
        given.fail(
            "command",
            "must be a list of texts\n  try: [\"./notify.sh\"], or [\"sh\", \"-c\", \"...\"]");
      }
      for (const Json& word : *command) {
        if (!word.is_string()) given.fail("command", "must be a list of texts");
        out.notify.command.push_back(word.get<std::string>());
      }
      out.notify.command.front() = beside(out.notify.command.front());
    }
    out.notify.webhook = given.text("webhook", "");
    const std::string& webhook = out.notify.webhook;
    if (!webhook.empty() && !webhook.starts_with("https://") && !webhook.starts_with("http://") &&
        !webhook.starts_with("env:")) {
      given.fail("webhook",
                 "must begin with https:// or http://, or be env:NAME, a variable that "
                 "holds the address");
    }
    out.notify.on = given.word("on", out.notify.on, {"alarm", "change", "always"});
    if (out.notify.command.empty() && webhook.empty()) {
      given.fail("", "needs a command or a webhook");
    }
  }

  void read_run(const JsonObject& plan, NightlyPlan& out) {
    const std::string failures = plan.text("max_failures", "5%");
    try {
      out.max_failures = FailureLimit::parse(failures);
    } catch (const Error&) {
      plan.fail("max_failures", "\"" + failures + "\" is neither N nor P%");
    }
    out.timeout_s = plan.number("timeout_s", 1e-3, kAnyNumber);
    out.retries = static_cast<int>(plan.whole("retries", 0, 100).value_or(3));
    out.in_flight = static_cast<int>(plan.whole("in_flight", 0, 100'000).value_or(0));
  }

  std::filesystem::path file_, folder_;
  Json value_;
};

}  // namespace

std::string to_string(const NightlySchedule& schedule) {
  std::string text;
  if (schedule.every_days) {
    text = *schedule.every_days == 1 ? "every night"
                                     : "every " + std::to_string(*schedule.every_days) + " days";
  }
  if (schedule.when_changed) text += text.empty() ? "when changed" : " or when changed";
  return text;
}

NightlySchedule parse_schedule(const std::string& text) {
  NightlySchedule schedule;
  schedule.every_days.reset();
  std::string rest = text;
  const std::string kOr = " or when changed";
  if (rest == "when changed") {
    schedule.when_changed = true;
    return schedule;
  }
  if (rest.ends_with(kOr)) {
    schedule.when_changed = true;
    rest.resize(rest.size() - kOr.size());
  }
  if (rest == "every night" || rest == "every day") {
    schedule.every_days = 1;
    return schedule;
  }
  int days = 0;
  if (rest.starts_with("every ") && rest.ends_with(" days")) {
    const char* const begin = rest.data() + 6;
    const char* const end = rest.data() + rest.size() - 5;
    const auto [stop, error] = begin < end
                                   ? std::from_chars(begin, end, days)
                                   : std::from_chars_result{begin, std::errc::invalid_argument};
    if (error == std::errc() && stop == end && days >= 1 && days <= 10'000) {
      schedule.every_days = days;
      return schedule;
    }
  }
  throw Error(ErrorCode::kUsage,
              "\"" + text +
                  "\" is no schedule\n  try: every night, every 7 days, when changed, or every 7 "
                  "days or when changed");
}

const std::vector<std::string>& nightly_metrics() {
  static const std::vector<std::string> metrics{"score", "unparsed", "truncated",
                                                "empty", "refused",  "failed"};
  return metrics;
}

const NightlyModel& NightlyPlan::model(const std::string& label) const {
  for (const NightlyModel& candidate : models) {
    if (candidate.label == label) return candidate;
  }
  throw Error(ErrorCode::kInternal, "the plan has no model " + label);
}

std::unique_ptr<ModelClient> NightlyModel::open() const {
  return open_model(spec, {.engine = engine,
                           .template_options = template_options,
                           .template_date = template_date,
                           .endpoint = endpoint});
}

void price_models(NightlyPlan& plan, const std::filesystem::path& store, const std::string& night) {
  const PriceTable table = plan.prices ? *plan.prices : prices_for(store, "");
  for (NightlyModel& model : plan.models) {
    if (model.price) continue;
    const std::size_t at = model.is_repeatable() ? std::string::npos : model.spec.find('@');
    const std::string address = at == std::string::npos ? "" : model.spec.substr(at + 1);
    std::string name = model.spec.substr(0, at);
    if (model.is_repeatable()) {
      const std::string kind = name.starts_with("replay:") ? "replay:" : "";
      name = kind + std::filesystem::path(name).filename().string();
    }
    model.price = table.find(name, address, night);
    if (!model.price) model.price = table.find(model.label, address, night);
    if (model.price || !plan.budget.cost) continue;
    throw Error(ErrorCode::kData, plan.file.string() + ": budget.cost: model \"" + model.label +
                                      "\" has no price\n  try: \"prices\": {\"" + name +
                                      "\": {\"input\": 0.15, \"output\": 0.60}}, in dollars a "
                                      "million tokens");
  }
}

NightlyPlan read_nightly_plan(const std::filesystem::path& file) {
  return parse_nightly_plan(read_file(file), file);
}

NightlyPlan parse_nightly_plan(const std::string& text, const std::filesystem::path& file) {
  return PlanReader(text, file).read();
}

}  // namespace peira::runner
