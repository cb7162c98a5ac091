// PDF files among the pictures of messages: their pages, each a picture of its own.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/message.h"

namespace peira::runner {

// The pictures of what a person names as one: "F.png" itself; of "F.pdf" all pages, of
// "F.pdf#page=2" and "F.pdf#page=1-3" those. Pages are PNG bytes at 144 dots per inch. A file whose
// name has such an end is itself.
// throws Error(kUsage): pages that are no numbers, or of a file that is no PDF; Error(kData),
//        Error(kUnavailable): as model::read_pdf().
std::vector<Part> pictures_of(const std::string& name);

// `messages` with the pages of each PDF file in its place. throws as pictures_of().
std::vector<Message> with_pdf_pages(std::vector<Message> messages);

// Whether `part` is a PDF file where a picture is expected.
bool is_pdf_part(const Part& part);

// How pages become pictures, for manifests: {"dpi": 144, "pages": 100}.
Json pdf_settings();

}  // namespace peira::runner
