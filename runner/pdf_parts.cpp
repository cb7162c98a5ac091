#include "runner/pdf_parts.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "model/media/pdf.h"

namespace peira::runner {
namespace {

constexpr std::string_view kMark = "#page=";

std::optional<int> page_number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1) return std::nullopt;
  return value;
}

std::optional<model::PageRange> page_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = page_number(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : page_number(text.substr(dash + 1));
  if (!first || !last || *last < *first) return std::nullopt;
  return model::PageRange{*first, *last};
}

std::vector<Part> pages_of(std::string_view bytes, const std::string& name,
                           model::PageRange range) {
  std::vector<Part> out;
  model::read_pdf(bytes, name, range, {}, [&](const model::RgbImage& image) {
    Part page;
    page.kind = PartKind::kImage;
    page.bytes = model::encode_png(image);
    out.push_back(std::move(page));
  });
  return out;
}

Part picture(const std::string& path) {
  Part out;
  out.kind = PartKind::kImage;
  out.path = path;
  return out;
}

}  // namespace

bool is_pdf_part(const Part& part) {
  if (part.kind != PartKind::kImage) return false;
  if (!part.bytes.empty() || part.path.empty()) return model::is_pdf(part.bytes);
  std::ifstream file(part.path, std::ios::binary);
  char head[5] = {};
  return file.read(head, sizeof head) && model::is_pdf({head, sizeof head});
}

std::vector<Part> pictures_of(const std::string& name) {
  const std::size_t mark = name.rfind(kMark);
  std::error_code ignored;
  if (mark == std::string::npos || std::filesystem::exists(name, ignored)) {
    const Part whole = picture(name);
    if (!is_pdf_part(whole)) return {whole};
    return pages_of(read_file(name), name, {});
  }
  const std::string path = name.substr(0, mark);
  const auto range = page_range(std::string_view(name).substr(mark + kMark.size()));
  if (!range) {
    throw Error(ErrorCode::kUsage, name + ": pages are numbers from 1\n  try: " + path +
                                       "#page=2 or " + path + "#page=1-3");
  }
  const std::string bytes = read_file(path);
  if (!model::is_pdf(bytes)) {
    throw Error(ErrorCode::kUsage, name + ": only PDF files have pages\n  try: " + path);
  }
  return pages_of(bytes, path, *range);
}

std::vector<Message> with_pdf_pages(std::vector<Message> messages) {
  for (Message& message : messages) {
    if (std::none_of(message.parts.begin(), message.parts.end(), is_pdf_part)) continue;
    std::vector<Part> parts;
    for (Part& part : message.parts) {
      if (!is_pdf_part(part)) {
        parts.push_back(std::move(part));
        continue;
      }
      const bool has_path = part.bytes.empty();
      for (Part& page : pages_of(has_path ? read_file(part.path) : part.bytes,
                                 has_path ? part.path.string() : "a PDF file of the prompt", {})) {
        parts.push_back(std::move(page));
      }
    }
    message.parts = std::move(parts);
  }
  return messages;
}

Json pdf_settings() {
  const model::PdfOptions options;
  return {{"dpi", options.dpi}, {"max_pages", options.max_pages}};
}

}  // namespace peira::runner
