// Runs a fuzz target without libFuzzer: every file of the corpus, then as many mutations as asked for. The same bytes
// on every machine.
//   NAME_fuzz MUTATIONS CORPUS
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Bytes = std::vector<uint8_t>;

std::vector<Bytes> read_corpus(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> files;
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    files.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return files;
}

/// Changes a few bytes, cuts, repeats, or splices in another file's end.
Bytes mutate(const std::vector<Bytes>& corpus, std::mt19937_64& random) {
  const auto below = [&](size_t n) { return static_cast<size_t>(random() % std::max<size_t>(n, 1)); };
  Bytes bytes = corpus[below(corpus.size())];
  const Bytes& other = corpus[below(corpus.size())];
  const auto at = [&](const Bytes& b) { return static_cast<std::ptrdiff_t>(below(b.size() + 1)); };
  static constexpr uint8_t kTelling[] = {0, 1, 0x7f, 0x80, 0xff, '"', '{', '[', ',', '9', '-'};
  for (size_t change = below(4) + 1; change > 0; --change) {
    switch (below(5)) {
      case 0:
        if (!bytes.empty()) bytes[below(bytes.size())] = static_cast<uint8_t>(random());
        break;
      case 1:
        if (!bytes.empty()) bytes[below(bytes.size())] = kTelling[below(std::size(kTelling))];
        break;
      case 2:
        bytes.resize(below(bytes.size() + 1));
        break;
      case 3:
        bytes.insert(bytes.begin() + at(bytes), kTelling[below(std::size(kTelling))]);
        break;
      default:
        bytes.erase(bytes.begin() + at(bytes), bytes.end());
        bytes.insert(bytes.end(), other.begin() + at(other), other.end());
    }
  }
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: " << argv[0] << " MUTATIONS CORPUS\n";
    return 2;
  }
  const std::vector<Bytes> corpus = read_corpus(argv[2]);
  if (corpus.empty()) {
    std::cerr << "no files in " << argv[2] << '\n';
    return 1;
  }
  for (const Bytes& bytes : corpus) LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  std::mt19937_64 random(1);
  const int64_t mutations = std::stoll(argv[1]);
  for (int64_t i = 0; i < mutations; ++i) {
    const Bytes bytes = mutate(corpus, random);
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
  std::cout << corpus.size() << " files, " << mutations << " mutations\n";
}
