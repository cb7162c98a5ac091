#include "runner/sandbox/cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <sstream>
#include <system_error>
#include <thread>
#include <utility>

namespace peira::runner {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPrefix = "peira-sandbox-";

struct Mount {
  std::string root;     // which group of the hierarchy is mounted
  std::string at;       // where
  std::string type;     // cgroup or cgroup2
  std::string options;  // v1: the controllers
};

// /proc/self/mountinfo: id parent major:minor root mount-point options [tags] - type source options
std::vector<Mount> cgroup_mounts() {
  std::vector<Mount> mounts;
  std::ifstream file("/proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string skip, word;
    Mount mount;
    fields >> skip >> skip >> skip >> mount.root >> mount.at;
    while (fields >> word && word != "-") {
    }
    fields >> mount.type >> skip >> mount.options;
    if (mount.type == "cgroup" || mount.type == "cgroup2") mounts.push_back(mount);
  }
  return mounts;
}

bool lists(const std::string& names, const std::string& name) {
  return ("," + names + ",").find("," + name + ",") != std::string::npos;
}

// The folder of this process's own group in the hierarchy of `controller` ("" for v2).
std::optional<fs::path> own_folder(const std::string& controller) {
  std::string path;
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string names = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? names.empty() : lists(names, controller))
      path = line.substr(second + 1);
  }
  if (path.empty()) return std::nullopt;
  for (const Mount& mount : cgroup_mounts()) {
    const bool right = controller.empty()
                           ? mount.type == "cgroup2"
                           : mount.type == "cgroup" && lists(mount.options, controller);
    if (!right) continue;
    // Inside a container the mount shows a part of the hierarchy that the path may lie in or not.
    if (mount.root != "/" && path.starts_with(mount.root)) path = path.substr(mount.root.size());
    const fs::path folder = mount.at + (path == "/" ? "" : path);
    std::error_code error;
    return fs::is_directory(folder, error) ? folder : fs::path(mount.at);
  }
  return std::nullopt;
}

bool write_value(const std::string& path, const std::string& value) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool written =
      ::write(file, value.data(), value.size()) == static_cast<ssize_t>(value.size());
  ::close(file);
  return written;
}

// The number after `name` in a file of "name number" lines; 0 if there is none.
std::int64_t counter(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  std::string word;
  std::int64_t value = 0;
  while (file >> word >> value) {
    if (word == name) return value;
  }
  return 0;
}

// Groups of processes that were killed before they could remove them.
void remove_stale(const fs::path& parent) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(parent, error)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(kPrefix)) continue;
    pid_t owner = 0;
    const char* const end = name.data() + name.size();
    std::from_chars(name.data() + std::string_view(kPrefix).size(), end, owner);
    if (owner > 0 && ::kill(owner, 0) != 0 && errno == ESRCH) ::rmdir(entry.path().c_str());
  }
}

// A new group in `parent` that has `file`; empty if none can be made.
std::string make_group(const fs::path& parent, const std::string& name, const std::string& file) {
  static std::mutex mutex;
  {
    const std::lock_guard lock(mutex);
    remove_stale(parent);
  }
  const std::string folder = (parent / name).string();
  std::error_code error;
  if (!fs::create_directory(folder, error)) return {};
  if (::access((folder + "/" + file).c_str(), W_OK) == 0 &&
      ::access((folder + "/cgroup.procs").c_str(), W_OK) == 0) {
    return folder;
  }
  ::rmdir(folder.c_str());
  return {};
}

}  // namespace

std::unique_ptr<Cgroup> Cgroup::make(std::string* why_not) {
  static std::atomic<int> counter_of_groups{0};
  const std::string name =
      kPrefix + std::to_string(::getpid()) + "-" + std::to_string(counter_of_groups.fetch_add(1));
  std::unique_ptr<Cgroup> group(new Cgroup);
  // v1 first: where both are mounted, memory is controlled by v1.
  const auto memory = own_folder("memory");
  const auto pids = own_folder("pids");
  if (memory && pids) {
    group->version_ = 1;
    group->memory_folder_ = make_group(*memory, name, "memory.limit_in_bytes");
    if (!group->memory_folder_.empty()) group->pids_folder_ = make_group(*pids, name, "pids.max");
    if (!group->pids_folder_.empty()) return group;
    if (why_not != nullptr) *why_not = memory->string() + " is not writable";
    return nullptr;
  }
  group->version_ = 2;
  const auto own = own_folder("");
  if (!own) {
    if (why_not != nullptr) *why_not = "no memory control group is mounted";
    return nullptr;
  }
  // A group that has processes cannot hand control to groups inside it, so the neighbour comes
  // next.
  for (const fs::path& parent : {*own, own->parent_path()}) {
    group->memory_folder_ = make_group(parent, name, "memory.max");
    if (group->memory_folder_.empty()) continue;
    group->pids_folder_ = group->memory_folder_;
    if (::access((group->pids_folder_ + "/pids.max").c_str(), W_OK) == 0) return group;
    ::rmdir(group->memory_folder_.c_str());
  }
  group->memory_folder_.clear();
  group->pids_folder_.clear();
  if (why_not != nullptr) *why_not = own->string() + " does not delegate memory and pids";
  return nullptr;
}

Cgroup::~Cgroup() {
  for (const std::string& folder : {memory_folder_, pids_folder_}) {
    if (folder.empty()) continue;
    // The last process may still be on its way out.
    for (int attempt = 0; attempt < 50 && ::rmdir(folder.c_str()) != 0 && errno == EBUSY;
         ++attempt) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
}

std::vector<std::string> Cgroup::joining_files() const {
  std::vector<std::string> files{memory_folder_ + "/cgroup.procs"};
  if (pids_folder_ != memory_folder_) files.push_back(pids_folder_ + "/cgroup.procs");
  return files;
}

void Cgroup::limit(std::int64_t memory_bytes, std::int64_t num_tasks) {
  if (memory_bytes != std::exchange(memory_bytes_, memory_bytes)) {
    write_value(memory_folder_ + (version_ == 1 ? "/memory.limit_in_bytes" : "/memory.max"),
                std::to_string(memory_bytes));
    // Swapping would turn the ceiling into a slow disk; where there is no swap there is no such
    // file.
    if (version_ == 2) write_value(memory_folder_ + "/memory.swap.max", "0");
  }
  if (num_tasks != std::exchange(num_tasks_, num_tasks)) {
    write_value(pids_folder_ + "/pids.max", std::to_string(num_tasks));
  }
}

std::int64_t Cgroup::num_memory_kills() const {
  return counter(memory_folder_ + (version_ == 1 ? "/memory.oom_control" : "/memory.events"),
                 "oom_kill");
}

std::int64_t Cgroup::num_refused_tasks() const {
  return counter(pids_folder_ + "/pids.events", "max");
}

}  // namespace peira::runner
