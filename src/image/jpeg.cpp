// JPEG through libjpeg-turbo: the accurate integer IDCT and smooth chroma upsampling, which is what Pillow asks for.
#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include "image/decode.h"

extern "C" {
#include <jerror.h>
#include <jpeglib.h>
}

namespace retort {

namespace {

/// Real files have some ten; each costs a pass over the whole image.
constexpr int kMaxScans = 500;

/// libjpeg's state. Its errors jump: nothing between `guarded` and libjpeg may need a destructor.
struct Jpeg {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf jump{};
  char message[JMSG_LENGTH_MAX] = {};

  Jpeg() = default;
  Jpeg(const Jpeg&) = delete;
  Jpeg& operator=(const Jpeg&) = delete;
  ~Jpeg() { jpeg_destroy_decompress(&info); }
};

Jpeg& jpeg_of(j_common_ptr info) { return *static_cast<Jpeg*>(info->client_data); }

void jump_out(j_common_ptr info) {
  Jpeg& jpeg = jpeg_of(info);
  info->err->format_message(info, jpeg.message);
  std::longjmp(jpeg.jump, 1);
}

/// Pillow decodes on after all warnings but one: the end of the data.
void on_message(j_common_ptr info, int) {
  if (info->err->msg_code == JWRN_JPEG_EOF) jump_out(info);
}

void on_progress(j_common_ptr info) {
  Jpeg& jpeg = jpeg_of(info);
  if (jpeg.info.input_scan_number <= kMaxScans) return;
  std::snprintf(jpeg.message, sizeof jpeg.message, "more than %d scans", kMaxScans);
  std::longjmp(jpeg.jump, 1);
}

/// Runs `step`, which calls libjpeg.
template <class Step>
void guarded(std::string_view where, Jpeg& jpeg, const Step& step) {
  if (setjmp(jpeg.jump) != 0) fail(where, "damaged JPEG: ", jpeg.message, "; replace the file");
  step();
}

void read_header(std::string_view where, FileBytes file, Jpeg& jpeg) {
  jpeg_decompress_struct& info = jpeg.info;
  info.err = jpeg_std_error(&jpeg.errors);
  info.client_data = &jpeg;
  jpeg.errors.error_exit = jump_out;
  jpeg.errors.emit_message = on_message;
  jpeg.progress.progress_monitor = on_progress;
  guarded(where, jpeg, [&] {
    jpeg_create_decompress(&info);
    info.progress = &jpeg.progress;
    jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(file.data()), file.size());
    jpeg_read_header(&info, TRUE);
  });
  const int64_t width = info.image_width, height = info.image_height;
  check_pixels(where, width, height);
  if (info.num_components != 1 && info.num_components != 3 && info.num_components != 4) {
    fail(where, "a JPEG of ", info.num_components, " components; expected 1, 3 or 4; convert it");
  }
  // A Huffman code has at least one bit, and every block of 8 x 8 has one for its mean.
  if (info.arith_code == FALSE && static_cast<size_t>(width * height) / 512 > file.size()) {
    fail(where, "announces ", width, " x ", height, " pixels, which ", file.size(), " bytes of JPEG cannot hold");
  }
  info.out_color_space = info.num_components == 4 ? JCS_CMYK : JCS_RGB;
  info.dct_method = JDCT_ISLOW;
}

/// Pillow takes all CMYK for Adobe's, which is stored inverted, and mixes it without a colour profile.
void rgb_of_cmyk(const uint8_t* in, int64_t width, uint8_t* out) {
  for (int64_t x = 0; x < width; ++x, in += 4, out += 3) {
    const uint32_t light = in[3];
    for (int c = 0; c < 3; ++c) {
      const uint32_t product = (255u - in[c]) * light + 128u;
      out[c] = static_cast<uint8_t>(light - ((product + (product >> 8)) >> 8));
    }
  }
}

/// Where decoding begins so that the pixels from `wanted` on do not depend on it: smooth upsampling looks one block
/// further.
int64_t safe_start(int64_t wanted, int64_t block) { return std::max<int64_t>(wanted / block - 1, 0) * block; }

/// The columns that are decoded.
struct Columns {
  JDIMENSION left, width;
};

/// Leaves out what lies above and beside `box`, as far as libjpeg can.
Columns start(jpeg_decompress_struct& info, const Box& box) {
  const bool whole_scans = jpeg_has_multiple_scans(&info) != FALSE;
  jpeg_start_decompress(&info);
  Columns columns{0, info.output_width};
  if (whole_scans) return columns;
  const int64_t block = int64_t{DCTSIZE} * info.max_h_samp_factor;
  const int64_t left = safe_start(box.left, block);
  const int64_t right = std::min<int64_t>(((box.left + box.width) / block + 2) * block, info.output_width);
  columns = {static_cast<JDIMENSION>(left), static_cast<JDIMENSION>(right - left)};
  if (columns.width < info.output_width) jpeg_crop_scanline(&info, &columns.left, &columns.width);
  const int64_t top = safe_start(box.top, int64_t{DCTSIZE} * info.max_v_samp_factor);
  if (top > 0) jpeg_skip_scanlines(&info, static_cast<JDIMENSION>(top));
  return columns;
}

/// `line`: memory for one row of 4 channels.
void read_rows(jpeg_decompress_struct& info, const Box& box, uint8_t* line, uint8_t* out) {
  const Columns columns = start(info, box);
  const int64_t skipped = (box.left - columns.left) * info.output_components;
  while (info.output_scanline < box.top + box.height) {
    const bool wanted = info.output_scanline >= box.top;
    jpeg_read_scanlines(&info, &line, 1);
    if (!wanted) continue;
    if (info.output_components == 4) {
      rgb_of_cmyk(line + skipped, box.width, out);
    } else {
      std::memcpy(out, line + skipped, static_cast<size_t>(3 * box.width));
    }
    out += 3 * box.width;
  }
  // Pillow misses an end marker only where it comes to it.
  if (info.output_scanline == info.output_height) jpeg_finish_decompress(&info);
}

ImageShape jpeg_shape(std::string_view where, FileBytes file) {
  Jpeg jpeg;
  read_header(where, file, jpeg);
  return {3, jpeg.info.image_height, jpeg.info.image_width};
}

void read_jpeg(std::string_view where, FileBytes file, const Box& box, Image& out) {
  Jpeg jpeg;
  read_header(where, file, jpeg);
  out.resize({3, box.height, box.width});
  std::vector<uint8_t> line(size_t{4} * jpeg.info.image_width);
  guarded(where, jpeg, [&] { read_rows(jpeg.info, box, line.data(), out.pixels.data()); });
}

}  // namespace

const Decoder kJpeg = {"JPEG", [](FileBytes file) { return has_magic(file, 0, "\xff\xd8\xff"); }, jpeg_shape,
                       read_jpeg};

}  // namespace retort
