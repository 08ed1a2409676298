// Values of features turned into small integers, exactly.
//
// The thresholds of a feature, ascending and distinct, are t[0] < t[1] < ...; the bin of x is the number of thresholds below x.
// Then `x <= t[i]` is the same as `bin <= i`, for every double x, so trees can compare bins and nothing is lost.
//
// A node also says what a missing value does. That is moved out of the trees: each combination of feature, missing type and
// default direction that occurs has a slot of its own, in which a missing value has the lowest bin (left at every node) or the
// highest (right at every node). A node then is (slot, i) and needs no thought about missing values.
//
// A categorical feature is one slot too: the bin of a category is its rank among the categories that some set has, and all other
// values share the highest bin, which is in no set.
#pragma once
#include <cstdint>
#include <vector>

#include "plain.hpp"

namespace scoring {

class Bins {
 public:
  explicit Bins(const Plain& plain);

  struct Slot {
    int32_t source;        // index into the features read
    uint32_t bins;         // bins are 0 .. bins - 1
    bool categorical;
    Missing missing;
    uint32_t missing_bin;
  };

  const std::vector<Slot>& slots() const { return slots_; }
  uint32_t most_bins() const { return most_bins_; }

  int32_t slot(size_t node) const { return node_slot_[node]; }
  // A numeric node goes left when the bin of its slot is at most this.
  uint32_t limit(size_t node) const { return node_limit_[node]; }
  // The category of a bin of a categorical slot; the highest bin has none.
  uint32_t category(const Slot& slot, uint32_t bin) const { return sources_[static_cast<size_t>(slot.source)].categories[bin]; }

  // For single rows, all numeric slots of a feature are one part: bins as above, and two more bins for what missing types treat
  // apart. A categorical slot is a part of its own.
  struct Part {
    int32_t first_slot, last_slot;
    uint32_t bins;
    bool categorical;
    bool apart;            // bin bins - 2 is NaN and bins - 1 is 0 (and what LightGBM takes for it)
  };
  const std::vector<Part>& parts() const { return parts_; }
  void row_parts(const double* x, uint16_t* bins) const;
  // The bin of a slot when its part has a bin.
  uint32_t slot_bin(const Part& part, int32_t slot, uint32_t bin) const;

  // Bins of one row in all slots. Bin is uint8_t or uint16_t and must hold most_bins() - 1.
  template <class Bin>
  void row(const double* x, Bin* bins) const;

  // Bins of `rows` rows (a multiple of 8): row r of slot s is at bins[r * row_stride + s * slot_stride].
  template <class Bin>
  void block(const double* const* columns, int first_row, int rows, int64_t row_stride, int64_t slot_stride, Bin* bins) const;

 private:
  struct Source {
    int32_t feature = 0;
    std::vector<double> thresholds;      // padded with NaN to a power of two less one; a NaN is below nothing
    uint32_t threshold_count = 0;
    std::vector<uint32_t> categories;
    std::vector<uint16_t> bin_of;        // category -> bin, up to the greatest category
    int32_t first_slot = 0, last_slot = 0;
    uint32_t zero_bin = 0;
  };

  void read_features(const Plain& plain);
  void make_slots(const Plain& plain);
  void make_parts();
  static uint32_t search(const Source& source, double value);
  static uint32_t category_bin(const Source& source, double value);

  std::vector<Source> sources_;
  std::vector<Slot> slots_;
  std::vector<Part> parts_;
  std::vector<int32_t> node_slot_;
  std::vector<uint32_t> node_limit_;
  uint32_t most_bins_ = 1;
};

// What 16-bit bins can tell apart; models beyond it are walked on doubles.
constexpr uint32_t bins_limit = 65536;

}  // namespace scoring
