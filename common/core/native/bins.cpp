#include "bins.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace scoring {
namespace {

int lowest_bit(uint32_t word) { return __builtin_ctz(word); }

// One key for each slot of a feature: categorical, or the missing type with its default direction.
int slot_key(const PlainNode& node) {
  if (node.categorical()) return 0;
  if (node.missing() == Missing::none) return 1;
  return 2 * static_cast<int>(node.missing()) + (node.default_left() ? 1 : 0);
}
constexpr int slot_keys = 6;
constexpr uint32_t category_table_limit = 65536;

}  // namespace

Bins::Bins(const Plain& plain) {
  read_features(plain);
  make_slots(plain);
  make_parts();
}

// Thresholds and categories of each feature that is asked for, sorted.
void Bins::read_features(const Plain& plain) {
  std::vector<int32_t> source_of(static_cast<size_t>(plain.features()), -1);
  std::vector<std::vector<uint32_t>> unions;   // per source: the categories of all its sets, as bits
  for (const PlainNode& node : plain.nodes()) {
    int32_t& index = source_of[static_cast<size_t>(node.feature)];
    if (index < 0) {
      index = static_cast<int32_t>(sources_.size());
      sources_.emplace_back();
      unions.emplace_back();
      sources_.back().feature = node.feature;
    }
    Source& source = sources_[static_cast<size_t>(index)];
    if (!node.categorical()) {
      source.thresholds.push_back(node.threshold);
      continue;
    }
    std::vector<uint32_t>& all = unions[static_cast<size_t>(index)];
    if (all.size() < node.set_words) all.resize(node.set_words);
    for (uint32_t w = 0; w < node.set_words; ++w) all[w] |= plain.set(node)[w];
  }
  for (size_t i = 0; i < sources_.size(); ++i) {
    for (uint32_t w = 0; w < unions[i].size(); ++w) {
      for (uint32_t word = unions[i][w]; word != 0; word &= word - 1) {
        sources_[i].categories.push_back(32 * w + static_cast<uint32_t>(lowest_bit(word)));
      }
    }
  }
  std::sort(sources_.begin(), sources_.end(), [](const Source& a, const Source& b) { return a.feature < b.feature; });
  for (Source& source : sources_) {
    std::vector<double>& thresholds = source.thresholds;
    std::sort(thresholds.begin(), thresholds.end());
    thresholds.erase(std::unique(thresholds.begin(), thresholds.end()), thresholds.end());
    thresholds.shrink_to_fit();
    source.threshold_count = static_cast<uint32_t>(source.thresholds.size());
  }
}

void Bins::make_slots(const Plain& plain) {
  std::vector<int32_t> source_of(static_cast<size_t>(plain.features()), -1);
  for (size_t i = 0; i < sources_.size(); ++i) source_of[static_cast<size_t>(sources_[i].feature)] = static_cast<int32_t>(i);

  std::vector<int32_t> slot_of(sources_.size() * slot_keys, -1);
  for (const PlainNode& node : plain.nodes()) {
    slot_of[static_cast<size_t>(source_of[static_cast<size_t>(node.feature)] * slot_keys + slot_key(node))] = 0;
  }
  for (size_t i = 0; i < sources_.size(); ++i) {
    Source& source = sources_[i];
    source.first_slot = static_cast<int32_t>(slots_.size());
    for (int key = 0; key < slot_keys; ++key) {
      int32_t& slot = slot_of[i * slot_keys + static_cast<size_t>(key)];
      if (slot < 0) continue;
      slot = static_cast<int32_t>(slots_.size());
      const bool categorical = key == 0;
      const uint32_t last = categorical ? static_cast<uint32_t>(source.categories.size()) : source.threshold_count;
      const auto missing = key < 2 ? Missing::none : static_cast<Missing>(key / 2);
      slots_.push_back({static_cast<int32_t>(i), last + 1, categorical, missing, key % 2 == 1 && key > 1 ? 0 : last});
      most_bins_ = std::max(most_bins_, last + 1);
    }
    source.last_slot = static_cast<int32_t>(slots_.size());
  }

  node_slot_.reserve(plain.nodes().size());
  node_limit_.reserve(plain.nodes().size());
  for (const PlainNode& node : plain.nodes()) {
    const int32_t index = source_of[static_cast<size_t>(node.feature)];
    const Source& source = sources_[static_cast<size_t>(index)];
    node_slot_.push_back(slot_of[static_cast<size_t>(index * slot_keys + slot_key(node))]);
    const auto place = std::lower_bound(source.thresholds.begin(), source.thresholds.end(), node.threshold);
    node_limit_.push_back(node.categorical() ? 0 : static_cast<uint32_t>(place - source.thresholds.begin()));
  }

  for (Source& source : sources_) {
    size_t padded = 1;
    while (padded - 1 < source.threshold_count) padded *= 2;
    source.thresholds.resize(padded - 1, std::numeric_limits<double>::quiet_NaN());
    // A table would be out of proportion for a few huge categories; those are searched.
    const bool table = !source.categories.empty() && source.categories.back() < category_table_limit;
    if (!table) continue;
    source.bin_of.assign(source.categories.back() + size_t{1}, static_cast<uint16_t>(source.categories.size()));
    for (size_t bin = 0; bin < source.categories.size(); ++bin) source.bin_of[source.categories[bin]] = static_cast<uint16_t>(bin);
  }
}

void Bins::make_parts() {
  for (Source& source : sources_) {
    source.zero_bin = source.threshold_count > 0 ? search(source, 0.0) : 0;
    int32_t slot = source.first_slot;
    if (slots_[static_cast<size_t>(slot)].categorical) {   // it comes first
      parts_.push_back({slot, slot + 1, slots_[static_cast<size_t>(slot)].bins, true, false});
      ++slot;
    }
    if (slot == source.last_slot) continue;
    Part part{slot, source.last_slot, source.threshold_count + 1, false, false};
    for (; slot < source.last_slot; ++slot) part.apart |= slots_[static_cast<size_t>(slot)].missing != Missing::none;
    if (part.apart) part.bins += 2;
    parts_.push_back(part);
  }
}

uint32_t Bins::slot_bin(const Part& part, int32_t slot, uint32_t bin) const {
  if (!part.apart || bin + 2 < part.bins) return bin;
  const Slot& of = slots_[static_cast<size_t>(slot)];
  const bool nan = bin + 2 == part.bins;
  // With missing type zero NaN is missing as well; without missing type NaN counts as 0.
  const bool missing = of.missing == Missing::zero || (of.missing == Missing::nan && nan);
  return missing ? of.missing_bin : sources_[static_cast<size_t>(of.source)].zero_bin;
}

void Bins::row_parts(const double* x, uint16_t* bins) const {
  for (const Part& part : parts_) {
    const Source& source = sources_[static_cast<size_t>(slots_[static_cast<size_t>(part.first_slot)].source)];
    const double value = x[source.feature];
    uint32_t bin = 0;
    if (part.categorical) {
      bin = category_bin(source, value);
    } else {
      const bool zero = !(std::fabs(value) > zero_threshold);   // NaN too
      bin = search(source, zero ? 0.0 : value);
      if (part.apart) {
        bin = zero ? part.bins - 1 : bin;
        bin = std::isnan(value) ? part.bins - 2 : bin;
      }
    }
    *bins++ = static_cast<uint16_t>(bin);
  }
}

// Binary search without branches: the padded length is a power of two less one, so every value takes the same steps.
uint32_t Bins::search(const Source& source, double value) {
  const double* thresholds = source.thresholds.data();
  uint32_t below = 0;
  for (auto half = static_cast<uint32_t>(source.thresholds.size() + 1) / 2; half > 0; half /= 2) {
    below += thresholds[below + half - 1] < value ? half : 0;
  }
  return below;
}

uint32_t Bins::category_bin(const Source& source, double value) {
  const auto other = static_cast<uint32_t>(source.categories.size());
  if (!(value > category_low && value < category_end)) return other;
  const auto category = static_cast<uint32_t>(static_cast<int32_t>(value));
  if (category < source.bin_of.size()) return source.bin_of[category];
  if (!source.bin_of.empty()) return other;
  const auto place = std::lower_bound(source.categories.begin(), source.categories.end(), category);
  return place != source.categories.end() && *place == category ? static_cast<uint32_t>(place - source.categories.begin()) : other;
}

template <class Bin>
void Bins::row(const double* x, Bin* bins) const {
  for (const Source& source : sources_) {
    const double value = x[source.feature];
    const bool zero = !(std::fabs(value) > zero_threshold);   // NaN too
    const bool nan = std::isnan(value);
    uint32_t bin = 0;
    if (source.threshold_count > 0) bin = search(source, zero ? 0.0 : value);
    for (int32_t s = source.first_slot; s < source.last_slot; ++s) {
      const Slot& slot = slots_[static_cast<size_t>(s)];
      if (slot.categorical) {
        bins[s] = static_cast<Bin>(category_bin(source, value));
      } else {
        const bool missing = slot.missing == Missing::nan ? nan : slot.missing == Missing::zero && zero;
        bins[s] = static_cast<Bin>(missing ? slot.missing_bin : bin);
      }
    }
  }
}

template <class Bin>
void Bins::block(const double* const* columns, int first_row, int rows, int64_t row_stride, int64_t slot_stride,
                 Bin* bins) const {
  constexpr int lanes = 8;   // values searched together, so that their loads overlap
  for (const Source& source : sources_) {
    const double* column = columns[source.feature] + first_row;
    const auto top = static_cast<uint32_t>(source.thresholds.size() + 1) / 2;
    const double* thresholds = source.thresholds.data();
    for (int r = 0; r < rows; r += lanes) {
      double value[lanes];
      uint32_t below[lanes];
      bool zero[lanes];
      bool nan[lanes];
      for (int i = 0; i < lanes; ++i) {
        const double x = column[r + i];
        zero[i] = !(std::fabs(x) > zero_threshold);
        nan[i] = std::isnan(x);
        value[i] = zero[i] ? 0.0 : x;
        below[i] = 0;
      }
      for (uint32_t half = top; half > 0; half /= 2) {
        for (int i = 0; i < lanes; ++i) below[i] += thresholds[below[i] + half - 1] < value[i] ? half : 0;
      }
      for (int32_t s = source.first_slot; s < source.last_slot; ++s) {
        const Slot& slot = slots_[static_cast<size_t>(s)];
        Bin* out = bins + r * row_stride + s * slot_stride;
        if (slot.categorical) {
          for (int i = 0; i < lanes; ++i) out[i * row_stride] = static_cast<Bin>(category_bin(source, column[r + i]));
        } else if (slot.missing == Missing::none) {
          for (int i = 0; i < lanes; ++i) out[i * row_stride] = static_cast<Bin>(below[i]);
        } else {
          const bool* missing = slot.missing == Missing::nan ? nan : zero;
          for (int i = 0; i < lanes; ++i) out[i * row_stride] = static_cast<Bin>(missing[i] ? slot.missing_bin : below[i]);
        }
      }
    }
  }
}

template void Bins::row(const double*, uint8_t*) const;
template void Bins::row(const double*, uint16_t*) const;
template void Bins::block(const double* const*, int, int, int64_t, int64_t, uint8_t*) const;
template void Bins::block(const double* const*, int, int, int64_t, int64_t, uint16_t*) const;

}  // namespace scoring
