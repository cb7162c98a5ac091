// A programming problem as LiveCodeBench has it: what a program starts from and the tests that
// judge it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace peira::datasets {

// Text as a JSON file holds it: UTF-8, with halves of surrogate pairs that stand alone as three
// bytes each, as Python's "surrogatepass" writes them.
struct ProgramTest {
  std::string input;
  std::string output;
};

// Tests stay as packed as their file has them until they are asked for: those of one problem come
// to tens of megabytes.
struct ProgramTask {
  std::string starter_code;   // "" where the program reads stdin
  std::string function_name;  // of a problem that is a function; "" for stdin
  std::string public_tests;   // a JSON list
  std::string private_tests;  // a JSON list, or its packing
  std::size_t num_tests = 0;

  bool is_function() const { return !function_name.empty(); }

  // Public tests, then private ones, in the order of the file.
  // throws Error(kData): see read_tests().
  std::vector<ProgramTest> tests() const;
};

// The tests in a cell: a JSON list of {"input", "output", "testtype"}, or that list as text in a
// pickle, deflated by zlib, in base64. A pickle that holds anything but one text is refused, and
// nothing in it is ever carried out.
//
// where   names the cell in errors.
// throws  Error(kData): neither of the two; more than 1 GiB when inflated.
std::vector<ProgramTest> read_tests(std::string_view cell, const std::string& where);

// The text behind such a packing, before it is read as JSON. throws as read_tests.
std::string unpack_tests(std::string_view packed, const std::string& where);

}  // namespace peira::datasets
