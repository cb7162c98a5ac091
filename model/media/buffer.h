// Memory for pixels and features: not cleared first, and in large pages where the system has them.
// A picture of two megapixels makes 46 MB of patches; cleared, in pages of 4 KiB, that costs more
// than computing them.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

namespace peira::model {

template <class T>
struct LargePageAllocator {
  using value_type = T;
  LargePageAllocator() = default;
  template <class U>
  explicit LargePageAllocator(const LargePageAllocator<U>&) {}

  T* allocate(std::size_t count) {
    constexpr std::size_t kLargePage = std::size_t{2} << 20;
    const std::size_t size = count * sizeof(T);
    if (size < kLargePage) return std::allocator<T>().allocate(count);
    const std::size_t rounded = (size + kLargePage - 1) / kLargePage * kLargePage;
    void* const memory = std::aligned_alloc(kLargePage, rounded);
    if (memory == nullptr) throw std::bad_alloc();
    madvise(memory, rounded, MADV_HUGEPAGE);  // advice: no harm where it is not taken
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t count) {
    if (count * sizeof(T) < (std::size_t{2} << 20)) {
      std::allocator<T>().deallocate(memory, count);
    } else {
      std::free(memory);
    }
  }

  // resize(n) leaves the new elements as they are: whoever asks for them writes them.
  template <class U>
  void construct(U* at) {
    ::new (static_cast<void*>(at)) U;
  }
  template <class U, class... Args>
  void construct(U* at, Args&&... args) {
    ::new (static_cast<void*>(at)) U(std::forward<Args>(args)...);
  }
  bool operator==(const LargePageAllocator&) const { return true; }
};

// A vector of numbers whose resize() does not clear.
template <class T>
using Buffer = std::vector<T, LargePageAllocator<T>>;

}  // namespace peira::model
