#include "forest.hpp"

#include <algorithm>
#include <mutex>

#include "bins.hpp"
#include "block_masks.hpp"
#include "block_plan.hpp"
#include "memory.hpp"
#include "plain.hpp"
#include "row_masks.hpp"
#include "walk.hpp"

namespace scoring {

class Forest::Scratch {
 public:
  Aligned memory;
};

void Forest::ScratchDelete::operator()(Scratch* scratch) const { delete scratch; }

// Layouts are built when they are first used: a process that only scores single rows never pays for the block layout.
struct Forest::Body {
  explicit Body(const Model& model) : plain(model) {
    std::vector<bool> read(static_cast<size_t>(model.features));
    for (const PlainNode& node : plain.nodes()) read[static_cast<size_t>(node.feature)] = true;
    for (int32_t f = 0; f < model.features; ++f) {
      if (read[static_cast<size_t>(f)]) features_read.push_back(f);
    }
    for (const PlainTree& tree : plain.trees()) most_leaves = std::max(most_leaves, tree.leaves);
  }

  const Bins* the_bins() {
    std::call_once(bins_once, [this] {
      auto made = std::make_unique<Bins>(plain);
      if (made->most_bins() <= bins_limit) bins = std::move(made);
    });
    return bins.get();
  }

  const Walk* the_walk() {
    std::call_once(walk_once, [this] {
      if (const Bins* const b = the_bins()) walk = Walk::make(plain, *b);
    });
    return walk.get();
  }

  const RowMasks* the_row_masks() {
    std::call_once(row_once, [this] {
      if (const Bins* const b = the_bins()) row_masks = RowMasks::make(plain, *b);
    });
    return row_masks.get();
  }

  const BlockMasks* the_block_masks() {
    std::call_once(block_once, [this] {
      if (const Bins* const b = the_bins()) block_masks = BlockMasks::make(plain, *b);
    });
    return block_masks.get();
  }

  Plain plain;
  std::vector<int32_t> features_read;
  int32_t most_leaves = 1;

 private:
  std::once_flag bins_once, walk_once, row_once, block_once;
  std::unique_ptr<const Bins> bins;
  std::unique_ptr<const Walk> walk;
  std::unique_ptr<const RowMasks> row_masks;
  std::unique_ptr<const BlockMasks> block_masks;
};

Forest::Forest(const Model& model) : body_(std::make_unique<Body>(model)) {}
Forest::~Forest() = default;

Forest::ScratchPtr Forest::scratch() const { return ScratchPtr(new Scratch); }

const std::vector<int32_t>& Forest::features_read() const { return body_->features_read; }

// A block costs the same however few rows it has. Measured: a mask's worth of rows is as dear as a third of them one by one where
// the row path uses masks, and as an eighth where it walks; blocks that are walked gain little, and early.
int Forest::block_from() const {
  const int mask_rows = 8 * block_kernel().mask_bytes;
  if (body_->most_leaves > 256) return 16;
  return body_->most_leaves > 64 ? mask_rows / 8 : mask_rows / 3;
}

void Forest::row(const double* x, double* out, Scratch& scratch) const {
  Body& body = *body_;
  if (const RowMasks* const masks = body.the_row_masks()) {
    const Bins& bins = *body.the_bins();
    const size_t bytes = masks->scratch_bytes();
    std::byte* const memory = scratch.memory.reserve(bytes + bins.parts().size() * sizeof(uint16_t));
    auto* const row = reinterpret_cast<uint16_t*>(memory + bytes);
    bins.row_parts(x, row);
    masks->score(row, out, memory);
  } else if (const Walk* const walk = body.the_walk()) {
    walk->row(*body.the_bins(), x, out, scratch.memory.reserve(walk->row_scratch_bytes()));
  } else {
    body.plain.row(x, out);
  }
}

void Forest::block(const double* const* columns, int rows, double* out, Scratch& scratch) const {
  Body& body = *body_;
  if (const BlockMasks* const masks = body.the_block_masks()) {
    masks->score(*body.the_bins(), columns, rows, out, scratch.memory.reserve(masks->scratch_bytes()));
  } else if (const Walk* const walk = body.the_walk()) {
    walk->block(*body.the_bins(), columns, rows, out, scratch.memory.reserve(walk->block_scratch_bytes()));
  } else {
    for (int r = 0; r < rows; ++r) body.plain.row_of(columns, r, out + static_cast<int64_t>(r) * body.plain.outputs());
  }
}

}  // namespace scoring
