// Memory aligned to cache lines, for tables and working memory that vector instructions read.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

namespace scoring {

constexpr size_t line_bytes = 64;

// Grows on demand and does not keep its contents when it grows.
class Aligned {
 public:
  // At least `bytes` bytes, a multiple of a line; what they hold is undefined.
  std::byte* reserve(size_t bytes) {
    const size_t rounded = (bytes + line_bytes - 1) / line_bytes * line_bytes;
    if (rounded > size_) {
      memory_.reset(static_cast<std::byte*>(::operator new(rounded, std::align_val_t(line_bytes))));
      size_ = rounded;
    }
    return memory_.get();
  }
  const std::byte* data() const { return memory_.get(); }
  size_t size() const { return size_; }

 private:
  struct Delete {
    void operator()(std::byte* memory) const { ::operator delete(memory, std::align_val_t(line_bytes)); }
  };
  std::unique_ptr<std::byte, Delete> memory_;
  size_t size_ = 0;
};

}  // namespace scoring
