/// \file cifar.h
/// CIFAR-10 and CIFAR-100 in their binary version: records of labels and three planes of 32 x 32 pixels.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "retort/data.h"

namespace retort {

struct CifarKind {
  std::string name;                      ///< "cifar10"
  std::string directory, archive;        ///< where the files lie once unpacked; the tar's name without its ending
  std::vector<std::string> train_files;  ///< in order
  std::string test_file, names_file;     ///< names: one class a line
  int64_t labels = 1;                    ///< bytes before the pixels; the last is the label
  int64_t classes = 10;
  int64_t train_records = 0, test_records = 0;  ///< in each file
  std::vector<double> mean, std;
};

extern const CifarKind kCifar10, kCifar100;

/// Opens a directory with the files, with `directory` or with the archive in it, or the archive itself (.tar or
/// .tar.gz, known by its first bytes). Throws Error on missing and damaged files, other counts of records and labels
/// out of range.
DataSet open_cifar(const CifarKind& kind, const std::filesystem::path& place);

}  // namespace retort
