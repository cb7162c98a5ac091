// Beginning and continuing runs.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "runner/durations.h"
#include "runner/manifest.h"
#include "runner/storage/columns.h"
#include "runner/store.h"

namespace peira::runner {

using columns::list_text;

namespace {

std::string this_process() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) return "process " + std::to_string(getpid());
  return "process " + std::to_string(getpid()) + " on " + host.data();
}

std::string new_run_id(const RunInfo& info) {
  std::string name;
  for (const char c : info.suite) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '.';
    name += plain ? c : '_';
  }
  std::string time = utc_now();  // 2026-11-27T02:15:00Z
  std::erase_if(time, [](char c) { return c == '-' || c == ':' || c == 'Z'; });
  std::replace(time.begin(), time.end(), 'T', '-');
  const std::int64_t ticks = std::chrono::steady_clock::now().time_since_epoch().count();
  const std::string salt =
      info.identity + " " + std::to_string(getpid()) + " " + std::to_string(ticks);
  return name + "-" + time + "-" + sha256_hex(salt).substr(0, 4);
}

// Names must not be taken for references ("latest~1") or for paths.
void check_run_name(const std::string& name) {
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  });
  if (!plain || name == "latest") {
    throw Error(ErrorCode::kUsage, "a run cannot be called \"" + name +
                                       "\": letters, digits, \".\", \"_\" and \"-\" only, and not "
                                       "\"latest\"");
  }
}

// Says who writes, and that the run ends as interrupted unless finish_run says otherwise.
void take_over(Database& database, std::int64_t run_key) {
  Statement statement = database.prepare(
      "UPDATE runs SET owner = ?, complete = 0, why_stopped = 'interrupted' WHERE key = ?");
  const std::string owner = this_process();
  statement.bind(1, std::string_view(owner));
  statement.bind(2, run_key);
  statement.run();
}

}  // namespace

RunInfo Store::insert_run(RunInfo info) {
  Statement taken = database_->prepare("SELECT 1 FROM runs WHERE id = ?");
  const auto is_taken = [&](const std::string& id) {
    taken.reset();
    taken.bind(1, std::string_view(id));
    return taken.step();
  };
  if (info.id.empty()) {
    do {
      info.id = new_run_id(info);
    } while (is_taken(info.id));
  } else {
    check_run_name(info.id);
    if (is_taken(info.id)) {
      throw Error(ErrorCode::kUsage,
                  "there is a run called " + info.id + " already\n  try: another --name");
    }
  }
  if (info.started_at.empty()) info.started_at = utc_now();
  Statement insert = database_->prepare(
      "INSERT INTO runs(id, identity, suite, profile, variant, model, dataset, method, manifest, "
      "epochs, seed, num_rows, expected_answers, limited, restricted, why_stopped, started_at, "
      "warnings, breakdowns, rescored_from, transcript_key) "
      "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  using Text = std::string_view;
  insert.bind_all(Text(info.id), Text(info.identity), Text(info.suite), Text(info.profile),
                  Text(info.variant), Text(info.model), Text(info.dataset), Text(info.method),
                  Text(dump_json(info.manifest)), info.epochs, Text(std::to_string(info.seed)),
                  info.num_rows, info.expected_answers, int{info.limited}, int{info.restricted},
                  Text("interrupted"), Text(info.started_at), Text(list_text(info.warnings)),
                  Text(list_text(info.breakdowns)), Text(info.rescored_from), info.transcript_key);
  insert.run();
  info.key = database_->last_insert_rowid();
  info.why_stopped = "interrupted";
  if (info.transcript_key == 0) {
    info.transcript_key = info.key;
    Statement own = database_->prepare("UPDATE runs SET transcript_key = key WHERE key = ?");
    own.bind(1, info.key);
    own.run();
  }
  return info;
}

Store::OpenedRun Store::create_run(RunInfo info) {
  Transaction transaction(*database_);
  OpenedRun opened;
  opened.info = insert_run(std::move(info));
  opened.lock = lock_run(opened.info.key, opened.info.id);
  take_over(*database_, opened.info.key);
  transaction.commit();
  return opened;
}

Store::OpenedRun Store::resume_or_create_run(RunInfo info) {
  // One transaction around looking and creating: two equal commands at once make one run.
  Transaction transaction(*database_);
  Statement find = database_->prepare(
      "SELECT " + run_columns() +
      " FROM runs WHERE identity = ? AND complete = 0 AND rescored_from = '' ORDER BY key DESC "
      "LIMIT 1");
  find.bind(1, std::string_view(info.identity));
  OpenedRun opened;
  if (find.step()) {
    opened.info = run_from(find);
    opened.resumed = true;
    find.reset();
  } else {
    opened.info = insert_run(std::move(info));
  }
  opened.lock = lock_run(opened.info.key, opened.info.id);
  take_over(*database_, opened.info.key);
  transaction.commit();
  return opened;
}

Store::OpenedRun Store::resume_or_create_named(RunInfo info) {
  // One transaction around looking and creating: two equal commands at once make one run.
  Transaction transaction(*database_);
  Statement find = database_->prepare("SELECT 1 FROM runs WHERE id = ?");
  find.bind(1, std::string_view(info.id));
  if (find.step()) {
    find.reset();
    transaction.commit();
    return resume_run(info.id, info);
  }
  OpenedRun opened;
  opened.info = insert_run(std::move(info));
  opened.lock = lock_run(opened.info.key, opened.info.id);
  take_over(*database_, opened.info.key);
  transaction.commit();
  return opened;
}

Store::OpenedRun Store::resume_run(const std::string& id, const RunInfo& info) {
  OpenedRun opened;
  opened.info = run(id);
  opened.resumed = true;
  if (!opened.info.rescored_from.empty()) {
    throw Error(ErrorCode::kUsage, "run " + id + " is run " + opened.info.rescored_from +
                                       " scored again: there is nothing to ask in it");
  }
  if (opened.info.manifest.contains("imported")) {
    throw Error(ErrorCode::kUsage, "run " + id + " was imported: it was asked elsewhere");
  }
  const std::vector<std::string> differences =
      explain_differences(opened.info.manifest, info.manifest, "the run", "this command");
  if (!differences.empty()) {
    std::string lines;
    for (const std::string& line : differences) lines += "\n  " + line;
    throw Error(ErrorCode::kUsage,
                "run " + id + " cannot continue: its manifest differs from this command's" + lines +
                    "\n  try: the options it was begun with, or --new for a new run");
  }
  opened.lock = lock_run(opened.info.key, id);
  if (!opened.info.complete) {
    Transaction transaction(*database_);
    take_over(*database_, opened.info.key);
    transaction.commit();
  }
  return opened;
}

void Store::visit_finished(std::int64_t run_key,
                           const std::function<void(std::int64_t, int, bool)>& visit) const {
  Statement statement = database_->prepare(
      "SELECT row, epoch, state = 'failed' FROM answers WHERE run = ? ORDER BY row, epoch");
  statement.bind(1, run_key);
  while (statement.step()) {
    visit(statement.integer(0), static_cast<int>(statement.integer(1)), statement.integer(2) != 0);
  }
}

}  // namespace peira::runner
