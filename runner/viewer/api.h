// What the pages ask for: JSON over the store. Every answer is given within about 100 ms at a
// million samples; what takes longer comes in pieces, and says so.
//
//   /api/store                 {"path", "version"}
//   /api/runs                  {"runs": [{"run_id", "suite", ..., "status", "mean_score", "tags"}]}
//   /api/run?run=ID            {"run": what /api/runs has of it, "counted": share counted so far,
//                              "record": as `peira show --json`, null until all is counted}
//   /api/samples?run=ID        {"lines": [...], "matching": of the whole run, null while searching
//                              text or counting, "counted", "examined": share of the run behind
//                              this page, "first", "last": keys "ROW.EPOCH", "at_end", "resume":
//                              key to go on from when the search stopped for time, else null}
//     only=right|wrong|flipped|scored|unparsed|truncated|empty|refused|failed
//     where=FIELD:VALUE        repeatable; a field of the run's breakdowns
//     against=ID               the run that `only=flipped` is against
//     text=TEXT                in prompt, reply, reasoning, answers, id or failure
//     after=KEY | before=KEY   the page behind or ahead of an answer; limit=N (at most 500)
//   /api/sample?run=ID&row=N&epoch=N    {"epochs": [lines], "story": {...}}
//   /api/media?run=ID&row=N&epoch=N&message=N&part=N     the bytes of a picture, sound or film
//   /api/compare?a=ID&b=ID     {"done", "comparison": as `peira compare --json`}
//   /api/experiments           {"experiments": what was declared of each, "path"}
//   /api/experiment?id=ID      {"experiment", "history", "done", "report": as `peira report
//                              --experiment --format json`, null until every unit is read}
//   /api/pairs?a=ID&b=ID       {"pairs": [...], "matching", "after"}; show=all|flips|to-right|
//                              to-wrong|both-right|both-wrong|answers|failed, after=ROW, limit=N
//
// A failure is {"error": one line, "hint"} with a status of its own.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runner/viewer/desk.h"
#include "runner/viewer/experiments.h"
#include "runner/viewer/queries.h"

namespace peira::runner::viewer {

struct Reply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
};

using Parameters = std::multimap<std::string, std::string>;

// threads: any.
class Api {
 public:
  // experiments  their file; it need not exist.
  // throws       Error as Store does.
  explicit Api(const std::filesystem::path& store, const std::filesystem::path& experiments = {});

  // Never throws: failures are replies.
  Reply get(const std::string& path, const Parameters& parameters);

 private:
  // A connection lent to one request at a time.
  class Lent;
  Reply answer(const std::string& path, const Parameters& parameters, Queries& queries);

  std::filesystem::path path_;
  Desk desk_;
  std::filesystem::path experiments_path_;
  Experiments experiments_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Queries>> idle_;
};

}  // namespace peira::runner::viewer
