/// \file retort.h
/// All of Retort. Torch is not among it: include retort/network.h or retort/losses.h for tensors.
#pragma once

#include "retort/base.h"
#include "retort/data.h"
#include "retort/ensemble.h"
#include "retort/export.h"
#include "retort/graph.h"
#include "retort/image.h"
#include "retort/infer.h"
#include "retort/kernels.h"
#include "retort/metrics.h"
#include "retort/model.h"
#include "retort/model_bench.h"
#include "retort/predictions.h"
#include "retort/recipe.h"
#include "retort/report.h"
#include "retort/ship.h"
#include "retort/train.h"
#include "retort/train_several.h"
#include "retort/weights.h"
#include "retort/zoo.h"
