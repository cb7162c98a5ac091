// Pages of PDF files as pictures, by Poppler.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "model/media/image.h"

namespace peira::model {

// Pages from `first` to `last`, counted from 1; last 0: to the end.
struct PageRange {
  int first = 1;
  int last = 0;
};

// dpi          dots of a picture per inch of a page.
// max_pages    of one call; more are refused, not cut.
// max_pixels   of one page.
// time_limit   for each page.
// memory_bytes beyond what this process holds already.
struct PdfOptions {
  double dpi = 144;
  int max_pages = 100;
  std::int64_t max_pixels = 50'000'000;
  std::chrono::milliseconds time_limit{60'000};
  std::int64_t memory_bytes = std::int64_t{2} << 30U;
};

// Whether these are the bytes of a PDF file.
bool is_pdf(std::string_view bytes);

// Draws pages, what their crop boxes show, on white, and gives each to `take` in their order. Fonts
// that the file does not embed are this machine's.
//
// Poppler runs in a process of its own that can only write pictures to this one, under limits of
// time and memory: what breaks it ends as an error.
// bytes   untrusted. name    in front of errors.
// throws  Error(kData): no PDF, damaged, locked by a password, no such pages, or a page beyond the
//         limits (says which); Error(kUnavailable): built without Poppler, or no process can be
//         started.
// cost    forks this process: not while another thread holds a lock that malloc does not know of.
void read_pdf(std::string_view bytes, const std::string& name, PageRange range,
              const PdfOptions& options, const std::function<void(RgbImage)>& take);

}  // namespace peira::model
