// peira datasets: what is known, what is here, fetch it, check it.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include "base/error.h"
#include "datasets/catalogue.h"
#include "datasets/dataset.h"
#include "datasets/fetch.h"
#include "reports/terminal_table.h"
#include "runner/cli/command.h"
#include "runner/cli/tables.h"

namespace peira::runner::cli {
namespace {

using datasets::CatalogueEntry;

const CatalogueEntry& entry_named(const std::string& name) {
  if (const CatalogueEntry* entry = datasets::find_entry(name)) return *entry;
  std::string known;
  for (const CatalogueEntry& entry : datasets::catalogue()) {
    known += (known.empty() ? "" : ", ") + entry.name;
  }
  throw Error(ErrorCode::kUsage, "no dataset is called " + name + "; known are " + known +
                                     "\n  a file of your own goes to peira run --data PATH");
}

std::string where_of(const datasets::ListedDataset& dataset) {
  if (dataset.entry->embedded) return "in the binary";
  if (dataset.available) return "here";
  return dataset.entry->gated ? "to fetch (gated)" : "to fetch";
}

OrderedJson as_json(const datasets::ListedDataset& dataset) {
  const CatalogueEntry& entry = *dataset.entry;
  OrderedJson out{{"name", entry.name},
                  {"title", entry.title},
                  {"kind", entry.kind},
                  {"repo", entry.repo},
                  {"revision", entry.revision},
                  {"path", entry.path},
                  {"licence", entry.licence},
                  {"terms", entry.terms},
                  {"gated", entry.gated},
                  {"embedded", entry.embedded},
                  {"num_samples", entry.num_samples},
                  {"available", dataset.available}};
  out["sha256"] = entry.sha256 ? OrderedJson(*entry.sha256) : OrderedJson(nullptr);
  if (!dataset.path.empty()) out["file"] = dataset.path.string();
  return out;
}

int list(bool json) {
  if (json) {
    OrderedJson all = OrderedJson::array();
    for (const auto& dataset : datasets::list()) all.push_back(as_json(dataset));
    print_json(OrderedJson{{"datasets", std::move(all)}});
    return kPassed;
  }
  using reports::Align;
  reports::Table table{
      .headers = {"dataset", "samples", "licence", "where", "what"},
      .rows = {},
      .alignments = {Align::kLeft, Align::kRight, Align::kLeft, Align::kLeft, Align::kLeft}};
  for (const auto& dataset : datasets::list()) {
    table.rows.push_back({dataset.entry->name, std::to_string(dataset.entry->num_samples),
                          dataset.entry->licence, where_of(dataset), dataset.entry->title});
  }
  print(draw(table));
  return kPassed;
}

int info(const std::string& name, bool json) {
  const CatalogueEntry& entry = entry_named(name);
  for (const auto& dataset : datasets::list()) {
    if (dataset.entry->name != entry.name) continue;
    const OrderedJson facts = as_json(dataset);
    if (json) {
      print_json(facts);
      return kPassed;
    }
    for (const auto& [key, value] : facts.items()) {
      if (value.is_null() || (value.is_string() && value.get<std::string>().empty())) continue;
      char line[64];
      std::snprintf(line, sizeof(line), "%-12s ", key.c_str());
      print(line + (value.is_string() ? value.get<std::string>() : dump_json(value)) + "\n");
    }
    if (!dataset.available) note("fetch it with: peira datasets fetch " + entry.name);
  }
  return kPassed;
}

std::string megabytes(std::int64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f MB", static_cast<double>(bytes) / 1e6);
  return text;
}

int fetch(const std::string& name, const datasets::FetchOptions& options, bool json) {
  if (const std::vector<std::string> parts = datasets::parts_of(name); !parts.empty()) {
    for (const std::string& part : parts) fetch(part, options, json);
    return kPassed;
  }
  const CatalogueEntry& entry = entry_named(name);
  if (!entry.terms.empty()) note(entry.name + ": " + entry.licence + "; " + entry.terms);
  auto last_shown = std::chrono::steady_clock::now();
  bool line_open = false;
  const bool terminal = stderr_is_terminal();
  const auto result = datasets::fetch(entry, options, [&](const datasets::FetchProgress& progress) {
    const auto now = std::chrono::steady_clock::now();
    const auto pause = terminal ? std::chrono::milliseconds(200) : std::chrono::seconds(10);
    if (progress.waiting_for.empty() && now - last_shown < pause) return;
    last_shown = now;
    std::string line = megabytes(progress.done_bytes);
    if (progress.total_bytes > 0) line += " of " + megabytes(progress.total_bytes);
    if (!progress.waiting_for.empty()) line += "  " + progress.waiting_for;
    if (terminal) {
      std::fprintf(stderr, "\r\033[K%s", line.c_str());
      line_open = true;
    } else {
      note(line);
    }
  });
  if (line_open) std::fprintf(stderr, "\r\033[K");
  if (json) {
    print_json(OrderedJson{{"name", entry.name},
                           {"file", result.path.string()},
                           {"url", result.url},
                           {"commit", result.commit},
                           {"sha256", result.sha256},
                           {"size_bytes", result.size_bytes},
                           {"resumed_from", result.resumed_from},
                           {"was_cached", result.was_cached}});
  } else {
    print(entry.name + (result.was_cached ? " was here already: " : " fetched: ") +
          result.path.string() + " (" + megabytes(result.size_bytes) + ", sha256 " +
          result.sha256.substr(0, 16) + "…)\n");
  }
  return kPassed;
}

int verify(const std::string& name, const std::string& data, bool json) {
  const CatalogueEntry& entry = entry_named(name);
  const datasets::VerifyResult result =
      data.empty() ? datasets::verify(entry)
                   : datasets::verify(entry, datasets::find_dataset(data, entry.kind));
  if (json) {
    OrderedJson facts = OrderedJson::array();
    for (const auto& fact : result.facts) {
      facts.push_back({{"what", fact.what},
                       {"expected", fact.expected},
                       {"found", fact.found},
                       {"holds", fact.holds}});
    }
    print_json(OrderedJson{{"name", entry.name},
                           {"ok", result.ok},
                           {"sha256", result.sha256},
                           {"size_bytes", result.size_bytes},
                           {"num_samples", result.num_samples},
                           {"facts", std::move(facts)},
                           {"warnings", result.warnings}});
  } else {
    reports::Table table{
        .headers = {"fact", "expected", "found", ""}, .rows = {}, .alignments = {}};
    for (const auto& fact : result.facts) {
      table.rows.push_back({fact.what, fact.expected.empty() ? "-" : fact.expected, fact.found,
                            fact.holds ? "ok" : "WRONG"});
    }
    print(draw(table));
    for (const std::string& warning : result.warnings) note("warning: " + warning);
    print(entry.name + (result.ok ? ": as published\n" : ": NOT as published\n"));
  }
  return result.ok ? kPassed : kFailed;
}

}  // namespace

Command add_datasets(CLI::App& root) {
  CLI::App* app = add_subcommand(root, "datasets", "List, fetch and verify datasets",
                                 R"(Examples  peira datasets list
          peira datasets info gpqa_diamond
          HF_TOKEN=... peira datasets fetch gpqa_diamond
          peira datasets fetch aime_2025 --endpoint https://mirror.example.org
          peira datasets verify gpqa_diamond --data ./gpqa_diamond.csv)");
  app->require_subcommand(0, 1);
  struct Flags {
    std::string name, data;
    datasets::FetchOptions fetch;
    bool json = false;
  };
  const auto flags = std::make_shared<Flags>();
  app->add_flag("--json", flags->json, "one JSON object");
  CLI::App* list_app = app->add_subcommand("list", "Every dataset known, and whether it is here");
  CLI::App* info_app = app->add_subcommand("info", "One dataset: source, licence, terms, size");
  CLI::App* fetch_app = app->add_subcommand("fetch", "Download one into the cache");
  CLI::App* verify_app = app->add_subcommand("verify", "Compare one with what was published");
  for (CLI::App* one : {info_app, fetch_app, verify_app}) {
    one->add_option("NAME", flags->name, "a dataset's name (peira datasets list)")->required();
  }
  for (CLI::App* one : {list_app, info_app, fetch_app, verify_app}) {
    one->add_flag("--json", flags->json, "one JSON object");
  }
  fetch_app->add_option("--endpoint", flags->fetch.endpoint,
                        "a mirror's address [HF_ENDPOINT, else the hub's]");
  fetch_app->add_option("--revision", flags->fetch.revision, "branch, tag or commit");
  fetch_app->add_flag("--again", flags->fetch.again, "download even if a good copy is here");
  verify_app->add_option("--data", flags->data, "a copy of your own [the cached one]");
  return {app, [=] {
            if (info_app->parsed()) return info(flags->name, flags->json);
            if (fetch_app->parsed()) return fetch(flags->name, flags->fetch, flags->json);
            if (verify_app->parsed()) return verify(flags->name, flags->data, flags->json);
            return list(flags->json);
          }};
}

}  // namespace peira::runner::cli
