// From a file of weights to a network that is ready, against a plain read of the file. The file lies in the page cache.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>

#include "base/json.h"
#include "retort/network.h"
#include "retort/zoo.h"

namespace retort {
namespace {

struct Arguments {
  std::string model = "resnet50";
  int repeats = 15, threads = 1;
};

void read_plainly(const std::filesystem::path& path) {
  const auto size = static_cast<size_t>(std::filesystem::file_size(path));
  const std::unique_ptr<char[]> memory(new char[size]);  // not zeroed
  const int file = ::open(path.c_str(), O_RDONLY);
  size_t done = 0;
  for (ssize_t n = 1; n > 0; done += static_cast<size_t>(n)) n = ::read(file, memory.get() + done, size - done);
  ::close(file);
  if (done != size) fail(path.string(), "cannot read it; free some memory or disk");
}

double seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + std::ssize(values) / 2, values.end());
  return values[values.size() / 2];
}

// The two in turn, so that the machine's drift hits both alike; the first turn warms up.
Json measure(const Arguments& a, const std::filesystem::path& file) {
  const Graph graph = build_model(a.model, 1000, 3);
  std::vector<double> read, construct, load;
  for (int i = 0; i <= a.repeats; ++i) {
    const double plain = seconds([&] { read_plainly(file); });
    std::optional<Network> network;
    const double made = seconds([&] { network.emplace(graph, NetworkOptions{.fill = false}); });
    const double loaded = seconds([&] { network->load(file); });
    if (i == 0) continue;
    read.push_back(plain);
    construct.push_back(made);
    load.push_back(loaded);
  }
  const double ready = median(construct) + median(load);
  return {{"model", a.model},
          {"threads", a.threads},
          {"file_bytes", std::filesystem::file_size(file)},
          {"repeats", a.repeats},
          {"read_seconds", median(read)},
          {"construct_seconds", median(construct)},
          {"load_seconds", median(load)},
          {"ratio", ready / median(read)}};
}

void run(const Arguments& a) {
  set_threads(a.threads);
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / str("retort_load_bench_", ::getpid(), ".safetensors");
  Network(build_model(a.model, 1000, 3), {}).save(file);
  const Json result = measure(a, file);
  std::filesystem::remove(file);
  std::cout << result.dump() << "\n";
}

}  // namespace
}  // namespace retort

int main(int argc, char** argv) try {
  retort::Arguments arguments;
  CLI::App app("Weights from a file into a network, against a plain read of the file");
  app.add_option("--model", arguments.model)->capture_default_str();
  app.add_option("--threads", arguments.threads)->capture_default_str();
  app.add_option("--repeats", arguments.repeats, "medians are printed")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  retort::run(arguments);
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
