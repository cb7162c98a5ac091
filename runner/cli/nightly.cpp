// peira nightly: a plan's nights carried out, judged, shown, accepted.

#include <algorithm>
#include <atomic>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/nearest.h"
#include "reports/html.h"
#include "reports/json.h"
#include "reports/markdown.h"
#include "reports/report.h"
#include "reports/terminal_table.h"
#include "runner/cli/command.h"
#include "runner/cli/tables.h"
#include "runner/durations.h"
#include "runner/nightly/night.h"
#include "runner/nightly/night_report.h"
#include "runner/nightly/notify.h"
#include "runner/progress.h"
#include "runner/store.h"
#include "runner/summary.h"

namespace peira::runner::cli {
namespace {

using reports::Align;

// Set by SIGINT and SIGTERM: the run in hand is committed and the night goes on another time.
std::atomic<bool> stop_requested{false};

void request_stop(int signal_number) {
  stop_requested.store(true);
  // A second signal ends the process at once; what is committed stays.
  std::signal(signal_number, SIG_DFL);
}

struct NightlyFlags {
  std::string plan, date, since, store, report;
  bool again = false, dry_run = false, no_notify = false, quiet = false, json = false;
};

std::string today() { return utc_now().substr(0, 10); }

std::filesystem::path store_of(const NightlyPlan& plan, const std::string& given) {
  if (!given.empty()) return given;
  return plan.store.empty() ? Store::default_path() : std::filesystem::path(plan.store);
}

std::string points(double value) { return fixed(100 * value, 1); }

std::string score_text(const evals::NightJudgement& said) {
  if (said.num_questions == 0) return "-";
  std::string text = points(said.estimate) + " %";
  if (said.low && said.high) {
    text +=
        " (" + points(std::max(0.0, *said.low)) + " to " + points(std::min(1.0, *said.high)) + ")";
  }
  return text;
}

std::string difference_text(const evals::NightJudgement& said) {
  if (!said.difference) return "-";
  char sign[32];
  std::snprintf(sign, sizeof(sign), "%+.1f", 100 * *said.difference);
  std::string text = sign;
  if (said.difference_low) {
    text += " (" + points(*said.difference_low) + " to " + points(*said.difference_high) + ")";
  }
  return text;
}

std::string judgements_table(const std::vector<SeriesJudgement>& judgements) {
  reports::Table table;
  table.headers = {"Series", "Tonight (95 % CI)", "Less reference (95 % CI)", "Nights", "Verdict"};
  table.alignments = {Align::kLeft, Align::kRight, Align::kRight, Align::kRight, Align::kLeft};
  for (const auto& [series, said] : judgements) {
    table.rows.push_back({series, score_text(said), difference_text(said),
                          std::to_string(said.reference_nights),
                          std::string(to_string(said.verdict))});
  }
  return draw(table);
}

// The gates of the night, each policy's one by one; "" where there are none.
std::string gates_table(const NightRecord& night) {
  if (night.gates.empty()) return "";
  reports::Table table;
  table.headers = {"Gates", "Gate", "Verdict", "Measured", "Why"};
  table.alignments = {Align::kLeft, Align::kLeft, Align::kLeft, Align::kRight, Align::kLeft};
  for (const NightGateVerdict& verdict : night.gates) {
    if (verdict.report.is_null()) {
      table.rows.push_back(
          {verdict.name, "-", evals::to_string(verdict.status), "", verdict.headline});
      continue;
    }
    for (const Json& gate : verdict.report.value("gates", Json::array())) {
      table.rows.push_back({verdict.name, gate.value("gate", ""), gate.value("status", ""),
                            gate.value("measured", ""), gate.value("why", "")});
    }
  }
  return draw(table);
}

// What the table does not say: why a series is red or could not be judged, and what was not done.
std::string remarks(const NightRecord& night, const std::vector<SeriesJudgement>& judgements) {
  std::string text;
  for (const auto& [series, said] : judgements) {
    if (said.verdict == evals::SeriesVerdict::kSteady && !said.recovered) continue;
    if (said.verdict == evals::SeriesVerdict::kTooLittleHistory) continue;
    text += reports::printable(series + ": " + said.sentence) + "\n";
  }
  for (const NightEntry& entry : night.entries) {
    if (entry.state == EntryState::kComplete) continue;
    // Notes may hold what an endpoint said.
    text += reports::printable(entry.name + ": " + std::string(to_string(entry.state)) + ": " +
                               (entry.note.empty() ? entry.why : entry.note)) +
            "\n";
  }
  return text;
}

// What a night came to, for terminals.
std::string night_text(const NightRecord& night, const std::vector<SeriesJudgement>& judgements) {
  std::string text = "Night " + night.night + " of " + night.plan + ". " +
                     reports::printable(headline_of(night, judgements)) + "\n\n";
  if (!judgements.empty()) text += judgements_table(judgements);
  if (const std::string gates = gates_table(night); !gates.empty()) text += "\n" + gates;
  if (const std::string more = remarks(night, judgements); !more.empty()) text += "\n" + more;
  return text;
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

// The night as a page, or as Markdown or JSON where the file's name says so.
void write_report(const Store& store, const NightStore& nights, const NightlyPlan& plan,
                  const NightResult& result, const std::string& path) {
  reports::Report report = night_report(store, nights, plan, result);
  report.version = PEIRA_VERSION;
  report.generated_at = utc_now();
  report.commands = {"peira nightly " + reports::shell_quoted(plan.file.string()) + " --date " +
                     result.night.night};
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, error);
  const std::string suffix = std::filesystem::path(path).extension();
  write_file_atomic(path, suffix == ".md"     ? reports::render_markdown(report)
                          : suffix == ".json" ? reports::render_json(report)
                                              : reports::render_html(report));
}

int show_plan(const NightlyPlan& plan, const std::string& date,
              const std::vector<PlannedEntry>& planned, bool json) {
  if (json) {
    Json entries = Json::array();
    for (const PlannedEntry& one : planned) {
      entries.push_back({{"entry", one.entry.name},
                         {"action", std::string(to_string(one.decision.action))},
                         {"why", one.problem.empty() ? one.decision.why : one.problem},
                         {"possible", one.problem.empty()}});
    }
    print_json(Json{{"plan", plan.name}, {"night", date}, {"entries", std::move(entries)}});
    return kPassed;
  }
  reports::Table table;
  table.headers = {"Entry", "Tonight", "Why"};
  for (const PlannedEntry& one : planned) {
    table.rows.push_back(
        {one.entry.name,
         one.problem.empty() ? std::string(to_string(one.decision.action)) : "cannot run",
         one.problem.empty() ? one.decision.why : one.problem});
  }
  print(draw(table));
  note("nothing was asked: --dry-run");
  return kPassed;
}

Json backfill_json(const std::vector<BackfilledNight>& nights) {
  Json list = Json::array();
  for (const BackfilledNight& night : nights) {
    list.push_back({{"night", night.night},
                    {"adopted", night.adopted},
                    {"new", night.is_new},
                    {"differing", night.differing}});
  }
  return list;
}

void tell_backfill(const std::vector<BackfilledNight>& nights) {
  for (const BackfilledNight& night : nights) {
    std::string text = night.night + ": ";
    if (night.adopted) {
      text += "made of runs that were in the store";
    } else if (night.is_new) {
      text += "judged by what it completed";
    } else if (night.differing.empty()) {
      text += "as was said at the time";
    } else {
      text += "something else was said at the time of";
      for (const std::string& series : night.differing) text += " " + series;
    }
    note(text);
  }
  if (nights.empty()) note("no night to judge again");
}

int dry_run(const NightlyFlags& flags, const NightlyPlan& plan, const std::string& date) {
  const std::filesystem::path path = store_of(plan, flags.store);
  std::unique_ptr<Store> store;
  std::unique_ptr<NightStore> nights;
  if (std::filesystem::exists(path)) {
    store = std::make_unique<Store>(path, Store::Access::kReadOnly);
    nights = std::make_unique<NightStore>(path, NightStore::Access::kReadOnly);
    const std::optional<NightRecord> there = nights->find(plan.name, date);
    if (there && there->finished) note("night " + date + " is finished: only --again would run it");
  }
  return show_plan(plan, date, plan_night(store.get(), nights.get(), plan, date), flags.json);
}

// Tells whom the plan names, once a night: also when it was killed between its verdict and this.
void tell(NightStore& nights, const NightlyPlan& plan, NightResult& result,
          const std::string& report, bool alarm, ProgressDisplay& display) {
  Json& outcome = result.night.outcome;
  if (outcome.contains("notified")) return;
  std::string last_verdict;
  for (const NightRecord& night : nights.nights(plan.name)) {
    if (night.finished && night.night < result.night.night) {
      last_verdict = night.outcome.value("verdict", std::string());
    }
  }
  Json told = outcome;
  if (!report.empty()) told["report"] = report;
  const std::vector<std::string> failures =
      notify(plan.notify, told, alarm, outcome["verdict"] != last_verdict);
  for (const std::string& failure : failures) display.note(failure);
  outcome["notified"] = failures.empty();
  nights.finish(result.night, result.judgements);
}

int run(const NightlyFlags& flags) {
  NightlyPlan plan = read_nightly_plan(flags.plan);
  const std::string date = flags.date.empty() ? today() : flags.date;
  static_cast<void>(day_number(date));  // a bad date is told before anything else
  price_models(plan, store_of(plan, flags.store), date);
  if (!flags.since.empty()) static_cast<void>(day_number(flags.since));
  if (flags.dry_run) return dry_run(flags, plan, date);

  Store store(store_of(plan, flags.store));
  NightStore nights(store.path());
  std::signal(SIGINT, request_stop);
  std::signal(SIGTERM, request_stop);
  ProgressDisplay display(stderr, ProgressDisplay::style_for(stderr, flags.quiet));
  NightEvents events;
  events.note = [&](const std::string& text) { display.note(reports::printable(text)); };
  events.progress = [&](const RunProgress& progress) { display.show(progress); };
  events.interrupt = &stop_requested;

  std::vector<BackfilledNight> filled;
  if (!flags.since.empty()) {
    filled = backfill(store, nights, plan, flags.since, date, events);
    tell_backfill(filled);
  }
  NightResult result = run_night(store, nights, plan, date, flags.again, events);
  if (result.interrupted) {
    note("interrupted: the same command continues the night where it stopped");
    return kIncomplete;
  }
  int status = exit_status_of(result.night, result.judgements);

  std::string report = flags.report.empty() ? plan.report : flags.report;
  if (!report.empty()) {
    report = replaced(report, "{date}", date);
    try {
      write_report(store, nights, plan, result, report);
    } catch (const Error& error) {
      // The verdict is not lost with the page.
      note(std::string("no report: ") + error.what());
      report.clear();
      if (status == kPassed) status = static_cast<int>(ErrorCode::kUnavailable);
    }
  }
  if (!flags.no_notify) tell(nights, plan, result, report, status != 0, display);
  Json outcome = result.night.outcome;
  if (!report.empty()) outcome["report"] = report;
  if (!flags.since.empty()) outcome["backfilled"] = backfill_json(filled);
  if (flags.json) {
    print_json(outcome);
    return status;
  }
  print(night_text(result.night, result.judgements));
  if (result.was_there) note("the night was finished before: --again would begin it anew");
  if (!report.empty()) note("report: " + report);
  return status;
}

// ---- status, history, accept ----

struct NightsOfPlan {
  NightlyPlan plan;
  std::filesystem::path path;
  std::unique_ptr<NightStore> nights;  // null: there is no store yet
};

NightsOfPlan open_nights(const NightlyFlags& flags, NightStore::Access access) {
  NightsOfPlan out;
  out.plan = read_nightly_plan(flags.plan);
  out.path = store_of(out.plan, flags.store);
  if (!std::filesystem::exists(out.path)) return out;
  const Store check(out.path, Store::Access::kReadOnly);  // refuses what is no store
  out.nights = std::make_unique<NightStore>(out.path, access);
  return out;
}

int no_nights(const NightsOfPlan& open, bool json) {
  if (json) {
    print_json(Json{{"plan", open.plan.name}, {"nights", Json::array()}});
  } else {
    note("no night of plan " + open.plan.name + " in " + open.path.string() +
         "\n  try: peira nightly " + open.plan.file.string());
  }
  return kPassed;
}

int status(const NightlyFlags& flags) {
  const NightsOfPlan open = open_nights(flags, NightStore::Access::kReadOnly);
  std::vector<NightRecord> all;
  if (open.nights) all = open.nights->nights(open.plan.name);
  if (all.empty()) return no_nights(open, flags.json);
  const NightRecord& last = all.back();
  const std::string holder = NightLock::holder(open.path, open.plan.name);
  const std::vector<SeriesJudgement> said = open.nights->judgements(last.key);
  if (flags.json) {
    Json out = last.finished ? last.outcome : outcome_json(last, said);
    out["finished"] = last.finished;
    out["running"] = holder.empty() ? Json(nullptr) : Json(holder);
    print_json(out);
    return kPassed;
  }
  if (last.finished) {
    print(night_text(last, said));
    return kPassed;
  }
  std::string text = "Night " + last.night + " of " + open.plan.name;
  text += holder.empty() ? ": not finished, and nobody is at it; the same command continues it\n\n"
                         : ": carried out by " + holder + "\n\n";
  reports::Table table;
  table.headers = {"Entry", "Tonight", "State", "Run", "Why"};
  for (const NightEntry& entry : last.entries) {
    table.rows.push_back({entry.name, std::string(to_string(entry.action)),
                          std::string(to_string(entry.state)), entry.run,
                          entry.note.empty() ? entry.why : entry.note});
  }
  print(text + draw(table));
  return kPassed;
}

int history(const NightlyFlags& flags, const std::string& wanted, int last) {
  const NightsOfPlan open = open_nights(flags, NightStore::Access::kReadOnly);
  std::map<std::string, std::vector<evals::NightJudgement>> all;
  if (open.nights) all = open.nights->history(open.plan.name, "");
  if (all.empty()) return no_nights(open, flags.json);
  if (!wanted.empty() && !all.contains(wanted)) {
    std::vector<std::string> names;
    std::string list;
    for (const auto& [name, unused] : all) {
      names.push_back(name);
      list += "\n  " + name;
    }
    const std::string nearest = nearest_name(wanted, names);
    throw Error(ErrorCode::kUsage, "--series " + wanted + ": no such series; there are:" + list +
                                       (nearest.empty() ? "" : "\n  try: --series " + nearest));
  }
  Json out = Json::array();
  std::string text;
  for (auto& [series, nights] : all) {
    if (!wanted.empty() && series != wanted) continue;
    const auto skip =
        nights.size() > static_cast<std::size_t>(last) ? nights.end() - last : nights.begin();
    reports::Table table;
    table.headers = {"Night", "Tonight (95 % CI)", "Limits", "Less reference (95 % CI)", "Verdict"};
    table.alignments = {Align::kLeft, Align::kRight, Align::kRight, Align::kRight, Align::kLeft};
    Json rows = Json::array();
    for (auto night = skip; night != nights.end(); ++night) {
      rows.push_back(to_json(*night));
      const std::string limits = night->limit_low
                                     ? points(std::max(0.0, *night->limit_low)) + " to " +
                                           points(std::min(1.0, *night->limit_high))
                                     : "-";
      std::string verdict(to_string(night->verdict));
      if (night->change) verdict += " since " + night->change->night;
      if (!night->counted && night->num_questions > 0) verdict += " (same bytes)";
      table.rows.push_back(
          {night->night, score_text(*night), limits, difference_text(*night), verdict});
    }
    out.push_back({{"series", series}, {"nights", std::move(rows)}});
    text += (text.empty() ? "" : "\n") + reports::printable(series) + "\n" + draw(table);
  }
  if (flags.json) {
    print_json(Json{{"plan", open.plan.name}, {"series", std::move(out)}});
  } else {
    print(text);
  }
  return kPassed;
}

int accept(const NightlyFlags& flags, const std::string& wanted, const std::string& from,
           const std::string& why) {
  const NightsOfPlan open = open_nights(flags, NightStore::Access::kReadWrite);
  std::map<std::string, std::vector<evals::NightJudgement>> all;
  if (open.nights) all = open.nights->history(open.plan.name, "");
  if (!from.empty()) static_cast<void>(day_number(from));
  Json accepted = Json::array();
  for (const auto& [series, nights] : all) {
    const evals::NightJudgement& last = nights.back();
    if (wanted.empty() ? !is_alarm(last.verdict) : series != wanted) continue;
    Acceptance acceptance;
    acceptance.series = series;
    acceptance.from = !from.empty() ? from
                      : last.change ? (last.change->gradual ? last.night : last.change->night)
                                    : last.night;
    acceptance.after_night = last.night;
    acceptance.note = why;
    open.nights->accept(open.plan.name, acceptance);
    accepted.push_back({{"series", series}, {"from", acceptance.from}});
    if (!flags.json) {
      print(series + ": nights from " + acceptance.from +
            " on are the reference from the next night on\n");
    }
  }
  if (accepted.empty()) {
    throw Error(ErrorCode::kUsage, wanted.empty()
                                       ? "no series of plan " + open.plan.name + " is worse"
                                       : "--series " + wanted +
                                             ": no such series\n  try: peira nightly "
                                             "history " +
                                             flags.plan);
  }
  if (flags.json) print_json(Json{{"plan", open.plan.name}, {"accepted", std::move(accepted)}});
  return kPassed;
}

void add_common(CLI::App& app, NightlyFlags& flags) {
  app.add_option("PLAN", flags.plan, "the plan, a JSON file")->required();
  app.add_option("--store", flags.store, "the file runs are kept in [the plan's, else the user's]");
  app.add_flag("--json", flags.json, "one JSON object");
}

}  // namespace

Command add_nightly(CLI::App& root) {
  CLI::App* app = add_subcommand(
      root, "nightly", "Suites x models night after night: run what is due, judge, tell",
      R"(Examples  peira nightly plan.json                  tonight: what is due, then the verdicts
          peira nightly plan.json --dry-run        what would run, and why
          peira nightly plan.json --since 2026-11-01   judge missed nights first
          peira nightly status plan.json               the last night, or how far this one is
          peira nightly history plan.json              every series with its control limits
          peira nightly accept plan.json               take worse levels for the new reference
A plan:
  {"models": ["bundled"], "suites": ["gpqa", "aime"], "prompts": ["official", "direct"],
   "schedule": "every night", "budget": {"minutes": 60, "tokens": 2000000},
   "report": "nights/{date}.html", "notify": {"command": ["./notify.sh"]}}
With "gates": "gates.json" (a policy as of peira gate) each night is gated too. README.md in
runner/nightly lists every key. Exit 1: a series is worse than its history, or a gate fails; 5:
something was not measured (budget, failures, interrupted) or a gate is undecided; 4: nothing could
be measured, or another night is at it.)");
  app->require_subcommand(0, 1);
  const auto flags = std::make_shared<NightlyFlags>();
  app->add_option("PLAN", flags->plan, "the plan, a JSON file");
  app->add_option("--store", flags->store,
                  "the file runs are kept in [the plan's, else the user's]");
  app->add_option("--date", flags->date, "the night [today, UTC]")->type_name("DATE");
  app->add_option("--since", flags->since,
                  "first judge the nights from this one on again, and missed ones by the runs of "
                  "their day")
      ->type_name("DATE");
  app->add_flag("--dry-run", flags->dry_run, "say what would run, ask nothing");
  app->add_flag("--again", flags->again, "forget this night and begin it anew; its runs stay");
  app->add_option("-o,--report", flags->report,
                  "file to write (.html, .md or .json), \"{date}\" is the night");
  app->add_flag("--no-notify", flags->no_notify, "tell nobody");
  app->add_flag("--quiet", flags->quiet, "no progress");
  app->add_flag("--json", flags->json, "one JSON object");

  CLI::App* status_app = add_subcommand(*app, "status", "The last night, or how far this one is",
                                        "Examples  peira nightly status plan.json --json");
  add_common(*status_app, *flags);

  CLI::App* history_app = add_subcommand(
      *app, "history", "What each series did, night by night",
      "Examples  peira nightly history plan.json --series gpqa/bundled/official/score");
  add_common(*history_app, *flags);
  const auto series = std::make_shared<std::string>();
  const auto last = std::make_shared<int>(30);
  history_app->add_option("--series", *series, "this series only");
  history_app->add_option("--last", *last, "newest nights shown")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000));

  CLI::App* accept_app = add_subcommand(
      *app, "accept", "Take a worse level for the new reference",
      R"(Examples  peira nightly accept plan.json --note "smaller model, agreed on 2026-11-26"
Without --series: every series that is worse. Later nights are compared with the nights since the
change; what was said stays said.)");
  add_common(*accept_app, *flags);
  const auto from = std::make_shared<std::string>();
  const auto why = std::make_shared<std::string>();
  accept_app->add_option("--series", *series, "this series [all that are worse]");
  accept_app->add_option("--from", *from, "first night of the new reference [the change's]")
      ->type_name("DATE");
  accept_app->add_option("--note", *why, "why, kept with it");

  return {app, [=] {
            if (status_app->parsed()) return status(*flags);
            if (history_app->parsed()) return history(*flags, *series, *last);
            if (accept_app->parsed()) return accept(*flags, *series, *from, *why);
            if (flags->plan.empty()) {
              throw Error(ErrorCode::kUsage,
                          "name the plan, a JSON file\n  try: peira nightly plan.json");
            }
            return run(*flags);
          }};
}

}  // namespace peira::runner::cli
