#include "base/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "retort/base.h"

namespace retort {

static_assert(std::endian::native == std::endian::little, "the format is little-endian and read in place");

namespace {

constexpr uint64_t kMaxHeader = 100'000'000;
constexpr size_t kMaxTensors = 100'000, kMaxName = 1024, kMaxRank = 8;
constexpr int kMaxDepth = 64;
constexpr std::string_view kMetadata = "__metadata__";

struct DTypeRow {
  DType dtype;
  std::string_view name;
  size_t size;
};
constexpr std::array<DTypeRow, 16> kDTypes{{{DType::f32, "F32", 4},
                                            {DType::f16, "F16", 2},
                                            {DType::bf16, "BF16", 2},
                                            {DType::f64, "F64", 8},
                                            {DType::i64, "I64", 8},
                                            {DType::i32, "I32", 4},
                                            {DType::u64, "U64", 8},
                                            {DType::u8, "U8", 1},
                                            {DType::boolean, "BOOL", 1},
                                            {DType::i8, "I8", 1},
                                            {DType::i16, "I16", 2},
                                            {DType::u16, "U16", 2},
                                            {DType::u32, "U32", 4},
                                            {DType::c64, "C64", 8},
                                            {DType::f8_e5m2, "F8_E5M2", 1},
                                            {DType::f8_e4m3, "F8_E4M3", 1}}};

const DTypeRow& row_of(DType dtype) {
  return *std::find_if(kDTypes.begin(), kDTypes.end(), [&](const DTypeRow& row) { return row.dtype == dtype; });
}

// A name from a file as one line of bounded length.
std::string in_quotes(std::string_view name) {
  std::string out(name.substr(0, 80));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return "'" + out + (name.size() > 80 ? "...'" : "'");
}

// Bytes that a tensor takes; nothing on overflow, even where a later dimension is 0.
std::optional<uint64_t> byte_count(DType dtype, const std::vector<int64_t>& shape) {
  uint64_t count = dtype_size(dtype);
  for (int64_t dimension : shape) {
    if (dimension < 0 || __builtin_mul_overflow(count, static_cast<uint64_t>(dimension), &count)) return std::nullopt;
  }
  if (count > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
  return count;
}

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string out;
  for (int64_t dimension : shape) out += str(out.empty() ? "" : ", ", dimension);
  return "[" + out + "]";
}

// One tensor's place in the data.
struct Place {
  uint64_t begin = 0, end = 0;
  const std::string* name = nullptr;
};

// Takes the header's JSON event by event, so that nothing is built that the format does not know, every bound is
// checked before memory is spent, and duplicate keys are seen.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  HeaderReader(std::string_view where, SafetensorsContents& out) : where_(where), out_(out) {}
  std::vector<Place> places;

  bool null() override { return only_ignored(); }
  bool boolean(bool) override { return only_ignored(); }
  bool number_integer(number_integer_t) override { return only_ignored(); }  // negative
  bool number_float(number_float_t, const string_t&) override { return only_ignored(); }
  bool binary(binary_t&) override { return only_ignored(); }

  bool number_unsigned(number_unsigned_t value) override {
    if (slot() != Slot::element) return only_ignored();
    std::vector<uint64_t>& list = field_ == "shape" ? shape_ : offsets_;
    if (list.size() == (field_ == "shape" ? kMaxRank : 2)) {
      fail(where_, subject(), field_, " is too long; expected at most ", list.size(), " numbers");
    }
    list.push_back(value);
    return true;
  }

  bool string(string_t& value) override {
    switch (slot()) {
      case Slot::dtype:
        dtype_ = value;
        return true;
      case Slot::metadata:
        out_.metadata[field_] = value;
        return true;
      default:
        return only_ignored();
    }
  }

  bool start_object(size_t) override {
    if (const Slot s = slot(); s == Slot::entry) {
      fields_.clear();
      shape_.clear();
      offsets_.clear();
    } else if (s != Slot::root) {
      only_ignored();
    }
    return open();
  }
  bool end_object() override {
    if (--depth_ == 1 && !in_metadata()) finish_entry();
    return true;
  }
  bool start_array(size_t) override {
    if (slot() != Slot::list) only_ignored();
    return open();
  }
  bool end_array() override {
    --depth_;
    return true;
  }

  bool key(string_t& value) override {
    if (depth_ == 1) {
      begin_entry(value);
    } else if (depth_ == 2) {
      field_ = value;
      if (!fields_.insert(value).second)
        fail(where_, subject(), in_quotes(value), " is given twice; the file is damaged");
    }
    return true;
  }

  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception&) override {
    fail(where_, "the header is not valid JSON at byte ", position, "; the file is damaged or of another kind");
  }

 private:
  // What a value means where the reader stands. Fields that the format does not know are ignored, as upstream does.
  enum class Slot { root, entry, dtype, list, element, metadata, ignored };
  Slot slot() const {
    if (depth_ == 0) return Slot::root;
    if (depth_ == 1) return Slot::entry;
    if (in_metadata()) return depth_ == 2 ? Slot::metadata : Slot::ignored;
    const bool list = field_ == "shape" || field_ == "data_offsets";
    if (depth_ == 2) return field_ == "dtype" ? Slot::dtype : list ? Slot::list : Slot::ignored;
    return depth_ == 3 && list ? Slot::element : Slot::ignored;
  }
  bool in_metadata() const { return entry_ == kMetadata; }
  std::string subject() const { return in_metadata() ? "metadata: " : "tensor " + in_quotes(entry_) + ": "; }

  bool only_ignored() const {
    switch (slot()) {
      case Slot::ignored:
        return true;
      case Slot::root:
        fail(where_, "the header is not a JSON object; the file is damaged or of another kind");
      case Slot::entry:
        fail(where_, subject(), "its description is not a JSON object; the file is damaged or of another kind");
      case Slot::dtype:
        fail(where_, subject(), "dtype is not a string; the file is damaged");
      case Slot::metadata:
        fail(where_, subject(), "the value of ", in_quotes(field_), " is not a string; the format allows strings only");
      default:
        fail(where_, subject(), field_, " is not a list of whole numbers that are 0 or more; the file is damaged");
    }
  }

  bool open() {
    if (++depth_ > kMaxDepth) fail(where_, "the header is nested deeper than ", kMaxDepth, "; the file is damaged");
    return true;
  }

  void begin_entry(const std::string& name) {
    entry_ = name;
    if (name.size() > kMaxName) fail(where_, subject(), "its name has more than ", kMaxName, " bytes");
    const bool fresh = in_metadata() ? !std::exchange(metadata_seen_, true) : out_.tensors.try_emplace(name).second;
    if (!fresh) fail(where_, subject(), "given twice; the file is damaged");
    if (out_.tensors.size() > kMaxTensors) fail(where_, "more than ", kMaxTensors, " tensors; the file is damaged");
  }

  void finish_entry() {
    for (const char* field : {"dtype", "shape", "data_offsets"}) {
      if (!fields_.contains(field)) fail(where_, subject(), field, " is missing; the file is damaged");
    }
    const auto dtype =
        std::find_if(kDTypes.begin(), kDTypes.end(), [&](const DTypeRow& r) { return r.name == dtype_; });
    if (dtype == kDTypes.end()) {
      std::string known;
      for (const DTypeRow& row : kDTypes) known += str(known.empty() ? "" : ", ", row.name);
      fail(where_, subject(), "unknown dtype ", in_quotes(dtype_), "; expected one of ", known);
    }
    if (offsets_.size() != 2) fail(where_, subject(), "data_offsets has not two numbers; the file is damaged");
    const auto it = out_.tensors.find(entry_);
    it->second.dtype = dtype->dtype;
    for (uint64_t dimension : shape_) {
      if (dimension > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
        fail(where_, subject(), "dimension ", dimension, " is absurdly large; the file is damaged");
      }
      it->second.shape.push_back(static_cast<int64_t>(dimension));
    }
    places.push_back({offsets_[0], offsets_[1], &it->first});
  }

  const std::string_view where_;
  SafetensorsContents& out_;
  int depth_ = 0;
  bool metadata_seen_ = false;
  std::string entry_, field_, dtype_;
  std::set<std::string> fields_;
  std::vector<uint64_t> shape_, offsets_;
};

// What torch.save writes: a ZIP archive, or of old a pickle of protocol 2.
bool is_pickle(std::span<const std::byte> bytes) {
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()), std::min<size_t>(bytes.size(), 4));
  return start == "PK\x03\x04" || start.starts_with("\x80\x02");
}

// The header's JSON.
std::string_view header_of(std::string_view where, std::span<const std::byte> bytes) {
  uint64_t size = 0;
  if (bytes.size() < sizeof size) fail(where, "has ", bytes.size(), " bytes; too short for a safetensors file");
  std::memcpy(&size, bytes.data(), sizeof size);
  if (size > kMaxHeader && is_pickle(bytes)) {
    fail(where, "is a pickle of PyTorch, which could run any code; expected a safetensors file; ",
         "convert it with tools/to_safetensors.py");
  }
  if (size > kMaxHeader || size > bytes.size() - sizeof size) {
    fail(where, "the header's length is ", size, " in a file of ", bytes.size(),
         " bytes; the file is cut, damaged or of another kind");
  }
  const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + sizeof size, size);
  if (!header.starts_with('{')) fail(where, "the header does not begin with '{'; the file is of another kind");
  // The JSON parser takes a NUL for the end of its input.
  if (header.find('\0') != std::string_view::npos) fail(where, "the header holds a NUL byte; the file is damaged");
  return header;
}

// Places must follow each other without a hole from the first byte of the data to its last.
void set_bytes(std::string_view where, std::vector<Place>& places, std::span<const std::byte> data,
               std::map<std::string, TensorView>& tensors) {
  std::sort(places.begin(), places.end(),
            [](const Place& a, const Place& b) { return std::tie(a.begin, a.end) < std::tie(b.begin, b.end); });
  uint64_t at = 0;
  for (const Place& place : places) {
    const auto complain = [&](const auto&... parts) { fail(where, "tensor ", in_quotes(*place.name), ": ", parts...); };
    if (place.begin != at || place.end < place.begin) {
      complain("lies at bytes ", place.begin, " to ", place.end, " where the next is ", at,
               "; tensors must follow each other without holes or overlaps");
    }
    if (place.end > data.size()) {
      complain("ends at byte ", place.end, " of ", data.size(), " bytes of data; the file is cut or damaged");
    }
    TensorView& tensor = tensors.at(*place.name);
    const auto expected = byte_count(tensor.dtype, tensor.shape);
    if (expected != place.end - place.begin) {
      complain("has ", place.end - place.begin, " bytes, which is not the size of ", dtype_name(tensor.dtype), " ",
               shape_text(tensor.shape), "; the file is damaged");
    }
    tensor.bytes = data.subspan(place.begin, place.end - place.begin);
    if (tensor.dtype == DType::boolean &&
        std::ranges::any_of(tensor.bytes, [](std::byte b) { return b > std::byte{1}; })) {
      complain("is BOOL and holds a byte that is neither 0 nor 1; the file is damaged");
    }
    at = place.end;
  }
  if (at != data.size()) fail(where, data.size() - at, " bytes too many after the last tensor; the file is damaged");
}

// Tensors in the order in which they are written.
using Named = std::pair<const std::string, TensorView>;
std::vector<const Named*> writing_order(const std::map<std::string, TensorView>& tensors) {
  std::vector<const Named*> order;
  for (const Named& named : tensors) order.push_back(&named);
  std::stable_sort(order.begin(), order.end(), [](const Named* a, const Named* b) {
    return dtype_size(a->second.dtype) > dtype_size(b->second.dtype);
  });
  return order;
}

void check_tensor(std::string_view where, const std::string& name, const TensorView& tensor) {
  if (name == kMetadata || name.size() > kMaxName) fail(where, "a tensor cannot be called ", in_quotes(name));
  if (tensor.shape.size() > kMaxRank || byte_count(tensor.dtype, tensor.shape) != tensor.bytes.size()) {
    fail(where, "tensor ", in_quotes(name), ": has ", tensor.bytes.size(), " bytes, which is not the size of ",
         dtype_name(tensor.dtype), " ", shape_text(tensor.shape), " of at most ", kMaxRank, " dimensions");
  }
}

std::string make_header(std::string_view where, const std::vector<const Named*>& order,
                        const std::map<std::string, std::string>& metadata) {
  std::string header = "{";
  const auto add = [&](std::string_view name, const nlohmann::json& value) {
    try {
      header += str(header.size() > 1 ? "," : "", nlohmann::json(name).dump(), ":", value.dump());
    } catch (const nlohmann::json::exception&) {
      fail(where, in_quotes(name), " is not UTF-8; choose another name or value");
    }
  };
  if (!metadata.empty()) add(kMetadata, metadata);
  uint64_t at = 0;
  for (const Named* named : order) {
    const TensorView& tensor = named->second;
    const uint64_t end = at + tensor.bytes.size();
    add(named->first, {{"dtype", dtype_name(tensor.dtype)}, {"shape", tensor.shape}, {"data_offsets", {at, end}}});
    at = end;
  }
  header += "}";
  header.append((8 - header.size() % 8) % 8, ' ');
  return header;
}

}  // namespace

std::string_view dtype_name(DType dtype) { return row_of(dtype).name; }
size_t dtype_size(DType dtype) { return row_of(dtype).size; }

int64_t TensorView::numel() const {
  int64_t count = 1;
  for (int64_t dimension : shape) count *= dimension;
  return count;
}

SafetensorsContents parse_safetensors(std::string_view where, std::span<const std::byte> bytes) {
  const std::string_view header = header_of(where, bytes);
  SafetensorsContents contents;
  HeaderReader reader(where, contents);
  nlohmann::json::sax_parse(header.begin(), header.end(), &reader);
  set_bytes(where, reader.places, bytes.subspan(sizeof(uint64_t) + header.size()), contents.tensors);
  return contents;
}

Safetensors::Safetensors(const fs::path& path)
    : file_(path), where_(path.string()), contents_(parse_safetensors(where_, file_.bytes())) {}

const TensorView& Safetensors::at(const std::string& name) const {
  const auto it = contents_.tensors.find(name);
  if (it != contents_.tensors.end()) return it->second;
  std::vector<std::string> known;
  for (const auto& [other, tensor] : contents_.tensors) known.push_back(other);
  const std::string near = nearest(name, known);
  fail(where_, "no tensor ", in_quotes(name), near.empty() ? "" : "; the nearest is " + in_quotes(near),
       "; the file has ", known.size(), " tensors");
}

void write_safetensors(const fs::path& path, const std::map<std::string, TensorView>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  const std::string where = path.string();
  for (const auto& [name, tensor] : tensors) check_tensor(where, name, tensor);
  const std::vector<const Named*> order = writing_order(tensors);
  const std::string header = make_header(where, order, metadata);
  const uint64_t size = header.size();
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(&size, 1)));
  file.write(header);
  for (const Named* named : order) file.write(named->second.bytes);
  file.commit();
}

}  // namespace retort
