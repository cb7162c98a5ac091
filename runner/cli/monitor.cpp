// peira monitor: what was asked of models and how it went, and rules that watch it.

#include "runner/cli/monitor.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "reports/terminal_table.h"
#include "runner/cli/tables.h"
#include "runner/durations.h"
#include "runner/monitor/alert_watch.h"
#include "runner/monitor/monitor_report.h"
#include "runner/store.h"

namespace peira::runner::cli {
namespace {

struct MonitorFlags {
  std::string store;
  std::vector<std::string> windows;
  RequestFilter filter;
  std::string until, rules = "default", every, length, older_than;
  bool json = false, markdown = false, exit_on_alert = false, notify = false, lines = false;
};

std::atomic<bool> stop_requested{false};
void request_stop(int) { stop_requested = true; }

std::filesystem::path store_of(const MonitorFlags& flags) {
  return flags.store.empty() ? Store::default_path() : std::filesystem::path(flags.store);
}

std::int64_t now_of(const MonitorFlags& flags) {
  return flags.until.empty() ? wall_clock_ms() : parse_utc_ms(flags.until);
}

int report(const MonitorFlags& flags) {
  constexpr std::int64_t kMinute = 60'000, kHour = 60 * kMinute, kDay = 24 * kHour;
  std::vector<std::int64_t> windows;
  for (const std::string& text : flags.windows) windows.push_back(parse_duration_ms(text));
  if (windows.empty()) windows.push_back(kDay);
  if (flags.windows.size() <= 1) {
    // Beside what was asked for, what shows whether it is still so.
    for (const std::int64_t length : {kMinute, 5 * kMinute, kHour, kDay}) {
      if (length < windows.front()) windows.push_back(length);
    }
  }
  const MonitorReport made =
      make_monitor_report(store_of(flags), now_of(flags), windows, flags.filter);
  if (flags.json) {
    print_json(to_json(made));
    return kPassed;
  }
  std::string out = (flags.markdown ? "# Requests\n\n" : "") + monitor_sentence(made) + "\n";
  for (const ReportSection& section : monitor_sections(made)) {
    out += "\n";
    if (!section.heading.empty()) {
      out += flags.markdown ? "## " + section.heading + "\n\n" : section.heading + "\n";
    }
    out += flags.markdown ? reports::render_markdown(section.table) : draw(section.table);
    if (!section.note.empty()) out += (flags.markdown ? "\n" : "") + section.note + "\n";
  }
  print(out);
  return kPassed;
}

OrderedJson board_json(const AlertBoard& board, std::int64_t now_ms) {
  OrderedJson rules = OrderedJson::array();
  for (std::size_t i = 0; i < board.status().size(); ++i) {
    rules.push_back(to_json(board.rules().rules[i], board.status()[i]));
  }
  return {{"at", utc_text_of(now_ms)}, {"firing", board.is_firing()}, {"rules", std::move(rules)}};
}

std::string state_text(const RuleStatus& status, std::int64_t now_ms) {
  const auto since = [&] {
    const std::int64_t ms = now_ms - status.since_ms;
    return ms < 1000 ? std::string() : " for " + duration_text(ms);
  };
  if (status.state == AlertTracker::State::kFiring) return "FIRING" + since();
  if (status.state == AlertTracker::State::kPending) return "pending" + since();
  switch (status.reading.state) {
    case RuleReading::State::kTooLittle:
      return "too little data";
    case RuleReading::State::kNothing:
      return "no data";
    default:
      return "ok";
  }
}

reports::Table board_table(const AlertBoard& board, std::int64_t now_ms) {
  reports::Table table{.headers = {"Rule", "State", "Reading"}, .rows = {}, .alignments = {}};
  for (std::size_t i = 0; i < board.status().size(); ++i) {
    const RuleStatus& status = board.status()[i];
    table.rows.push_back(
        {board.rules().rules[i].name, state_text(status, now_ms), status.reading.text});
  }
  return table;
}

int check(const MonitorFlags& flags) {
  AlertRules rules = read_alert_rules(flags.rules);
  const std::int64_t now_ms = now_of(flags);
  const std::filesystem::path path = store_of(flags);
  std::optional<AlertSinks> sinks;
  if (flags.notify) sinks.emplace(rules.sinks);
  AlertBoard board(std::move(rules), path, now_ms);
  const std::vector<AlertEvent> events = board.look(now_ms);
  if (sinks) {
    for (const AlertEvent& event : events) sinks->send(event);
  }
  if (flags.json) {
    print_json(board_json(board, now_ms));
  } else {
    print(draw(board_table(board, now_ms)));
  }
  if (board.is_firing()) return kFailed;
  for (std::size_t i = 0; i < board.status().size(); ++i) {
    const RuleReading::State state = board.status()[i].reading.state;
    const bool says_nothing =
        state == RuleReading::State::kTooLittle || state == RuleReading::State::kNothing;
    if (says_nothing && !board.rules().rules[i].may_be_absent) return kIncomplete;
  }
  return kPassed;
}

// The last minutes in a line, above the rules.
std::string window_line(const WindowSummary& window) {
  std::string out = "last " + duration_text(window.to_ms - window.from_ms) + ": " +
                    std::to_string(window.num_requests()) + " requests";
  if (const auto rate = window.rate(window.num_requests())) {
    out += ", " + fixed(*rate, 2) + " a second";
  }
  if (const auto rate = window.error_rate()) out += ", " + fixed(100 * *rate, 1) + " % errors";
  if (window.total.count > 0) {
    out += ", p50 " + fixed(window.total.p50, 2) + " s, p95 " + fixed(window.total.p95, 2) + " s";
  }
  if (const auto rate = window.rate(window.completion_tokens)) {
    out += ", " + fixed(*rate, 1) + " tokens a second";
  }
  return out;
}

int watch(const MonitorFlags& flags) {
  AlertRules rules = read_alert_rules(flags.rules);
  if (!flags.every.empty())
    rules.every_ms = std::max<std::int64_t>(100, parse_duration_ms(flags.every));
  // Zero: until it is ended.
  const std::int64_t length_ms = flags.length.empty() ? 0 : parse_duration_ms(flags.length);
  const std::filesystem::path path = store_of(flags);
  const std::int64_t every_ms = rules.every_ms;
  const bool is_live = !flags.json && !flags.lines && ::isatty(STDOUT_FILENO) == 1;
  std::signal(SIGINT, request_stop);
  std::signal(SIGTERM, request_stop);
  const auto began = std::chrono::steady_clock::now();
  AlertWatch alerts(std::move(rules), path, wall_clock_ms());
  bool has_fired = false;
  std::vector<std::string> last_lines;  // of alerts, beneath the live table
  while (!stop_requested) {
    const std::int64_t now_ms = wall_clock_ms();
    for (const AlertEvent& event : alerts.look(now_ms)) {
      has_fired = has_fired || event.has_fired;
      last_lines.push_back(alert_line(event));
      if (last_lines.size() > 5) last_lines.erase(last_lines.begin());
    }
    if (flags.json) {
      print_json(board_json(alerts.board(), now_ms));
    } else {
      const MonitorStore store(path, MonitorStore::Access::kReadOnly);
      const WindowSummary window = summarize_windows(store, now_ms, {60'000}, flags.filter).front();
      if (is_live) {
        std::string screen = "\x1b[H\x1b[2J" + utc_text_of(now_ms) + "  " + window_line(window) +
                             "\n\n" + draw(board_table(alerts.board(), now_ms));
        for (const std::string& line : last_lines) screen += "\n" + reports::printable(line);
        print(screen + (last_lines.empty() ? "" : "\n"));
      } else {
        std::string states;
        for (std::size_t i = 0; i < alerts.board().status().size(); ++i) {
          const RuleStatus& status = alerts.board().status()[i];
          states += "; " + alerts.board().rules().rules[i].name + ": " + state_text(status, now_ms);
        }
        print(utc_text_of(now_ms) + " " + window_line(window) + states + "\n");
      }
    }
    if (has_fired && flags.exit_on_alert) return kFailed;
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(every_ms);
    const auto is_over = [&] {
      return length_ms > 0 &&
             std::chrono::steady_clock::now() - began >= std::chrono::milliseconds(length_ms);
    };
    while (!stop_requested && std::chrono::steady_clock::now() < until) {
      if (is_over()) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    if (is_over()) break;
  }
  return has_fired ? kFailed : kPassed;
}

int prune(const MonitorFlags& flags) {
  const std::int64_t before_ms = now_of(flags) - parse_duration_ms(flags.older_than);
  const std::filesystem::path path = store_of(flags);
  // Told as a reader would be where there is nothing, instead of making a store to prune.
  static_cast<void>(MonitorStore(path, MonitorStore::Access::kReadOnly));
  MonitorStore store(path, MonitorStore::Access::kReadWrite);
  const std::int64_t removed = store.prune(before_ms);
  if (flags.json) {
    print_json(OrderedJson{{"removed", removed}, {"before", utc_text_of(before_ms)}});
  } else {
    note("removed " + std::to_string(removed) + " requests that ended before " +
         utc_text_of(before_ms));
  }
  return kPassed;
}

}  // namespace

Command add_monitor(CLI::App& root) {
  CLI::App* app = add_subcommand(
      root, "monitor", "How requests to models went, and alerts",
      R"(Examples  peira serve                                 records what it answers
          peira monitor report                        the last 24 hours
          peira monitor report --window 1h --model bundled --markdown
          peira monitor rules > rules.json            the default rules, to change
          peira monitor watch --rules rules.json      looks every 10 s, tells what fires
          peira monitor check --rules rules.json      one look, for cron and CI
          peira monitor prune --older-than 30d
What peira serve answers and what peira run asks of endpoints is recorded in the store: times,
tokens, outcomes and classes of errors; never a prompt, an answer or a key.)");
  app->require_subcommand(1);
  const auto flags = std::make_shared<MonitorFlags>();
  const auto add_store = [&](CLI::App* command) {
    command->add_option("--store", flags->store,
                        "the file requests are kept in [the user's data folder]");
  };
  const auto add_filter = [&](CLI::App* command) {
    command->add_option("--model", flags->filter.model, "requests to this model only");
    command->add_option("--source", flags->filter.source, "serve: answered here; run: asked")
        ->check(CLI::IsMember({"serve", "run"}));
    command->add_option("--route", flags->filter.route, "chat, completions or loglikelihood");
  };
  const auto add_until = [&](CLI::App* command) {
    command->add_option("--until", flags->until, "the end of the windows, in UTC [now]")
        ->type_name("TIME");
  };

  CLI::App* report_app = add_subcommand(
      *app, "report", "Counts, latencies, rates, errors, quality and alerts of a while",
      R"(Examples  peira monitor report --window 24h
          peira monitor report --window 5m --window 7d --json
          peira monitor report --window 1h --until 2026-11-27T02:00:00Z
Percentiles are exact, of every answered request. "Server errors" are rejected, timed out and failed
requests as a share of all but the client's own errors and requests whose client went away.)");
  report_app
      ->add_option("--window", flags->windows, "how far back; the first is reported in full [24h]")
      ->type_name("TIME")
      ->allow_extra_args(false);
  add_until(report_app);
  add_filter(report_app);
  add_store(report_app);
  report_app->add_flag("--markdown", flags->markdown, "as Markdown");
  report_app->add_flag("--json", flags->json, "one JSON object")->excludes("--markdown");

  const std::string rules_help = "rule file, or \"default\" (peira monitor rules shows it)";
  CLI::App* watch_app = add_subcommand(*app, "watch", "Look at alert rules over and over",
                                       R"(Examples  peira monitor watch --rules rules.json
          peira monitor watch --rules rules.json --for 10m --exit-on-alert    a deployment's first minutes
          peira monitor watch --json | jq .
Exit      0 nothing fired, 1 something did; what fires and is resolved goes to the rules' sinks)");
  watch_app->add_option("--rules", flags->rules, rules_help)
      ->type_name("FILE")
      ->capture_default_str();
  watch_app->add_option("--every", flags->every, "between looks [what the rules say: 10s]")
      ->type_name("TIME");
  watch_app->add_option("--for", flags->length, "ends after this long [never]")->type_name("TIME");
  watch_app->add_flag("--exit-on-alert", flags->exit_on_alert, "ends when something fires");
  watch_app->add_flag("--lines", flags->lines, "a line a look, also on a terminal");
  watch_app->add_flag("--json", flags->json, "a JSON line a look");
  add_filter(watch_app);
  add_store(watch_app);

  CLI::App* check_app =
      add_subcommand(*app, "check", "Look at alert rules once",
                     R"(Examples  peira monitor check --rules rules.json || mail -s "peira" ops
          peira monitor check --rules rules.json --notify      also tells the rules' sinks
A rule's `for` is looked back over: it fires if its condition held all along.
Exit      0 fine, 1 something fires, 3 the rule file is wrong, 5 too little data for some rule)");
  check_app->add_option("--rules", flags->rules, rules_help)
      ->type_name("FILE")
      ->capture_default_str();
  check_app->add_flag("--notify", flags->notify, "send what fires to the rules' sinks");
  add_until(check_app);
  add_store(check_app);
  check_app->add_flag("--json", flags->json, "one JSON object");

  CLI::App* rules_app =
      add_subcommand(*app, "rules", "Print the default rules, or check a file of one's own",
                     "Examples  peira monitor rules > rules.json\n"
                     "          peira monitor rules --rules rules.json");
  rules_app->add_option("--rules", flags->rules, "file to check")->type_name("FILE");

  CLI::App* prune_app = add_subcommand(*app, "prune", "Forget requests that are old",
                                       "Examples  peira monitor prune --older-than 30d");
  prune_app->add_option("--older-than", flags->older_than, "how old")
      ->type_name("TIME")
      ->required();
  add_store(prune_app);
  prune_app->add_flag("--json", flags->json, "one JSON object");

  return {app, [=] {
            if (report_app->parsed()) return report(*flags);
            if (watch_app->parsed()) return watch(*flags);
            if (check_app->parsed()) return check(*flags);
            if (prune_app->parsed()) return prune(*flags);
            if (flags->rules == "default") {
              print(default_alert_rules());
            } else {
              const AlertRules rules = read_alert_rules(flags->rules);
              note(flags->rules + ": " + std::to_string(rules.rules.size()) + " rules, " +
                   std::to_string(rules.sinks.size()) + " sinks");
            }
            return kPassed;
          }};
}

}  // namespace peira::runner::cli
