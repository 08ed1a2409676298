#include "walk.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <queue>

#include "forest.hpp"
#include "walk_node.hpp"

namespace scoring {
namespace {

constexpr int group = 8;          // walks that go on together
constexpr size_t set_words_limit = size_t{16} << 20;   // sets as bits are long where categories are many
constexpr int block_part = 64;    // rows whose bins are kept at one time in a block

// Order of the nodes of a tree in memory: clusters of a cache line each. A cluster begins at the busiest node that has no place yet
// below the last cluster, and takes in the busiest children until the line is full.
class Placement {
 public:
  Placement(const Plain& plain, const PlainTree& tree, size_t node_bytes) : plain_(plain), node_bytes_(node_bytes) {
    if (tree.root < 0) return;
    std::vector<int32_t> seeds{tree.root};
    while (!seeds.empty()) {
      const int32_t seed = seeds.back();
      seeds.pop_back();
      fill_line(seed, seeds);
    }
  }

  // Nodes in the order in which their pairs of children lie in memory; a parent's pair comes before its children's pairs.
  const std::vector<int32_t>& order() const { return order_; }

  // Bytes of the pair of children of a node, with the values of those that are leaves.
  size_t pair_bytes(const PlainNode& node) const {
    const bool leaf = node.left < 0 || node.right < 0;
    return 2 * node_bytes_ + (leaf ? 2 * sizeof(double) : 0);
  }

 private:
  void fill_line(int32_t seed, std::vector<int32_t>& seeds) {
    const auto busier = [&](int32_t a, int32_t b) { return at(a).weight < at(b).weight || (at(a).weight == at(b).weight && a > b); };
    std::priority_queue<int32_t, std::vector<int32_t>, decltype(busier)> frontier(busier);
    frontier.push(seed);
    size_t used = 0;
    while (!frontier.empty()) {
      const int32_t node = frontier.top();
      if (used > 0 && used + pair_bytes(at(node)) > line_bytes) break;
      frontier.pop();
      order_.push_back(node);
      used += pair_bytes(at(node));
      if (at(node).left >= 0) frontier.push(at(node).left);
      if (at(node).right >= 0) frontier.push(at(node).right);
    }
    const size_t before = seeds.size();
    for (; !frontier.empty(); frontier.pop()) seeds.push_back(frontier.top());
    std::reverse(seeds.begin() + static_cast<std::ptrdiff_t>(before), seeds.end());   // the busiest is taken next
  }

  const PlainNode& at(int32_t node) const { return plain_.nodes()[static_cast<size_t>(node)]; }

  const Plain& plain_;
  size_t node_bytes_;
  std::vector<int32_t> order_;
};

template <class Node>
class Walks final : public Walk {
 public:
  using Bin = typename Node::Bin;

  // False when some distance does not fit the node.
  bool build(const Plain& plain, const Bins& bins) {
    outputs_ = plain.outputs();
    slots_ = bins.slots().size();
    row_bins_ = (std::max<size_t>(slots_, Node::no_limit == 0xff ? 256 : leaf_slot_reach) + 31) / 32 * 32;
    words_.assign(1, ~uint32_t{0});   // what numeric nodes find
    std::vector<size_t> starts;
    std::vector<float> depth;
    for (const PlainTree& tree : plain.trees()) {
      starts.push_back(nodes_.size());
      if (!add_tree(plain, bins, tree)) return false;
      float sum = 0.0f;   // rows pass every node of their path, so the weights sum to the expected depth
      for (int32_t i = 0; i + 1 < tree.leaves; ++i) sum += plain.nodes()[static_cast<size_t>(tree.first_node + i)].weight;
      depth.push_back(sum);
    }
    if (nodes_.size() > 0xffffffffu) return false;
    for (size_t start : starts) roots_.push_back(static_cast<uint32_t>(start));
    order_.resize(roots_.size());
    for (size_t t = 0; t < order_.size(); ++t) order_[t] = static_cast<uint32_t>(t);
    std::stable_sort(order_.begin(), order_.end(), [&](uint32_t a, uint32_t b) { return depth[a] < depth[b]; });
    return true;
  }

  size_t row_scratch_bytes() const override { return roots_.size() * sizeof(double) + row_bins_ * sizeof(Bin); }

  void row(const Bins& bins, const double* x, double* out, std::byte* scratch) const override {
    auto* const values = reinterpret_cast<double*>(scratch);
    auto* const row = reinterpret_cast<Bin*>(scratch + roots_.size() * sizeof(double));
    bins.row(x, row);
    const size_t trees = roots_.size();
    size_t t = 0;
    for (; t + group <= trees; t += group) {
      const Node* at[group];
      for (int g = 0; g < group; ++g) at[g] = nodes_.data() + roots_[order_[t + static_cast<size_t>(g)]];
      walk(at, [&](int) { return row; });
      for (int g = 0; g < group; ++g) values[order_[t + static_cast<size_t>(g)]] = leaf_value(at[g]);
    }
    for (; t < trees; ++t) values[order_[t]] = leaf_value(walk_one(nodes_.data() + roots_[order_[t]], row));
    for (int32_t k = 0; k < outputs_; ++k) {
      double sum = 0.0;
      for (size_t i = static_cast<size_t>(k); i < trees; i += static_cast<size_t>(outputs_)) sum += values[i];
      out[k] = sum;
    }
  }

  size_t block_scratch_bytes() const override { return block_part * row_bins_ * sizeof(Bin); }

  void block(const Bins& bins, const double* const* columns, int rows, double* out, std::byte* scratch) const override {
    auto* const block = reinterpret_cast<Bin*>(scratch);
    for (int first = 0; first < rows; first += block_part) {
      const int part = std::min(block_part, rows - first);
      bins.block(columns, first, (part + group - 1) / group * group, static_cast<int64_t>(row_bins_), 1, block);
      block_scores(block, part, out + static_cast<int64_t>(first) * outputs_);
    }
  }

 private:
  static constexpr size_t pair_nodes = 2;

  bool add_tree(const Plain& plain, const Bins& bins, const PlainTree& tree) {
    const Placement placement(plain, tree, sizeof(Node));
    constexpr size_t value_nodes = (2 * sizeof(double) + sizeof(Node) - 1) / sizeof(Node);
    // The root has a pair of its own, the second half unused; a tree of one leaf keeps its value there.
    const size_t root = nodes_.size();
    size_t end = root + pair_nodes + (tree.root < 0 ? value_nodes : 0);
    std::vector<size_t> pair_of(static_cast<size_t>(tree.leaves - 1));
    for (int32_t node : placement.order()) {
      pair_of[static_cast<size_t>(node - tree.first_node)] = end;
      end += placement.pair_bytes(plain.nodes()[static_cast<size_t>(node)]) / sizeof(Node);
    }
    nodes_.resize(end);
    const auto put = [&](size_t place, size_t pair, int32_t child) {
      if (child < 0) {
        put_leaf(place, pair, plain.leaves()[static_cast<size_t>(~child)]);
        return true;
      }
      const size_t next = pair_of[static_cast<size_t>(child - tree.first_node)] - place;
      if (next > Node::most_next) return false;
      put_node(plain, bins, place, static_cast<size_t>(child), next);
      return words_.size() <= set_words_limit;
    };
    if (!put(root, root, tree.root)) return false;
    for (int32_t node : placement.order()) {
      const size_t pair = pair_of[static_cast<size_t>(node - tree.first_node)];
      const PlainNode& from = plain.nodes()[static_cast<size_t>(node)];
      if (!put(pair, pair, from.left) || !put(pair + 1, pair, from.right)) return false;
    }
    return true;
  }

  void put_leaf(size_t place, size_t pair, double value) {
    const size_t value_at = (pair + pair_nodes) * sizeof(Node) + (place - pair) * sizeof(double);
    const auto slot = static_cast<uint32_t>((value_at - place * sizeof(Node)) / 4);
    nodes_[place] = Node::make(slot, Node::no_limit, 0);
    std::memcpy(reinterpret_cast<std::byte*>(nodes_.data()) + value_at, &value, sizeof value);
  }

  void put_node(const Plain& plain, const Bins& bins, size_t place, size_t node, size_t next) {
    const PlainNode& from = plain.nodes()[node];
    const auto slot = static_cast<uint32_t>(bins.slot(node));
    nodes_[place] = Node::make(slot, from.categorical() ? Node::no_limit : bins.limit(node), next);
    if constexpr (Node::sets) {
      if (!from.categorical()) return;
      const Bins::Slot& description = bins.slots()[slot];
      nodes_[place].set_first = static_cast<uint32_t>(words_.size());
      nodes_[place].bin_mask = ~uint32_t{0};
      words_.resize(words_.size() + (description.bins + 31) / 32);
      for (uint32_t bin = 0; bin + 1 < description.bins; ++bin) {
        if (!plain.in_set(from, bins.category(description, bin))) continue;
        words_[nodes_[place].set_first + bin / 32] |= uint32_t{1} << (bin % 32);
      }
    }
  }

  template <class RowOf>
  void walk(const Node* (&at)[group], RowOf row_of) const {
    const uint32_t* const words = words_.data();
    uint32_t moving = 0;
    do {
      moving = 0;
      for (int step = 0; step < 2; ++step) {
        for (int g = 0; g < group; ++g) {
          const Node node = *at[g];
          at[g] += node.next() + node.goes_right(row_of(g), words);
          if (step == 1) moving |= node.next();
        }
      }
    } while (moving != 0);
  }

  const Node* walk_one(const Node* at, const Bin* row) const {
    while (at->next() != 0) at += at->next() + at->goes_right(row, words_.data());
    return at;
  }

  void block_scores(const Bin* block, int rows, double* out) const {
    std::fill(out, out + static_cast<int64_t>(rows) * outputs_, 0.0);
    int32_t k = 0;
    for (uint32_t root : roots_) {
      int r = 0;
      for (; r + group <= rows; r += group) {
        const Node* at[group];
        for (int g = 0; g < group; ++g) at[g] = nodes_.data() + root;
        const Bin* const first = block + static_cast<size_t>(r) * row_bins_;
        walk(at, [&](int g) { return first + static_cast<size_t>(g) * row_bins_; });
        for (int g = 0; g < group; ++g) out[static_cast<int64_t>(r + g) * outputs_ + k] += leaf_value(at[g]);
      }
      for (; r < rows; ++r) {
        out[static_cast<int64_t>(r) * outputs_ + k] += leaf_value(walk_one(nodes_.data() + root, block + static_cast<size_t>(r) * row_bins_));
      }
      if (++k == outputs_) k = 0;
    }
  }

  int32_t outputs_ = 1;
  size_t slots_ = 0;
  size_t row_bins_ = 0;             // bins that a row takes in memory
  std::vector<Node> nodes_;
  std::vector<uint32_t> words_;     // sets of categorical nodes, a bit a bin
  std::vector<uint32_t> roots_;
  std::vector<uint32_t> order_;     // trees by expected depth: walks of a group then end together
};

template <class Node>
std::unique_ptr<Walk> make_walks(const Plain& plain, const Bins& bins) {
  if (bins.slots().size() > Node::most_slots || bins.most_bins() > Node::no_limit + 1u) return nullptr;
  auto made = std::make_unique<Walks<Node>>();
  if (!made->build(plain, bins)) return nullptr;
  return made;
}

}  // namespace

std::unique_ptr<Walk> Walk::make(const Plain& plain, const Bins& bins) {
  const auto& slots = bins.slots();
  if (std::any_of(slots.begin(), slots.end(), [](const Bins::Slot& slot) { return slot.categorical; })) {
    return make_walks<SetNode>(plain, bins);
  }
  if (auto narrow = make_walks<NarrowNode>(plain, bins)) return narrow;
  return make_walks<WideNode>(plain, bins);
}

}  // namespace scoring
