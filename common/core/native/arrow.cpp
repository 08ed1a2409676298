#include "arrow.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>

#include "fault.hpp"

namespace scoring {

namespace {

using Convert = void (*)(const void* values, int64_t first, int rows, double* out);

struct Same {
  template <class Number>
  static double of(Number value) {
    return static_cast<double>(value);
  }
};

// A whole number of ticks divided once: the double nearest to the decimal fraction, as Python's datetime.timestamp() gives it.
template <int64_t per_second>
struct Seconds {
  static double of(int64_t ticks) { return static_cast<double>(ticks) / static_cast<double>(per_second); }
};

// Nanoseconds since 1970 do not fit a double: whole microseconds, the usual case, are divided as such.
struct Nanoseconds {
  static double of(int64_t ticks) {
    if (ticks % 1000 == 0) return Seconds<1'000'000>::of(ticks / 1000);
    return static_cast<double>(ticks / 1'000'000'000) + static_cast<double>(ticks % 1'000'000'000) / 1e9;
  }
};

struct Days {
  static double of(int32_t days) { return static_cast<double>(days) * 86400.0; }
};

template <class Number, class Rule = Same>
void numbers(const void* values, int64_t first, int rows, double* out) {
  const char* from = static_cast<const char*>(values) + first * static_cast<int64_t>(sizeof(Number));
  for (int r = 0; r < rows; ++r) {
    Number value;
    std::memcpy(&value, from + r * static_cast<int64_t>(sizeof(Number)), sizeof value);   // the interface only recommends alignment
    out[r] = Rule::of(value);
  }
}

bool bit(const void* bits, int64_t at) { return static_cast<const uint8_t*>(bits)[at >> 3] >> (at & 7) & 1; }

void booleans(const void* values, int64_t first, int rows, double* out) {
  for (int r = 0; r < rows; ++r) out[r] = bit(values, first + r) ? 1.0 : 0.0;
}

struct Format {
  std::string_view text;
  bool prefix;   // a time zone may follow
  bool whole;    // can be a dictionary's index
  Convert convert;
};

constexpr Format formats[] = {{"c", false, true, numbers<int8_t>},
                              {"C", false, true, numbers<uint8_t>},
                              {"s", false, true, numbers<int16_t>},
                              {"S", false, true, numbers<uint16_t>},
                              {"i", false, true, numbers<int32_t>},
                              {"I", false, true, numbers<uint32_t>},
                              {"l", false, true, numbers<int64_t>},
                              {"L", false, true, numbers<uint64_t>},
                              {"f", false, false, numbers<float>},
                              {"g", false, false, numbers<double>},
                              {"b", false, false, booleans},
                              {"tdD", false, false, numbers<int32_t, Days>},
                              {"tdm", false, false, numbers<int64_t, Seconds<1000>>},
                              {"tss:", true, false, numbers<int64_t>},
                              {"tsm:", true, false, numbers<int64_t, Seconds<1000>>},
                              {"tsu:", true, false, numbers<int64_t, Seconds<1'000'000>>},
                              {"tsn:", true, false, numbers<int64_t, Nanoseconds>}};

const Format* find(std::string_view text) {
  const auto* found = std::find_if(std::begin(formats), std::end(formats), [text](const Format& format) {
    return format.prefix ? text.substr(0, format.text.size()) == format.text : text == format.text;
  });
  return found == std::end(formats) ? nullptr : found;
}

std::string described(std::string_view format) {
  constexpr std::pair<std::string_view, std::string_view> known[] = {
      {"u", "text"},           {"U", "text"},           {"vu", "text"},          {"z", "bytes"},         {"Z", "bytes"},
      {"vz", "bytes"},         {"e", "float16"},        {"+l", "lists"},         {"+L", "lists"},        {"+s", "structs"},
      {"ttm", "times of day"}, {"ttu", "times of day"}, {"ttn", "times of day"}, {"tts", "times of day"}};
  for (const auto& [text, words] : known) {
    if (text == format) return std::string(words) + " (Arrow format '" + std::string(format) + "')";
  }
  return "Arrow format '" + std::string(format.substr(0, 40)) + "'";
}

void need(bool good, const std::string& where, const char* what) {
  if (!good) throw Fault("Arrow data, " + where + ": " + what);
}

void check_extent(const ArrowArray& array, const std::string& where) {
  constexpr int64_t most = int64_t{1} << 48;   // sums of lengths and offsets, and their bytes, stay far from overflowing
  need(array.release != nullptr, where, "the array has been released");
  need(array.length >= 0 && array.length <= most, where, "impossible length");
  need(array.offset >= 0 && array.offset <= most, where, "impossible offset");
}

const uint8_t* validity(const ArrowArray& array, const std::string& where) {
  const void* bits = array.n_buffers > 0 ? array.buffers[0] : nullptr;
  need(bits || array.null_count <= 0, where, "it has nulls but no validity bits");
  return array.null_count == 0 ? nullptr : static_cast<const uint8_t*>(bits);
}

void erase(const uint8_t* valid, int64_t first, int rows, double* out) {
  for (int r = 0; r < rows; ++r) {
    if (!bit(valid, first + r)) out[r] = std::numeric_limits<double>::quiet_NaN();
  }
}

}  // namespace

ArrowSource::ArrowSource(const ArrowSchema& schema, const std::vector<std::string>& inputs) {
  need(schema.release && schema.format, "schema", "it has been released");
  if (std::string_view(schema.format) != "+s")
    throw Fault("Arrow data: expected a record batch (a struct of columns), found " + described(schema.format));
  if (schema.n_children != static_cast<int64_t>(inputs.size())) {
    throw Fault("Arrow data has " + std::to_string(schema.n_children) + " columns, the pipeline has " +
                std::to_string(inputs.size()) + " inputs");
  }
  need(schema.children || inputs.empty(), "schema", "it has no columns");
  for (size_t i = 0; i < inputs.size(); ++i) {
    const ArrowSchema* child = schema.children[i];
    Type type;
    type.label = "column " + std::to_string(i);
    need(child && child->format, type.label, "it has no type");
    const std::string name = child->name ? child->name : "";
    if (!name.empty()) type.label += " (" + name + ")";
    // Columns in another order would give wrong scores without a word. Names that are none of the inputs' are the caller's affair.
    if (name != inputs[i] && std::find(inputs.begin(), inputs.end(), name) != inputs.end()) {
      throw Fault("Arrow data, " + type.label + ": the pipeline's input in this place is " + inputs[i] +
                  "; put the columns into the pipeline's order");
    }
    const std::string_view text = child->format;
    if (text == "n") {
      type.buffers = 0;
    } else {
      const Format* format = find(text);
      if (!format || (child->dictionary && !format->whole)) {
        throw Fault("Arrow data, " + type.label +
                    ": expected numbers, booleans, dates, timestamps or a dictionary of categories, found " + described(text));
      }
      type.convert = format->convert;
    }
    types_.push_back(std::move(type));
  }
}

void ArrowSource::add(const ArrowArray& batch) {
  check_extent(batch, "batch");
  need(batch.n_children == static_cast<int64_t>(types_.size()), "batch", "it has another number of columns than its schema");
  need(batch.children || types_.empty(), "batch", "it has no columns");
  need(batch.n_buffers <= 1 && (batch.n_buffers == 0 || batch.buffers), "batch", "a struct has one buffer");
  Batch added{rows_, batch.length, batch.offset, validity(batch, "batch"), {}};
  added.columns.reserve(types_.size());
  for (size_t i = 0; i < types_.size(); ++i) {
    const Type& type = types_[i];
    const ArrowArray* child = batch.children[i];
    need(child != nullptr, type.label, "it is missing");
    check_extent(*child, type.label);
    need(child->length >= batch.offset + batch.length, type.label, "it is shorter than its batch");
    need(child->n_buffers == type.buffers, type.label, "its type has another number of buffers");
    need(type.buffers == 0 || child->buffers, type.label, "it has no buffers");
    Column& column = added.columns.emplace_back();
    if (type.buffers == 0) continue;
    column.valid = validity(*child, type.label);
    column.values = child->buffers[1];
    column.offset = child->offset;
    need(column.values || batch.length == 0, type.label, "it has no values");
  }
  if (batch.length == 0) return;
  rows_ += batch.length;
  batches_.push_back(std::move(added));
}

void ArrowSource::read(const Type& type, const Batch& batch, const Column& column, int64_t first, int rows, double* out) {
  const int64_t in_batch = batch.offset + first;
  if (!type.convert) {
    std::fill_n(out, rows, std::numeric_limits<double>::quiet_NaN());
    return;
  }
  type.convert(column.values, column.offset + in_batch, rows, out);
  if (column.valid) erase(column.valid, column.offset + in_batch, rows, out);
  if (batch.valid) erase(batch.valid, in_batch, rows, out);
}

void ArrowSource::gather(int64_t first, int rows, double* const* columns) const {
  auto batch =
      std::upper_bound(batches_.begin(), batches_.end(), first, [](int64_t row, const Batch& b) { return row < b.first; }) - 1;
  for (int done = 0; done < rows; ++batch) {
    const int64_t inside = first + done - batch->first;
    const int count = static_cast<int>(std::min<int64_t>(rows - done, batch->rows - inside));
    for (size_t i = 0; i < types_.size(); ++i) {
      if (columns[i]) read(types_[i], *batch, batch->columns[i], inside, count, columns[i] + done);
    }
    done += count;
  }
}

}  // namespace scoring
