// Telling others how a night ended: a command with the night as JSON on its standard input, or a
// webhook that the same JSON is posted to.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "runner/nightly/plan.h"

namespace peira::runner {

// Runs `command` (found as the shell would, not by a shell), `input` on its stdin, its output on
// our stderr. Killed after `limit`.
// throws Error(kUnavailable): not found, killed, or its exit status is not 0.
void run_command_with_input(const std::vector<std::string>& command, const std::string& input,
                            std::chrono::seconds limit);

// Posts `body` as application/json. Follows no redirection; the address is never shown beyond its
// host, as paths of webhooks are secrets.
// throws Error(kUnavailable): no connection, or an answer other than 2xx.
void post_json(const std::string& url, const std::string& body, std::chrono::seconds limit);

// Tells whom the plan names, if it wants to be told: what could not be done comes back as one line
// each.
//
// alarm    tonight has an alarm, a failed gate or an incomplete run.
// changed  the outcome is another than the last night's.
std::vector<std::string> notify(const NightlyNotify& whom, const Json& night, bool alarm,
                                bool changed);

}  // namespace peira::runner
