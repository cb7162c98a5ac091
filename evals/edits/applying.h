// What both edit formats do to files, with the official tool's count of errors and questions.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "evals/edits/edit_format.h"
#include "evals/edits/workspace.h"

namespace peira::evals::edits {

inline constexpr const char* kNulInName = "A file name holds a NUL character.";

// One reply being applied. Once failed() holds, outcome() is what became of it.
class Applying {
 public:
  explicit Applying(Workspace& workspace) : workspace_(workspace) {}

  // The text of `name`; counts the errors that are printed where there is none.
  std::optional<std::string> read(const std::string& name);

  // Whether `name` is there; fails for names that cannot be asked for.
  bool exists(const std::string& name);

  // Makes `name` a chat file, creating it where it is absent. False: it cannot be created, and its
  // edits are dropped without further ado. The answer for a name is given once.
  bool allow(const std::string& name);

  // Overwrites `name`; fails where it cannot be written.
  bool write(const std::string& name, const std::string& text);

  void edited(const std::string& name) { outcome_.edited.insert(name); }

  EditOutcome malformed(const std::string& feedback);
  EditOutcome broken(const std::string& problem);
  bool failed() const { return outcome_.result != EditResult::kApplied; }
  const EditOutcome& outcome() const { return outcome_; }

 private:
  Workspace& workspace_;
  std::map<std::string, bool> allowed_;
  EditOutcome outcome_;
};

}  // namespace peira::evals::edits
