// Working memory lent to one call at a time and kept for the next one.
#pragma once
#include <array>
#include <atomic>
#include <memory>

namespace scoring {

template <class Item>
class FreeList {
 public:
  FreeList() = default;
  FreeList(const FreeList&) = delete;
  FreeList& operator=(const FreeList&) = delete;
  ~FreeList() {
    for (auto& slot : slots_) delete slot.load(std::memory_order_relaxed);
  }

  // Gives the item back when it goes out of scope.
  class Loan {
   public:
    Loan(FreeList& list, std::unique_ptr<Item> item) : list_(list), item_(std::move(item)) {}
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    ~Loan() { list_.give(std::move(item_)); }
    Item& operator*() const { return *item_; }
    Item* operator->() const { return item_.get(); }

   private:
    FreeList& list_;
    std::unique_ptr<Item> item_;
  };

  // One exchange when nobody else is about, no lock ever. Not thread_local: many pipelines may live and die in one thread.
  template <class Make>
  Loan borrow(Make make) {
    for (auto& slot : slots_) {
      if (!slot.load(std::memory_order_relaxed)) continue;
      if (Item* item = slot.exchange(nullptr, std::memory_order_acquire)) return Loan(*this, std::unique_ptr<Item>(item));
    }
    return Loan(*this, make());
  }

 private:
  void give(std::unique_ptr<Item> item) {
    for (auto& slot : slots_) {
      Item* empty = nullptr;
      if (slot.compare_exchange_strong(empty, item.get(), std::memory_order_release, std::memory_order_relaxed)) {
        item.release();
        return;
      }
    }   // more than were ever idle at once: let it go
  }

  std::array<std::atomic<Item*>, 16> slots_{};
};

}  // namespace scoring
