// One row of a forest whose trees have at most 64 leaves: QuickScorer (Lucchese and others, SIGIR 2015) with checkpoints.
//
// Every tree has a bit mask of leaves, all ones at first. A node that sends the row right rules out the leaves of its left side,
// so ANDing the masks of all such nodes leaves the row's leaf as the lowest bit, whatever the order of the nodes.
// Nodes of one feature send the row right when their limit is below the row's bin: sorted by limit, they are a prefix of the feature's
// list. Instead of replaying the whole prefix, the masks of all trees are stored ready-made at checkpoints along the list; a row
// takes the last checkpoint before its bin - one run of vector ANDs per feature - and replays only the few nodes after it.
// Each category, and NaN and 0 where a missing type treats them apart, has a ready-made line of its own and replays nothing.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "bins.hpp"
#include "memory.hpp"

namespace scoring {

class RowMasks {
 public:
  // Null when the forest does not fit: more than 64 leaves, or tables larger than allowed.
  static std::unique_ptr<RowMasks> make(const Plain& plain, const Bins& bins);

  size_t scratch_bytes() const;
  // bins: one row's bins in all parts.
  void score(const uint16_t* bins, double* out, std::byte* scratch) const;

 private:
  template <class Word>
  friend struct RowMasksBuilder;

  template <class Word>
  void score_words(const uint16_t* bins, double* out, std::byte* scratch) const;

  // What a bin of a part does: AND the line `line` (0 is all ones and is skipped), then replay updates first .. last.
  struct Step {
    uint32_t line, first, last;
  };

  int32_t outputs_ = 1, trees_ = 0, parts_ = 0;
  bool wide_ = false;                  // masks are 64 bits instead of 32
  size_t line_size_ = 0;               // bytes of the masks of all trees, a multiple of a cache line
  std::vector<uint32_t> step_start_;   // part -> its steps, one a bin
  std::vector<Step> steps_;
  Aligned lines_;
  std::vector<uint32_t> update_tree_;
  std::vector<uint32_t> update_mask32_;
  std::vector<uint64_t> update_mask64_;
  std::vector<uint32_t> leaf_start_;   // per tree
  std::vector<double> leaves_;         // left to right in each tree
};

}  // namespace scoring
