// Something went wrong while a template was read or ran.
#pragma once

#include <string>
#include <utility>

namespace peira::model::jinja {

// Thrown without a place; who knows the place adds it.
struct Failure {
  std::string message;
};

[[noreturn]] inline void fail(std::string message) { throw Failure{std::move(message)}; }

}  // namespace peira::model::jinja
