#include "runner/cli/tables.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>

#include "evals/stop_rule.h"
#include "reports/report.h"
#include "reports/tables.h"
#include "runner/cli/command.h"

namespace peira::runner::cli {

std::string fixed(double value, int decimals) {
  if (!std::isfinite(value)) return "-";
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", decimals, value);
  return text;
}

std::string draw(const reports::Table& table) {
  reports::TerminalOptions options;
  options.colour = stdout_has_colour();
  struct winsize size {};
  if (::isatty(STDOUT_FILENO) == 1 && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
    options.max_width = size.ws_col;
  }
  return reports::render_terminal(table, options);
}

std::string quoted(const std::string& text, const std::string& indent) {
  std::string out;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = reports::printable(text.substr(begin, end - begin));
    out += line.empty() ? "\n" : indent + line + "\n";
    begin = end + 1;
  }
  return out;
}

std::string run_table(const std::vector<evals::RunRecord>& records) {
  std::string out = draw(reports::runs_table(records));
  std::string notes;
  for (const evals::RunRecord& record : records) {
    for (const std::string& warning : record.warnings) {
      notes += record.run_id + ": " + reports::printable(warning) + "\n";
    }
  }
  const std::string sample_data = reports::sample_data_notice(records);
  if (!sample_data.empty()) notes += sample_data + "\n";
  return notes.empty() ? out : out + "\n" + notes;
}

std::string run_details(const evals::RunRecord& record) {
  std::string out;
  if (record.decision) out += evals::decision_sentence(*record.decision) + "\n\n";
  out += run_table({record}) + "\n" + draw(reports::metrics_table(record));
  if (record.states.guessed > 0) {
    out += std::to_string(record.states.guessed) + " answers are the official grader's own guess\n";
  }
  if (record.states.major_flag > 0) {
    out += std::to_string(record.states.major_flag) +
           " right answers were found by a last-resort parse only\n";
  }
  for (const std::string& field : reports::breakdown_fields(record)) {
    out += "\n" + draw(reports::breakdown_table(record, field));
  }
  return out;
}

std::string comparison_text(const evals::Comparison& comparison, std::size_t max_flips) {
  std::string out = comparison.verdict + "\n";
  for (const std::string& sentence : reports::further_sentences(comparison)) out += sentence + "\n";
  out += "\n" + draw(reports::comparison_table(comparison));
  if (max_flips == 0 || comparison.flips.empty()) return out;
  out += "\n" + draw(reports::flips_table(comparison, max_flips));
  if (comparison.flips.size() > max_flips) {
    out += std::to_string(comparison.flips.size() - max_flips) + " more: --flips N shows them\n";
  }
  return out;
}

OrderedJson outcome_json(const evals::SampleOutcome& outcome) {
  const evals::Score& score = outcome.score;
  return {{"id", outcome.sample_id},
          {"row", outcome.row},
          {"epoch", outcome.epoch},
          {"value", score.value},
          {"state", evals::to_string(score.state)},
          {"answer", score.answer},
          {"gold", outcome.gold},
          {"rule", score.rule},
          {"why", score.why},
          {"parse_flag", score.parse_flag},
          {"guessed", score.guessed},
          {"notes", score.notes},
          {"finish_reason", outcome.finish_reason},
          {"failure", outcome.failure}};
}

}  // namespace peira::runner::cli
