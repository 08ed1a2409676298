// The three forms of a node of a walk, from small to general. All lead to the pair of children by a distance from themselves.
#pragma once
#include <cstdint>
#include <cstring>

namespace scoring {

// A leaf's `slot` is where its value is: this many units of 4 bytes after the node. Bins are read for leaves too, and
// compared with a limit that no bin exceeds; rows of bins are long enough for that.
constexpr int leaf_slot_reach = 16;

// 8-bit bins, at most 256 slots, no categorical nodes.
struct NarrowNode {
  using Bin = uint8_t;
  static constexpr uint64_t most_next = 0xffff;
  static constexpr uint64_t most_slots = 256;
  static constexpr uint32_t no_limit = 0xff;
  static constexpr bool sets = false;

  uint32_t word;   // slot, limit, next (16 bits): one load

  static NarrowNode make(uint32_t slot, uint32_t limit, uint64_t next) {
    return {slot | limit << 8 | static_cast<uint32_t>(next) << 16};
  }
  uint32_t slot() const { return word & 0xff; }
  uint32_t next() const { return word >> 16; }
  uint32_t goes_right(const Bin* row, const uint32_t*) const { return (word >> 8 & 0xff) < row[slot()]; }
};

// 16-bit bins, no categorical nodes.
struct WideNode {
  using Bin = uint16_t;
  static constexpr uint64_t most_next = 0xffffffff;
  static constexpr uint64_t most_slots = 65536;
  static constexpr uint32_t no_limit = 0xffff;
  static constexpr bool sets = false;

  uint64_t word;   // slot (16 bits), limit (16 bits), next (32 bits): one load

  static WideNode make(uint32_t slot, uint32_t limit, uint64_t next) {
    return {slot | static_cast<uint64_t>(limit) << 16 | next << 32};
  }
  uint32_t slot() const { return word & 0xffff; }
  uint32_t next() const { return static_cast<uint32_t>(word >> 32); }
  uint32_t goes_right(const Bin* row, const uint32_t*) const { return (word >> 16 & 0xffff) < row[slot()]; }
};

// Categorical nodes among others. Both tests are made at every node, so that none needs a branch: a numeric node has mask 0 and
// finds bits that are all ones; a categorical node has a limit that no bin exceeds.
struct SetNode {
  using Bin = uint16_t;
  static constexpr uint64_t most_next = 0xffffffff;
  static constexpr uint64_t most_slots = 65536;
  static constexpr uint32_t no_limit = 0xffff;
  static constexpr bool sets = true;

  uint32_t next_;
  uint16_t slot_, limit_;
  uint32_t set_first, bin_mask;

  static SetNode make(uint32_t slot, uint32_t limit, uint64_t next) {
    return {static_cast<uint32_t>(next), static_cast<uint16_t>(slot), static_cast<uint16_t>(limit), 0, 0};
  }
  uint32_t slot() const { return slot_; }
  uint32_t next() const { return next_; }
  uint32_t goes_right(const Bin* row, const uint32_t* words) const {
    const uint32_t bin = row[slot_];
    const uint32_t masked = bin & bin_mask;
    const uint32_t outside = ~(words[set_first + masked / 32] >> (masked % 32)) & 1;
    return static_cast<uint32_t>(limit_ < bin) | outside;
  }
};

template <class Node>
double leaf_value(const Node* node) {
  double value;
  std::memcpy(&value, reinterpret_cast<const std::byte*>(node) + node->slot() * size_t{4}, sizeof value);
  return value;
}

}  // namespace scoring
