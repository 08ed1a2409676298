// Many rows of a forest whose trees have at most 256 leaves: bit-sliced evaluation (block_kernel.inc says how).
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "bins.hpp"
#include "block_plan.hpp"

namespace scoring {

class BlockMasks {
 public:
  // Null when the forest does not fit.
  static std::unique_ptr<BlockMasks> make(const Plain& plain, const Bins& bins);

  size_t scratch_bytes() const;
  void score(const Bins& bins, const double* const* columns, int rows, double* out, std::byte* scratch) const;

 private:
  friend class BlockBuilder;

  Plan plan() const;

  BlockKernel kernel_{};
  bool narrow_ = true;               // bins of 8 bits
  uint32_t outputs_ = 1;
  size_t slot_count_ = 0;
  size_t condition_masks_ = 0, equal_masks_ = 0, row_masks_ = 0;
  std::vector<PlanSlot> slots_;
  std::vector<PlanCategories> categories_;
  std::vector<uint16_t> limit_, rank_;
  std::vector<PlanTree> trees_;
  std::vector<PlanNode> nodes_;
  std::vector<PlanSet> sets_;
  std::vector<uint16_t> members_, plane_end_, entries_;
  std::vector<double> leaves_;
};

}  // namespace scoring
