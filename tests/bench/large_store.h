// A store of two runs, "a" and "b", with as many samples as one likes.
#pragma once

#include <cstdint>
#include <filesystem>

namespace peira::runner {

// Written by SQL alone, which is how a million rows come about in seconds. About 70 % right, one in
// 250,000 failed; questions of 300 bytes, replies of half a kilobyte.
void make_large_store(const std::filesystem::path& path, std::int64_t num_samples);

}  // namespace peira::runner
