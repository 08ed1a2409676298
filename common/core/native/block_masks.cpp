#include "block_masks.hpp"

#include <algorithm>

#include "memory.hpp"

namespace scoring {
namespace {

constexpr int32_t most_leaves = 256;
constexpr size_t memory_limit = size_t{64} << 20;   // of masks, for one thread

}  // namespace

class BlockBuilder {
 public:
  BlockBuilder(const Plain& plain, const Bins& bins, BlockMasks& made)
      : plain_(plain), bins_(bins), made_(made), mask_bytes_(static_cast<uint32_t>(made.kernel_.mask_bytes)) {}

  bool build() {
    reserve_set_conditions();
    number_conditions();
    if (made_.equal_masks_ > 0xffff) return false;
    if ((made_.condition_masks_ + made_.equal_masks_) * mask_bytes_ > memory_limit) return false;
    made_.leaves_.resize(plain_.leaves().size());
    for (const PlainTree& tree : plain_.trees()) add_tree(tree);
    return true;
  }

 private:
  static constexpr uint32_t none = ~uint32_t{0};

  bool categorical(size_t node) const { return plain_.nodes()[node].categorical(); }
  uint32_t offset(size_t mask) const { return static_cast<uint32_t>(mask) * mask_bytes_; }

  // Sets are put together tree by tree in the same few masks, which stay in the first-level cache; those of the whole forest
  // would not even fit the second.
  void reserve_set_conditions() {
    size_t most = 0;
    for (const PlainTree& tree : plain_.trees()) {
      size_t sets = 0;
      for (int32_t i = 0; i + 1 < tree.leaves; ++i) sets += categorical(static_cast<size_t>(tree.first_node + i));
      most = std::max(most, sets);
    }
    made_.condition_masks_ = most;
  }

  void number_conditions() {
    const auto& slots = bins_.slots();
    std::vector<std::vector<uint8_t>> used(slots.size());
    for (size_t s = 0; s < slots.size(); ++s) used[s].resize(slots[s].bins);
    for (size_t node = 0; node < plain_.nodes().size(); ++node) {
      if (!categorical(node)) used[static_cast<size_t>(bins_.slot(node))][bins_.limit(node)] = 1;
    }
    condition_.resize(slots.size());
    equal_.resize(slots.size());
    for (size_t s = 0; s < slots.size(); ++s) {
      const auto column = static_cast<uint32_t>(s);
      if (slots[s].categorical) {
        equal_[s] = static_cast<uint32_t>(made_.equal_masks_);
        made_.categories_.push_back({column, slots[s].bins, offset(made_.equal_masks_)});
        made_.equal_masks_ += slots[s].bins;
        continue;
      }
      PlanSlot slot{column, 0, static_cast<uint32_t>(made_.limit_.size()), static_cast<uint32_t>(made_.rank_.size()),
                    offset(made_.condition_masks_)};
      condition_[s].resize(slots[s].bins);
      for (uint32_t bin = 0; bin < slots[s].bins; ++bin) {
        made_.rank_.push_back(static_cast<uint16_t>(slot.limits));
        if (!used[s][bin]) continue;
        condition_[s][bin] = offset(made_.condition_masks_ + slot.limits);
        made_.limit_.push_back(static_cast<uint16_t>(bin));
        ++slot.limits;
      }
      made_.condition_masks_ += slot.limits + 1;   // one more, for bins above all limits
      made_.slots_.push_back(slot);
    }
  }

  void add_tree(const PlainTree& tree) {
    const LeafOrder order(plain_, tree);
    PlanTree made{};
    made.first_node = static_cast<uint32_t>(made_.nodes_.size());
    made.nodes = static_cast<uint32_t>(tree.leaves - 1);
    made.first_leaf = static_cast<uint32_t>(tree.first_leaf);
    for (int32_t leaf = tree.first_leaf; leaf < tree.first_leaf + tree.leaves; ++leaf) {
      made_.leaves_[static_cast<size_t>(tree.first_leaf + order.code(leaf))] = plain_.leaves()[static_cast<size_t>(leaf)];
    }
    set_condition_.clear();
    add_sets(tree, made);
    add_nodes(tree, order, made);
    made_.trees_.push_back(made);
  }

  struct Set {
    size_t node;
    bool invert;
    std::vector<uint16_t> members;
  };

  void add_sets(const PlainTree& tree, PlanTree& made) {
    std::vector<Set> sets;
    for (int32_t i = 0; i + 1 < tree.leaves; ++i) {
      const auto node = static_cast<size_t>(tree.first_node + i);
      if (categorical(node)) sets.push_back(read_set(node));
    }
    // In order of length: the processor then predicts where the loop over the members ends.
    std::stable_sort(sets.begin(), sets.end(), [](const Set& a, const Set& b) { return a.members.size() < b.members.size(); });
    made.first_set = static_cast<uint32_t>(made_.sets_.size());
    made.sets = static_cast<uint32_t>(sets.size());
    made.first_member = static_cast<uint32_t>(made_.members_.size());
    set_condition_.assign(static_cast<size_t>(tree.leaves - 1), none);
    for (size_t i = 0; i < sets.size(); ++i) {
      set_condition_[sets[i].node - static_cast<size_t>(tree.first_node)] = offset(i);
      made_.sets_.push_back({offset(i), static_cast<uint16_t>(sets[i].members.size() / 4), static_cast<uint16_t>(sets[i].invert)});
      made_.members_.insert(made_.members_.end(), sets[i].members.begin(), sets[i].members.end());
    }
  }

  // The bins of a set or of what is outside it, whichever is shorter; filled up to a multiple of four by repeating one.
  Set read_set(size_t node) const {
    const auto s = static_cast<size_t>(bins_.slot(node));
    const Bins::Slot& slot = bins_.slots()[s];
    Set set{node, false, {}};
    std::vector<uint16_t> outside;
    for (uint32_t bin = 0; bin < slot.bins; ++bin) {
      const bool other = bin + 1 == slot.bins;
      const bool inside = !other && plain_.in_set(plain_.nodes()[node], bins_.category(slot, bin));
      (inside ? set.members : outside).push_back(static_cast<uint16_t>(equal_[s] + bin));
    }
    set.invert = outside.size() < set.members.size();
    if (set.invert) set.members.swap(outside);
    while (set.members.size() % 4 != 0) set.members.push_back(set.members.back());
    return set;
  }

  // Leaves are numbered from left to right, so below each node is a range of numbers. A bit that is set in all of a child's range
  // but not in all of its parent's is entered in the bit's plane with the mask of the child: few masks make up each plane.
  void add_nodes(const PlainTree& tree, const LeafOrder& order, PlanTree& made) {
    while ((1 << made.planes) < tree.leaves) ++made.planes;
    std::vector<uint16_t> planes[plane_limit];
    const auto bits_of = [&](int32_t child) {
      const LeafOrder::Range range = order.range(child);
      return common_bits(static_cast<uint32_t>(range.first), static_cast<uint32_t>(range.end - 1));
    };
    uint32_t masks = 1;   // mask 0 is the rows at the root: all
    struct Open {
      int32_t node;
      uint32_t mask;
    };
    std::vector<Open> open;
    if (tree.root >= 0) open.push_back({tree.root, 0});
    while (!open.empty()) {
      const Open at = open.back();
      open.pop_back();
      const auto node = static_cast<size_t>(at.node);
      const PlainNode& from = plain_.nodes()[node];
      const uint32_t left = masks++, right = masks++;
      made_.nodes_.push_back({condition_of(node, tree), static_cast<uint16_t>(offset(at.mask)), static_cast<uint16_t>(offset(left)),
                              static_cast<uint16_t>(offset(right)), 0});
      const auto enter = [&](int32_t child, uint32_t mask) {
        const uint32_t entered = bits_of(child) & ~bits_of(at.node);
        for (uint32_t j = 0; j < made.planes; ++j) {
          if (entered >> j & 1) planes[j].push_back(static_cast<uint16_t>(offset(mask)));
        }
      };
      enter(from.left, left);
      enter(from.right, right);
      if (from.right >= 0) open.push_back({from.right, right});
      if (from.left >= 0) open.push_back({from.left, left});
    }
    made_.row_masks_ = std::max<size_t>(made_.row_masks_, masks);
    made.first_entry = static_cast<uint32_t>(made_.entries_.size());
    made.first_plane = static_cast<uint32_t>(made_.plane_end_.size());
    for (uint32_t j = 0; j < made.planes; ++j) {
      if (planes[j].size() % 2 != 0) planes[j].push_back(planes[j].back());   // entries are taken in pairs
      made_.entries_.insert(made_.entries_.end(), planes[j].begin(), planes[j].end());
      made_.plane_end_.push_back(static_cast<uint16_t>(made_.entries_.size() - made.first_entry));
    }
  }

  // Bits that are set in every number of first .. last.
  static uint32_t common_bits(uint32_t first, uint32_t last) {
    uint32_t differ = first ^ last;
    for (uint32_t shift = 1; shift < 32; shift *= 2) differ |= differ >> shift;   // every bit below the highest that differs takes both values
    return first & ~differ;
  }

  uint32_t condition_of(size_t node, const PlainTree& tree) const {
    const uint32_t set = set_condition_[node - static_cast<size_t>(tree.first_node)];
    return set != none ? set : condition_[static_cast<size_t>(bins_.slot(node))][bins_.limit(node)];
  }

  const Plain& plain_;
  const Bins& bins_;
  BlockMasks& made_;
  uint32_t mask_bytes_;
  std::vector<std::vector<uint32_t>> condition_;   // slot, limit -> offset of its mask
  std::vector<uint32_t> equal_;                    // categorical slot -> its first mask
  std::vector<uint32_t> set_condition_;            // node of the tree in hand -> offset of its set's mask
};

std::unique_ptr<BlockMasks> BlockMasks::make(const Plain& plain, const Bins& bins) {
  for (const PlainTree& tree : plain.trees()) {
    if (tree.leaves > most_leaves) return nullptr;
  }
  if (bins.most_bins() > bins_limit) return nullptr;
  auto made = std::make_unique<BlockMasks>();
  made->kernel_ = block_kernel();
  made->narrow_ = bins.most_bins() <= 256;
  made->outputs_ = static_cast<uint32_t>(plain.outputs());
  made->slot_count_ = bins.slots().size();
  if (!BlockBuilder(plain, bins, *made).build()) return nullptr;
  return made;
}

Plan BlockMasks::plan() const {
  return {slots_.data(), static_cast<uint32_t>(slots_.size()), categories_.data(), static_cast<uint32_t>(categories_.size()),
          limit_.data(), rank_.data(), trees_.data(), static_cast<uint32_t>(trees_.size()), outputs_, nodes_.data(), sets_.data(),
          members_.data(), plane_end_.data(), entries_.data(), leaves_.data()};
}

size_t BlockMasks::scratch_bytes() const {
  const auto mask = static_cast<size_t>(kernel_.mask_bytes);
  const size_t rows = 8 * mask;
  const size_t masks = condition_masks_ + equal_masks_ + std::max<size_t>(row_masks_, 1);
  const size_t bins = slot_count_ * rows * (narrow_ ? sizeof(uint8_t) : sizeof(uint16_t));
  return masks * mask + bins + rows * trees_together + rows * sizeof(double) + 8 * line_bytes;
}

void BlockMasks::score(const Bins& bins, const double* const* columns, int rows, double* out, std::byte* scratch) const {
  const auto mask = static_cast<size_t>(kernel_.mask_bytes);
  const int mask_rows = 8 * kernel_.mask_bytes;
  const auto take = [&](size_t bytes) {
    std::byte* const area = scratch;
    scratch += (bytes + line_bytes - 1) / line_bytes * line_bytes;
    return area;
  };
  PlanMemory memory{};
  memory.rows = take(std::max<size_t>(row_masks_, 1) * mask);
  memory.leaf = take(static_cast<size_t>(mask_rows) * trees_together);
  memory.sums = reinterpret_cast<double*>(take(static_cast<size_t>(mask_rows) * sizeof(double)));
  memory.equals = take(equal_masks_ * mask);
  memory.conditions = take(condition_masks_ * mask);
  std::byte* const binned = take(slot_count_ * static_cast<size_t>(mask_rows) * (narrow_ ? sizeof(uint8_t) : sizeof(uint16_t)));
  const Plan what = plan();
  for (int first = 0; first < rows; first += mask_rows) {
    const int wanted = std::min(mask_rows, rows - first);
    double* const to = out + static_cast<size_t>(first) * outputs_;
    if (narrow_) {
      auto* const narrow = reinterpret_cast<uint8_t*>(binned);
      bins.block(columns, first, mask_rows, 1, mask_rows, narrow);
      kernel_.narrow(what, memory, narrow, wanted, to);
    } else {
      auto* const wide = reinterpret_cast<uint16_t*>(binned);
      bins.block(columns, first, mask_rows, 1, mask_rows, wide);
      kernel_.wide(what, memory, wide, wanted, to);
    }
  }
}

}  // namespace scoring
