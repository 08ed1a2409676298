// What the kernels of the block path read: plain arrays, prepared for one width of vectors.
//
// A mask holds one bit for each of the rows that a kernel evaluates together. All offsets are in bytes from the start of an area.
#pragma once
#include <cstddef>
#include <cstdint>

namespace scoring {

constexpr int plane_limit = 8;   // leaves are numbered with a byte

// Conditions of a numeric slot: masks of `bin <= limit` for each limit that some node asks for, ascending.
struct PlanSlot {
  uint32_t bins_offset;    // which column of bins, in units of slots
  uint32_t limits;         // how many; they are at limit[first_limit]
  uint32_t first_limit;
  uint32_t first_rank;     // rank[first_rank + bin]: index of the first limit that is at least the bin
  uint32_t condition;      // offset of the first condition
};

// A categorical slot: masks of `bin == b`, from which nodes put their sets together.
struct PlanCategories {
  uint32_t bins_offset;
  uint32_t bins;
  uint32_t equal;          // offset of the first mask in the area of equals
};

struct PlanNode {
  uint32_t condition;      // offset of the condition's mask
  uint16_t from;           // offsets of the masks of the rows that come here, go left, go right
  uint16_t left, right;
  uint16_t unused;
};

// A set of a categorical node: the OR of some equals, or its complement. Members come in fours, the last one repeated.
struct PlanSet {
  uint32_t condition;
  uint16_t fours;
  uint16_t invert;         // 0 or 1
};

struct PlanTree {
  uint32_t first_node, nodes;
  uint32_t first_set, sets;
  uint32_t first_member;
  uint32_t first_plane;    // index of plane_end of the tree's first plane
  uint32_t planes;
  uint32_t first_entry;
  uint32_t first_leaf;
};

struct Plan {
  const PlanSlot* slots;
  uint32_t slot_count;
  const PlanCategories* categories;
  uint32_t category_count;
  const uint16_t* limit;
  const uint16_t* rank;
  const PlanTree* trees;
  uint32_t tree_count, outputs;
  const PlanNode* nodes;
  const PlanSet* sets;
  const uint16_t* members;     // masks of the area of equals, by number
  const uint16_t* plane_end;   // entries of a tree's planes end here, counted from first_entry
  const uint16_t* entries;     // offsets of masks of rows; their OR is the plane
  const double* leaves;        // left to right in each tree
};

// Areas of working memory, all aligned to 64 bytes.
struct PlanMemory {
  std::byte* conditions;
  std::byte* equals;
  std::byte* rows;       // masks of the rows at each node of the tree in hand
  std::byte* leaf;       // leaf numbers: trees_together x rows
  double* sums;          // one for each row
};

constexpr int trees_together = 8;   // trees whose leaves are added in one pass over the sums

// Evaluates the rows of one mask. bins: column of slot s is at bins + s * rows. out is rows x outputs; only `rows_wanted` are
// written.
struct BlockKernel {
  int mask_bytes;
  void (*narrow)(const Plan&, const PlanMemory&, const uint8_t* bins, int rows_wanted, double* out);
  void (*wide)(const Plan&, const PlanMemory&, const uint16_t* bins, int rows_wanted, double* out);
};

BlockKernel block_kernel();

}  // namespace scoring
