/// \file taps.h
/// Where losses of features look in a network.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "retort/losses.h"

namespace retort {

/// In stores of soft labels, the features that the classifier is given, whatever module gives them.
inline constexpr const char* kEmbeddingTap = "embedding";

/// What is looked at where no taps are given.
enum class Look {
  stages,          ///< the last map of each resolution; of transformers, the tokens after each quarter of the blocks
  middle,          ///< the middle one of these
  pre_activation,  ///< what the activations at the ends of stages are given
  levels,          ///< stages and the embedding
  last_map,        ///< what is pooled for the classifier
  embedding,       ///< what the classifier is given
};

/// What a term sees of both networks.
struct Looks {
  Look student = Look::last_map, teacher = Look::last_map;
  enum class Form { any, maps, pooled } form = Form::any;  ///< pooled: maps become vectors of their means
  std::vector<std::string> student_taps = {}, teacher_taps = {};
};

/// Takes `student_taps` and `teacher_taps`, names with commas between them, out of a spec's values.
void take_taps(std::map<std::string, std::string>& values, Looks& looks);
/// These two settings, for listings: Settings has no free text.
std::vector<SettingInfo> tap_settings();

/// Throws a usage error on taps that the network lacks, listing those that it has.
void check_taps(const std::string& setting, const std::vector<std::string>& taps, const LossNetwork& network);

/// Names of the taps that `look` means, the shallowest first. Throws a usage error where the network has none.
std::vector<std::string> default_taps(const Graph& graph, const Shape& input, Look look);

/// Fills in taps that were not given and pairs the two networks': the deepest with the deepest. Throws usage errors on
/// taps that a network lacks, with those that it has, where given ones differ in number, and where the term needs more
/// than the vectors that are stored.
void find_taps(Looks& looks, const LossNetwork& student, const LossNetwork& teacher);

/// The node that gives the tap is an activation that lets nothing negative through.
bool ends_in_relu(const Graph& graph, const std::string& tap);

}  // namespace retort
