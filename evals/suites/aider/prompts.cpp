#include "evals/suites/aider/prompts.h"

#include <optional>
#include <utility>

#include "evals/edits/workspace.h"

namespace peira::evals::aider {
namespace {

using edits::EditFormat;
using edits::Fence;

Message message(const char* role, std::string text) {
  Message made;
  made.role = role;
  made.parts.push_back(Part::from_text(std::move(text)));
  return made;
}

std::string fenced(const Fence& fence, const std::string& language, const std::string& text) {
  return fence.open + language + "\n" + text + fence.close + "\n";
}

// One block of the example, the file's name above the fence or inside it.
std::string block(EditFormat format, const Fence& fence, const std::string& file,
                  const std::string& search, const std::string& replace) {
  const std::string edit =
      "<<<<<<< SEARCH\n" + search + "=======\n" + replace + ">>>>>>> REPLACE\n";
  return format == EditFormat::kDiffFenced ? fenced(fence, "python", file + "\n" + edit)
                                           : file + "\n" + fenced(fence, "python", edit);
}

std::vector<Message> example(EditFormat format, const Fence& fence) {
  if (format == EditFormat::kWhole) {
    return {
        message("user", "Say goodbye instead of hello."),
        message("assistant", "I change the printed word to \"Goodbye\".\n\nfarewell.py\n" +
                                 fenced(fence, "",
                                        "import sys\n\n\ndef farewell(name):\n    print(f\"Goodbye "
                                        "{name}\")\n\n\nif __name__ == '__main__':\n    "
                                        "farewell(sys.argv[1])\n"))};
  }
  return {
      message("user", "Let area() use math.pi."),
      message("assistant",
              "In `shapes/circle.py` I import math and use its constant.\n\n" +
                  block(format, fence, "shapes/circle.py", "from shapes import base\n",
                        "import math\n\nfrom shapes import base\n") +
                  "\n" +
                  block(format, fence, "shapes/circle.py", "    return 3.14 * radius * radius\n",
                        "    return math.pi * radius * radius\n")),
      message("user", "Move title() into a file of its own."),
      message(
          "assistant",
          "I make `title.py` with title() in it and import it in `report.py`.\n\n" +
              block(format, fence, "title.py", "",
                    "def title(name):\n    return name.capitalize()\n") +
              "\n" +
              block(format, fence, "report.py", "def title(name):\n    return name.capitalize()\n",
                    "from title import title\n"))};
}

std::string quad_backticks(const Fence& fence) {
  return fence.open == "````" ? "Fences are *four* backticks ````, not three!\n" : "";
}

}  // namespace

std::string reminder(EditFormat format, const Fence& fence) {
  if (format == EditFormat::kWhole) {
    return "To change a file you MUST return all of its new text as a *file listing*:\n\n"
           "path/to/file.js\n" +
           fenced(fence, "", "// the whole text of the file\n") +
           "\nEvery *file listing* has\n"
           "- on its first line the file's name with the path it was given, and nothing else: no "
           "markup, no punctuation\n"
           "- then the opening " +
           fence.open + "\n- then the *whole* text of the file\n- then the closing " + fence.close +
           "\n\nNEVER leave text out or stand \"...\" for it. New files are returned the same way, "
           "under a name that fits.\n";
  }
  const bool inside = format == EditFormat::kDiffFenced;
  const std::string name =
      "the *whole* path of the file, alone on its line, as it was shown: no markup, no quotes\n";
  const std::string open = "the opening fence and the language: " + fence.open + "python\n";
  return "# Rules of *SEARCH/REPLACE blocks*\n\nEvery block has, line by line:\n1. " +
         (inside ? open : name) + "2. " + (inside ? name : open) +
         "3. <<<<<<< SEARCH\n"
         "4. lines that stand in the file now, one after the other\n"
         "5. =======\n"
         "6. the lines to put in their place\n"
         "7. >>>>>>> REPLACE\n"
         "8. the closing fence: " +
         fence.close + "\n\n" + quad_backticks(fence) +
         "The SEARCH lines must be *exactly* those of the file, character by character: comments, "
         "indentation and blank lines included. Only the first place where they stand is "
         "changed: give enough lines to be unique, and several blocks for several places. Keep "
         "blocks short: the lines that change and a few around them.\n\n"
         "Code is moved by two blocks, one to delete and one to insert. A new file is a block with "
         "its path, an empty SEARCH and the text as REPLACE. Change only files that you were "
         "shown.\n\n"
         "ALL CODE GOES INTO *SEARCH/REPLACE BLOCKS*!\n";
}

std::vector<Message> opening(EditFormat format, const Fence& fence) {
  std::string system =
      "You are an expert software developer. Follow good practice, and the conventions and "
      "libraries of the code at hand.\nTake requests for changes to the code you are shown. Ask "
      "when a request can be read in two ways.\n\nOnce a request is clear:\n";
  system += format == EditFormat::kWhole
                ? "1. Decide whether code must change.\n2. Explain the changes.\n3. Return a copy "
                  "of each file that changes.\n"
                : "1. Decide which files must change.\n2. Explain the changes step by step, in a "
                  "few short sentences.\n3. Describe every change by a *SEARCH/REPLACE block* as "
                  "in the examples.\n\nAll changes to files use *SEARCH/REPLACE blocks*.\n";
  std::vector<Message> messages{message("system", system + "\n" + reminder(format, fence))};
  for (Message& turn : example(format, fence)) messages.push_back(std::move(turn));
  messages.push_back(message("user", "From here on the code is another. Forget the files above."));
  messages.push_back(message("assistant", "Ok."));
  return messages;
}

std::vector<Message> chat_files(const edits::Workspace& workspace, const Fence& fence) {
  const std::vector<std::string> files = workspace.chat_files();
  if (files.empty()) {
    return {message("user", "There are no files to change yet."), message("assistant", "Ok.")};
  }
  std::string text =
      "These files are *part of the chat*: change them as needed.\n\n*This is what they hold "
      "now.* What other messages show of them may be older.\n";
  for (const std::string& file : files) {
    const std::optional<std::string> content = workspace.read(file);
    if (content) {
      text += "\n" + file + "\n" + fence.open + "\n" + *content + fence.close + "\n";
    }
  }
  return {message("user", std::move(text)),
          message("assistant", "Ok, I will change these files and no others.")};
}

std::string task(const std::string& instructions, const std::string& file_list) {
  return instructions +
         "\n####\n\nFollow the instructions above by changing the files given: " + file_list +
         "\nKeep the names of functions and classes that are there: other code, such as tests, "
         "uses them.\nUse the standard library only; suggest no packages to install.\n";
}

std::string failed_tests(const std::string& output, const std::string& file_list) {
  return output +
         "\n####\n\nAbove are the errors of the tests.\nThe tests are right; do not change them.\n"
         "Change the code in " +
         file_list + " so that the errors go away.\n";
}

std::vector<Message> edits_made() {
  return {message("user", "The files are changed."), message("assistant", "Ok.")};
}

}  // namespace peira::evals::aider
