#include "base/machine.h"

#include <sched.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>
#include <vector>

#include "retort/base.h"

namespace retort {

namespace {

rusage usage_so_far() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage;
}

double clock_seconds(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// The value after "key<spaces>:" in /proc/cpuinfo, first processor.
std::string cpuinfo(const std::string& key) {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    const size_t colon = line.find(':');
    if (colon != std::string::npos && line.starts_with(key)) return line.substr(std::min(colon + 2, line.size()));
  }
  return "";
}

// Cores that the cgroup's quota allows, or 0 where there is none.
int cgroup_quota() {
  std::ifstream in("/sys/fs/cgroup/cpu.max");
  double quota = 0, period = 0;
  if (!(in >> quota >> period) || period <= 0) return 0;
  return std::max(1, static_cast<int>(std::floor(quota / period)));
}

}  // namespace

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int cores = ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  if (const int quota = cgroup_quota()) cores = std::min(cores, quota);
  return std::max(1, cores);
}

int resolve_threads(int threads) { return threads > 0 ? threads : usable_cores(); }

std::string machine_description() {
  const std::string name = cpuinfo("model name");
  return str(name.empty() ? "unknown CPU" : name, ", ", usable_cores(), " cores");
}

bool bf16_is_fast() {
  // A convolution took 1.8 times as long as in float32 with Intel's avx512_bf16 and no AMX.
  const bool amd = cpuinfo("vendor_id") == "AuthenticAMD";
  std::istringstream flags(cpuinfo("flags"));
  for (std::string flag; flags >> flag;) {
    if (flag == "amx_bf16" || (amd && flag == "avx512_bf16")) return true;
  }
  return false;
}

double wall_seconds() { return clock_seconds(CLOCK_MONOTONIC); }
double process_cpu_seconds() { return clock_seconds(CLOCK_PROCESS_CPUTIME_ID); }
double thread_cpu_seconds() { return clock_seconds(CLOCK_THREAD_CPUTIME_ID); }

int64_t peak_memory_bytes() { return static_cast<int64_t>(usage_so_far().ru_maxrss) * 1024; }
int64_t page_faults() { return static_cast<int64_t>(usage_so_far().ru_minflt); }

void parallel_for(int threads, int64_t count, const std::function<void(int64_t)>& fn) {
  std::atomic<int64_t> next{0};
  std::exception_ptr first_error;
  std::mutex mutex;
  const auto work = [&] {
    for (int64_t i; (i = next++) < count;) {
      try {
        fn(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!first_error) first_error = std::current_exception();
      }
    }
  };
  {
    std::vector<std::jthread> pool;
    for (int64_t t = 1; t < std::min<int64_t>(threads, count); ++t) pool.emplace_back(work);
    work();
  }
  if (first_error) std::rethrow_exception(first_error);
}

}  // namespace retort
