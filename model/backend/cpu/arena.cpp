#include "model/backend/cpu/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <string>

#include "base/error.h"

namespace peira::model::cpu {
namespace {

constexpr std::int64_t kAlignment = 64;
constexpr std::int64_t kLargePage = 2 << 20;
// Regions are address space; memory is taken page by page as it is written.
constexpr std::int64_t kRegion = 256 << 20;

std::int64_t rounded_up(std::int64_t value, std::int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

}  // namespace

void prefer_large_pages(void* data, std::int64_t size_bytes) {
  const auto address = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(data));
  const std::int64_t skipped = rounded_up(address, kLargePage) - address;
  const std::int64_t whole = (size_bytes - skipped) / kLargePage * kLargePage;
  if (whole <= 0) return;
  // A wish: without large pages everything works, slower.
  ::madvise(static_cast<std::byte*>(data) + skipped, static_cast<std::size_t>(whole),
            MADV_HUGEPAGE);
}

Arena::~Arena() {
  for (const Region& region : regions_) {
    ::munmap(region.data, static_cast<std::size_t>(region.size_bytes));
  }
}

std::byte* Arena::allocate(std::int64_t size_bytes) {
  const std::int64_t needed = rounded_up(size_bytes, kAlignment);
  if (needed > left_bytes_) {
    // A large page more: the system need not begin a region at one's multiple.
    const std::int64_t size = rounded_up(std::max(needed, kRegion), kLargePage) + kLargePage;
    void* const data = ::mmap(nullptr, static_cast<std::size_t>(size), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data == MAP_FAILED) {
      throw Error(ErrorCode::kUnavailable, "out of memory: " + std::to_string(size) +
                                               " bytes for weights were refused\n  try: a smaller "
                                               "model, or --weights int8");
    }
    regions_.push_back({static_cast<std::byte*>(data), size});
    // A wish: without large pages everything works, slower.
    ::madvise(data, static_cast<std::size_t>(size), MADV_HUGEPAGE);
    const auto address = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(data));
    const std::int64_t skipped = rounded_up(address, kLargePage) - address;
    next_ = regions_.back().data + skipped;
    left_bytes_ = size - skipped;
  }
  std::byte* const out = next_;
  next_ += needed;
  left_bytes_ -= needed;
  used_bytes_ += needed;
  return out;
}

}  // namespace peira::model::cpu
