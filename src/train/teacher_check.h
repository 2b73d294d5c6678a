/// \file teacher_check.h
/// Whether a teacher knows anything.
#pragma once

#include <memory>
#include <string>

#include "retort/ensemble.h"
#include "retort/model.h"
#include "retort/predictions.h"

namespace retort {

/// Tells the monitor, with its accuracy, where what a store's members are combined to is right no more often than
/// chance: 1 / classes. Looks at the plain labels of up to 4096 of `samples`, in view 0.
void check_store(const Labels& store, const Combiner& combiner, const Samples& samples, const std::string& name,
                 const Monitor& monitor);
/// The same of a model, on up to 256 samples of val.
void check_teacher(Model& model, const DataSet& data, const Monitor& monitor);

}  // namespace retort
