/// \file color.h
/// Changes of colour on 8-bit pixels, bit for bit those of torchvision on Pillow images (12.0): grey or colour images.
#pragma once

#include "retort/image.h"

namespace retort {

/// Blends with black; 1 changes nothing.
void adjust_brightness(Image& image, double factor);
/// Blends with the image's mean grey.
void adjust_contrast(Image& image, double factor);
/// Blends with the image in grey. Nothing happens to grey images.
void adjust_saturation(Image& image, double factor);
/// Turns the hue by `turn` of the circle, in [-0.5, 0.5], in Pillow's 8-bit HSV: also 0 rounds colours. Nothing happens
/// to grey images.
void adjust_hue(Image& image, double turn);

}  // namespace retort
