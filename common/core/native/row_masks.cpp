#include "row_masks.hpp"

#include <algorithm>
#include <cstring>

#include "vector_and.hpp"

namespace scoring {
namespace {

constexpr size_t table_limit = size_t{64} << 20;
constexpr size_t checkpoints = 16;        // per numeric feature; more would push the table out of the second-level cache
constexpr size_t checkpoint_nodes = 12;   // replaying this few nodes is cheaper than ANDing a line

}  // namespace

template <class Word>
struct RowMasksBuilder {
  struct Node {
    uint32_t limit;
    uint32_t tree;
    Word mask;        // all ones but for the leaves of the left side
    uint32_t index;   // node of the forest
  };

  const Plain& plain;
  const Bins& bins;
  RowMasks& made;
  std::vector<std::vector<Node>> by_slot{};
  std::vector<Word> lines{};
  size_t line_words = 0;

  static constexpr Word ones = static_cast<Word>(~Word{0});

  void build() {
    line_words = made.line_size_ / sizeof(Word);
    gather_nodes();
    lines.assign(line_words, ones);   // line 0
    for (const Bins::Part& part : bins.parts()) {
      made.step_start_.push_back(static_cast<uint32_t>(made.steps_.size()));
      if (part.categorical) {
        add_categorical(bins.slots()[static_cast<size_t>(part.first_slot)], by_slot[static_cast<size_t>(part.first_slot)]);
      } else {
        add_numeric(part);
      }
    }
    std::byte* const table = made.lines_.reserve(lines.size() * sizeof(Word));
    std::memcpy(table, lines.data(), lines.size() * sizeof(Word));
  }

  void gather_nodes() {
    by_slot.resize(bins.slots().size());
    for (size_t t = 0; t < plain.trees().size(); ++t) {
      const PlainTree& tree = plain.trees()[t];
      const LeafOrder order(plain, tree);
      made.leaf_start_.push_back(static_cast<uint32_t>(tree.first_leaf));
      for (int32_t leaf = tree.first_leaf; leaf < tree.first_leaf + tree.leaves; ++leaf) {
        made.leaves_[static_cast<size_t>(tree.first_leaf + order.code(leaf))] = plain.leaves()[static_cast<size_t>(leaf)];
      }
      for (int32_t i = tree.first_node; i < tree.first_node + tree.leaves - 1; ++i) {
        const auto node = static_cast<size_t>(i);
        const LeafOrder::Range range = order.range(i);
        const Word below_middle = static_cast<Word>((Word{1} << range.middle) - 1);   // middle is at most 63
        const Word below_first = static_cast<Word>((Word{1} << range.first) - 1);
        const Word left = static_cast<Word>(below_middle & ~below_first);
        by_slot[static_cast<size_t>(bins.slot(node))].push_back(
            {bins.limit(node), static_cast<uint32_t>(t), static_cast<Word>(~left), static_cast<uint32_t>(i)});
      }
    }
  }

  uint32_t add_line(const Word* words) {
    const auto line = static_cast<uint32_t>(lines.size() / line_words);
    lines.insert(lines.end(), words, words + line_words);
    return line;
  }

  void add_categorical(const Bins::Slot& slot, const std::vector<Node>& nodes) {
    std::vector<Word> masks(line_words);
    for (uint32_t bin = 0; bin < slot.bins; ++bin) {
      const bool other = bin + 1 == slot.bins;
      std::fill(masks.begin(), masks.end(), ones);
      for (const Node& node : nodes) {
        const bool left = !other && plain.in_set(plain.nodes()[node.index], bins.category(slot, bin));
        if (!left) masks[node.tree] &= node.mask;
      }
      made.steps_.push_back({add_line(masks.data()), 0, 0});
    }
  }

  void add_numeric(const Bins::Part& part) {
    std::vector<Node> nodes;
    for (int32_t s = part.first_slot; s < part.last_slot; ++s) {
      nodes.insert(nodes.end(), by_slot[static_cast<size_t>(s)].begin(), by_slot[static_cast<size_t>(s)].end());
    }
    std::stable_sort(nodes.begin(), nodes.end(), [](const Node& a, const Node& b) { return a.limit < b.limit; });
    const auto base = static_cast<uint32_t>(made.update_tree_.size());
    for (const Node& node : nodes) {
      made.update_tree_.push_back(node.tree);
      updates().push_back(node.mask);
    }
    const size_t wanted = std::min(checkpoints, std::max<size_t>(1, nodes.size() / checkpoint_nodes));
    const size_t spacing = std::max<size_t>(1, nodes.size() / (wanted + 1));
    size_t next_line = nodes.size() <= checkpoint_nodes ? nodes.size() + 1 : spacing;
    std::vector<Word> masks(line_words, ones);
    uint32_t line = 0;
    size_t line_at = 0;   // nodes that the line covers
    size_t done = 0;      // nodes that send this bin right
    const uint32_t ordered = part.bins - (part.apart ? 2 : 0);
    for (uint32_t bin = 0; bin < ordered; ++bin) {
      for (; done < nodes.size() && nodes[done].limit < bin; ++done) masks[nodes[done].tree] &= nodes[done].mask;
      if (done >= next_line && done > line_at) {
        line = add_line(masks.data());
        line_at = done;
      }
      while (next_line <= done) next_line += spacing;
      made.steps_.push_back({line, base + static_cast<uint32_t>(line_at), base + static_cast<uint32_t>(done)});
    }
    for (uint32_t bin = ordered; bin < part.bins; ++bin) made.steps_.push_back({line_of(part, bin), 0, 0});
  }

  uint32_t line_of(const Bins::Part& part, uint32_t bin) {
    std::vector<Word> masks(line_words, ones);
    for (int32_t s = part.first_slot; s < part.last_slot; ++s) {
      const uint32_t of_slot = bins.slot_bin(part, s, bin);
      for (const Node& node : by_slot[static_cast<size_t>(s)]) {
        if (node.limit < of_slot) masks[node.tree] &= node.mask;
      }
    }
    return add_line(masks.data());
  }

  std::vector<Word>& updates() {
    if constexpr (sizeof(Word) == sizeof(uint32_t)) {
      return made.update_mask32_;
    } else {
      return made.update_mask64_;
    }
  }
};

std::unique_ptr<RowMasks> RowMasks::make(const Plain& plain, const Bins& bins) {
  int32_t most_leaves = 1;
  for (const PlainTree& tree : plain.trees()) most_leaves = std::max(most_leaves, tree.leaves);
  const auto few = [](const Bins::Part& part) { return part.bins <= 65536; };   // parts are numbered with 16 bits
  if (most_leaves > 64 || !std::all_of(bins.parts().begin(), bins.parts().end(), few)) return nullptr;

  auto made = std::make_unique<RowMasks>();
  made->outputs_ = plain.outputs();
  made->trees_ = static_cast<int32_t>(plain.trees().size());
  made->parts_ = static_cast<int32_t>(bins.parts().size());
  made->wide_ = most_leaves > 32;
  const size_t word = made->wide_ ? sizeof(uint64_t) : sizeof(uint32_t);
  made->line_size_ = (plain.trees().size() * word + line_bytes - 1) / line_bytes * line_bytes;
  size_t most_lines = 1;
  for (const Bins::Part& part : bins.parts()) most_lines += part.categorical ? part.bins : std::min<size_t>(part.bins, checkpoints + 3);
  if (most_lines * made->line_size_ > table_limit) return nullptr;

  made->leaves_.resize(plain.leaves().size());
  if (made->wide_) {
    RowMasksBuilder<uint64_t>{plain, bins, *made}.build();
  } else {
    RowMasksBuilder<uint32_t>{plain, bins, *made}.build();
  }
  return made;
}

size_t RowMasks::scratch_bytes() const { return line_size_ + static_cast<size_t>(parts_) * sizeof(const std::byte*); }

void RowMasks::score(const uint16_t* bins, double* out, std::byte* scratch) const {
  if (wide_) {
    score_words<uint64_t>(bins, out, scratch);
  } else {
    score_words<uint32_t>(bins, out, scratch);
  }
}

template <class Word>
void RowMasks::score_words(const uint16_t* bins, double* out, std::byte* scratch) const {
  auto* const masks = reinterpret_cast<Word*>(scratch);
  auto** const lines = reinterpret_cast<const std::byte**>(scratch + line_size_);
  int count = 0;
  for (int32_t p = 0; p < parts_; ++p) {
    const uint32_t line = steps_[step_start_[p] + bins[p]].line;
    lines[count] = lines_.data() + line * line_size_;
    count += line != 0;
  }
  and_lines()(lines, count, line_size_, scratch);

  const Word* update_mask = nullptr;
  if constexpr (sizeof(Word) == sizeof(uint32_t)) {
    update_mask = update_mask32_.data();
  } else {
    update_mask = update_mask64_.data();
  }
  for (int32_t p = 0; p < parts_; ++p) {
    const Step& step = steps_[step_start_[p] + bins[p]];
    for (uint32_t u = step.first; u < step.last; ++u) masks[update_tree_[u]] &= update_mask[u];
  }

  const auto leaf = [&](int32_t tree) {
    int bit = 0;
    if constexpr (sizeof(Word) == sizeof(uint32_t)) {
      bit = __builtin_ctz(masks[tree]);
    } else {
      bit = __builtin_ctzll(masks[tree]);
    }
    return leaves_[leaf_start_[tree] + static_cast<uint32_t>(bit)];
  };
  if (outputs_ == 3) {   // three independent sums: additions wait for each other only within an output
    double a = 0.0, b = 0.0, c = 0.0;
    for (int32_t t = 0; t < trees_; t += 3) {
      a += leaf(t);
      b += leaf(t + 1);
      c += leaf(t + 2);
    }
    out[0] = a;
    out[1] = b;
    out[2] = c;
    return;
  }
  for (int32_t k = 0; k < outputs_; ++k) {
    double sum = 0.0;
    for (int32_t t = k; t < trees_; t += outputs_) sum += leaf(t);
    out[k] = sum;
  }
}

}  // namespace scoring
