// What draws the pages of a PDF file, inside the process that read_pdf() makes for it.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "model/media/pdf.h"

namespace peira::model {

// throws Error(kUnavailable): this build has none.
void require_pdf_renderer(const std::string& name);

// As read_pdf(), in this process and without limits of time and memory. throws std::bad_alloc:
// there is no memory for a page.
void draw_pdf(std::string_view bytes, const std::string& name, PageRange range,
              const PdfOptions& options, const std::function<void(RgbImage)>& take);

}  // namespace peira::model
