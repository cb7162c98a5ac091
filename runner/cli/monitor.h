// peira monitor, a group of subcommands.
#pragma once

#include "runner/cli/command.h"

namespace peira::runner::cli {

Command add_monitor(CLI::App& root);

}  // namespace peira::runner::cli
