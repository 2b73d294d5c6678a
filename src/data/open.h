/// \file open.h
/// What the makers of data sets share.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "retort/data.h"

namespace retort {

/// Id of sample `index` of a part ("train", "test"), for data that names its samples by their place.
uint64_t sample_id(std::string_view part, int64_t index);
/// Id of the sample in file `path` of a part, for data that names them so.
uint64_t sample_id(std::string_view part, std::string_view path);

/// The fixed tenth, 0 to 9, that a sample falls into where a split is held out: val is tenth 0.
uint64_t split_tenth(uint64_t id);

/// Fills train, val and test: val is held out of the training source by a fixed hash of the id. Throws Error where that
/// leaves nothing in one of them.
void set_splits(DataSet& data, const std::shared_ptr<const Source>& train, const std::shared_ptr<const Source>& test);

/// All images below a directory, or below its train, in `train`; nothing else of the data set is filled but the hash.
DataSet open_unlabeled_folder(const std::string& directory);

/// Fashion-MNIST from a directory that holds its four files.
DataSet open_fashion_mnist_in(const std::filesystem::path& directory);

}  // namespace retort
