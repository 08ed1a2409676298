// Trees walked on bins, several at a time so that the waits for memory overlap.
//
// The two children of a node are neighbours, and going right is adding one. A leaf is a node that leads to itself, so the walks
// that are done just mark time until the longest of the group is done: no branch depends on the data but the end of the loop.
// Nodes that rows pass often share cache lines: each line is filled from its topmost node in order of the training rows' traffic.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "bins.hpp"
#include "memory.hpp"

namespace scoring {

class Walk {
 public:
  virtual ~Walk() = default;

  // Null when the forest does not fit: more than 16 bits of bins or slots, or a layout larger than 32-bit offsets.
  static std::unique_ptr<Walk> make(const Plain& plain, const Bins& bins);

  virtual size_t row_scratch_bytes() const = 0;
  virtual void row(const Bins& bins, const double* x, double* out, std::byte* scratch) const = 0;

  virtual size_t block_scratch_bytes() const = 0;
  virtual void block(const Bins& bins, const double* const* columns, int rows, double* out, std::byte* scratch) const = 0;
};

}  // namespace scoring
