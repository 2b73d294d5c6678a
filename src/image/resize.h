/// \file resize.h
/// A part of a resized image for the price of that part.
#pragma once

#include "retort/image.h"

namespace retort {

/// The pixels inside `window` of resize_image(in, height, width, ...); the rest is not computed. Throws Error on sizes
/// beyond 2^26.
void resize_window(const Image& in, int64_t height, int64_t width, const Box& window, Interpolation interpolation,
                   Image& out);

}  // namespace retort
