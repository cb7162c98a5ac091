// A file descriptor with one owner.
#pragma once

#include <unistd.h>

#include <utility>

namespace peira::runner {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { reset(); }

  int get() const { return number_; }
  bool is_open() const { return number_ >= 0; }
  void reset() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_ = -1;
};

struct Pipe {
  Descriptor read, write;
};
// Both ends close-on-exec. throws Error(kUnavailable).
Pipe open_pipe();

// A file in memory that holds `bytes`, positioned at its start, opened for reading only.
// throws Error(kUnavailable).
Descriptor file_in_memory(const char* name, const void* bytes, std::size_t size);

}  // namespace peira::runner
