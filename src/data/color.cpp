#include "data/color.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace retort {

namespace {

uint32_t grey_of(const uint8_t* rgb) {  // Pillow's L
  return (19595u * rgb[0] + 38470u * rgb[1] + 7471u * rgb[2] + 0x8000u) >> 16;
}

// Pillow's Image.blend: from `from` (factor 0) over `to` (1) and beyond, cut to 8 bits.
uint8_t blend(uint32_t from, uint32_t to, float factor) {
  const auto base = static_cast<float>(from);
  return static_cast<uint8_t>(std::clamp(base + factor * (static_cast<float>(to) - base), 0.0f, 255.0f));
}

void blend_with(Image& image, uint32_t grey, double factor) {
  std::array<uint8_t, 256> table;
  for (uint32_t p = 0; p < table.size(); ++p) table[p] = blend(grey, p, static_cast<float>(factor));
  for (uint8_t& pixel : image.pixels) pixel = table[pixel];
}

uint64_t sum_of_greys(const Image& image) {
  uint64_t sum = 0;
  if (image.shape.channels == 1) {
    for (const uint8_t pixel : image.pixels) sum += pixel;
  } else {
    for (size_t i = 0; i < image.pixels.size(); i += 3) sum += grey_of(image.pixels.data() + i);
  }
  return sum;
}

struct Hsv {
  int hue, saturation, value;
};

Hsv hsv_of(const uint8_t* rgb) {
  const int r = rgb[0], g = rgb[1], b = rgb[2];
  const int high = std::max({r, g, b}), low = std::min({r, g, b});
  if (low == high) return {0, 0, high};
  const auto range = static_cast<float>(high - low);
  const auto below = [&](int c) { return static_cast<float>(high - c) / range; };
  float sector = 0;
  if (r == high) {
    sector = below(b) - below(g);
  } else if (g == high) {
    sector = static_cast<float>(2.0 + below(r) - below(b));
  } else {
    sector = static_cast<float>(4.0 + below(g) - below(r));
  }
  double turn = sector / 6.0 + 1.0;  // in [5/6, 11/6)
  if (turn >= 1) turn -= 1;
  return {static_cast<int>(static_cast<float>(turn) * 255.0),
          static_cast<int>(range / static_cast<float>(high) * 255.0), high};
}

void rgb_of(const Hsv& hsv, uint8_t* rgb) {
  const auto value = static_cast<uint8_t>(hsv.value);
  const double turn = hsv.hue * 6.0 / 255.0;
  const int sector = static_cast<int>(turn);
  const auto rest = static_cast<float>(turn - sector);
  const auto saturation = static_cast<float>(hsv.saturation / 255.0);
  const auto darker = [&](double by) { return static_cast<uint8_t>(hsv.value * (1.0 - by) + 0.5); };
  const uint8_t low = darker(saturation), down = darker(saturation * rest), up = darker(saturation * (1.0 - rest));
  const std::array<std::array<uint8_t, 3>, 6> sectors = {{{value, up, low},
                                                          {down, value, low},
                                                          {low, value, up},
                                                          {low, down, value},
                                                          {up, low, value},
                                                          {value, low, down}}};
  std::copy_n(sectors[static_cast<size_t>(sector % 6)].begin(), 3, rgb);
}

}  // namespace

void adjust_brightness(Image& image, double factor) { blend_with(image, 0, factor); }

void adjust_contrast(Image& image, double factor) {
  const auto count = static_cast<double>(image.shape.height * image.shape.width);
  const double mean = static_cast<double>(sum_of_greys(image)) / count;
  blend_with(image, static_cast<uint32_t>(mean + 0.5), factor);
}

void adjust_saturation(Image& image, double factor) {
  if (image.shape.channels != 3) return;
  for (uint8_t* p = image.pixels.data(); p < image.pixels.data() + image.pixels.size(); p += 3) {
    const uint32_t grey = grey_of(p);
    for (int c = 0; c < 3; ++c) p[c] = blend(grey, p[c], static_cast<float>(factor));
  }
}

void adjust_hue(Image& image, double turn) {
  if (image.shape.channels != 3) return;
  const int shift = static_cast<int>(turn * 255);
  for (uint8_t* p = image.pixels.data(); p < image.pixels.data() + image.pixels.size(); p += 3) {
    Hsv hsv = hsv_of(p);
    hsv.hue = (hsv.hue + shift) & 255;
    rgb_of(hsv, p);
  }
}

}  // namespace retort
