// PDF files of a few hundred bytes, written by hand (PDF 1.4, ISO 32000-1 section 7.5).
#pragma once

#include <cstdio>
#include <string>
#include <vector>

namespace peira::test {

// content  of the page's stream: "1 0 0 rg 0 0 50 50 re f" is a red square.
// more     further members of the page's dictionary: "/Rotate 90".
struct PdfPage {
  std::string content;
  std::string box = "0 0 100 50";  // in points
  std::string more = {};
};

// The file of `objects`, numbered from 1, the first of which is the catalogue.
inline std::string pdf_of_objects(const std::vector<std::string>& objects) {
  std::string file = "%PDF-1.4\n";
  std::vector<std::size_t> offsets;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    offsets.push_back(file.size());
    file += std::to_string(i + 1) + " 0 obj\n" + objects[i] + "\nendobj\n";
  }
  const std::size_t table = file.size();
  file += "xref\n0 " + std::to_string(objects.size() + 1) + "\n0000000000 65535 f \n";
  for (const std::size_t offset : offsets) {
    char line[32];
    std::snprintf(line, sizeof line, "%010zu 00000 n \n", offset);
    file += line;
  }
  return file + "trailer\n<< /Size " + std::to_string(objects.size() + 1) +
         " /Root 1 0 R >>\nstartxref\n" + std::to_string(table) + "\n%%EOF\n";
}

inline std::string small_pdf(const std::vector<PdfPage>& pages) {
  std::vector<std::string> objects{"<< /Type /Catalog /Pages 2 0 R >>", ""};
  std::string kids;
  for (const PdfPage& page : pages) {
    const std::size_t number = objects.size() + 1;
    kids += std::to_string(number) + " 0 R ";
    objects.push_back("<< /Type /Page /Parent 2 0 R /MediaBox [" + page.box + "] /Contents " +
                      std::to_string(number + 1) + " 0 R " + page.more + " >>");
    objects.push_back("<< /Length " + std::to_string(page.content.size()) + " >>\nstream\n" +
                      page.content + "\nendstream");
  }
  objects[1] =
      "<< /Type /Pages /Count " + std::to_string(pages.size()) + " /Kids [" + kids + "] >>";
  return pdf_of_objects(objects);
}

}  // namespace peira::test
