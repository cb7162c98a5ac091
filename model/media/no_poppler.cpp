#include "base/error.h"
#include "model/media/pdf_renderer.h"

namespace peira::model {

void require_pdf_renderer(const std::string& name) {
  throw Error(ErrorCode::kUnavailable,
              name +
                  ": this build of Peira reads no PDF files: Poppler was not there\n  try: apt "
                  "install libpoppler-cpp-dev, configure and build again; or pdftoppm -png, and "
                  "its pictures");
}

void draw_pdf(std::string_view, const std::string& name, PageRange, const PdfOptions&,
              const std::function<void(RgbImage)>&) {
  require_pdf_renderer(name);
}

}  // namespace peira::model
