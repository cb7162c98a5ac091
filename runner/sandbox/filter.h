// The system calls that a program in the sandbox may make.
#pragma once

#include <cstdint>
#include <string>

namespace peira::runner {

// A seccomp program (struct sock_filter, as bytes) that allows the calls ordinary programs make,
// hands all others to the supervisor, which refuses and records them (but for anonymous shared
// mappings, which it counts and lets pass), and answers "no such call" to those that run-time
// libraries only probe for.
//
// allow_loopback  also allows IPv4 and IPv6 sockets.
// throws          Error(kUnavailable): libseccomp cannot make it.
std::string sandbox_filter(bool allow_loopback);

// The highest number this libseccomp has a name for: the supervisor answers "no such call" above
// it, as an older kernel would.
int last_known_system_call();

// "socket" for its number on this machine; "call 461" if it has no name here.
std::string system_call_name(int number);

}  // namespace peira::runner
