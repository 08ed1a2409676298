// A model compiled for speed: rows are binned to bytes once, exactly, and trees compare bytes.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "model.hpp"

namespace scoring {

constexpr int block_rows = 512;   // rows that the block path evaluates together: one bit each

class Forest {
 public:
  // Working memory of one thread. Reused over calls; never shared between threads at one time.
  class Scratch;
  struct ScratchDelete {
    void operator()(Scratch*) const;
  };
  using ScratchPtr = std::unique_ptr<Scratch, ScratchDelete>;

  explicit Forest(const Model& model);   // keeps no reference to the model
  ~Forest();
  Forest(const Forest&) = delete;
  Forest& operator=(const Forest&) = delete;

  ScratchPtr scratch() const;

  // Features that some tree asks for, ascending; the others are never read.
  const std::vector<int32_t>& features_read() const;

  // From this many rows on, `block` is the faster way.
  int block_from() const;

  // Raw scores of one row: x has model.features doubles, out model.outputs.
  void row(const double* x, double* out, Scratch& scratch) const;

  // Raw scores of up to block_rows rows. columns[f] points to block_rows doubles of feature f, 64-byte aligned, readable to
  // the end even when rows < block_rows (the rest may hold anything); null for features that are not read.
  // out is rows x model.outputs, row-major.
  void block(const double* const* columns, int rows, double* out, Scratch& scratch) const;

 private:
  struct Body;
  std::unique_ptr<Body> body_;
};

}  // namespace scoring
